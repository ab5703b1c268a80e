using System.Reflection;
using Microsoft.Extensions.Logging.Console;

namespace CloudTab.Gateway;

/// <summary>
/// Runs what waits for a socket on the thread that has learned of its bytes. By default that thread wakes one of the thread pool for each
/// read, which takes as long as the gateway's own work for a small request (bench/README.md). The price: while a thread that waits for sockets
/// does anything else, its sockets are silent, and if it waits for one of them, they are silent for ever. So nothing in the gateway may block.
/// </summary>
internal static class InlineSockets
{
    private const string Switch = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>
    /// Before the process has its first socket. The runtime has this switch in the environment only; an operator's own value stays. In a
    /// process that also does other things, as a test's, nothing changes.
    /// </summary>
    public static void Enable()
    {
        if (Assembly.GetEntryAssembly() == typeof(InlineSockets).Assembly && Environment.GetEnvironmentVariable(Switch) is null)
            Environment.SetEnvironmentVariable(Switch, "1");
    }

    /// <summary>Keeps the one part of the framework from blocking that would: the console, where nobody takes what is written to it.</summary>
    public static void KeepSocketThreadsFree(this WebApplicationBuilder builder) =>
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite);
}
