namespace CloudTab.Gateway; internal sealed class GatewayOptions;
