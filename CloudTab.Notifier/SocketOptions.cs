namespace CloudTab.Notifier; internal sealed class SocketOptions;
