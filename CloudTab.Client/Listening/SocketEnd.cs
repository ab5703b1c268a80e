using System.Net.WebSockets;

namespace CloudTab.Client;

/// <summary>How a socket ended, and when to open the next.</summary>
internal sealed class SocketEnd
{
    /// <summary>Longest pause that a relay can ask for.</summary>
    public static readonly TimeSpan LongestAsked = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    // Too many sockets, messages or wrong keys, counted by the minute: asking at once keeps the count where it is. A firewall counts in the same way.
    private static readonly TimeSpan FirstAfterTooMany = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestAfterTooMany = TimeSpan.FromMinutes(2);

    /// <summary>Whether it had authenticated.</summary>
    public bool WasConnected { get; set; }

    /// <summary>What the relay closed it with; null if it broke.</summary>
    public WebSocketCloseStatus? Code { get; set; }

    /// <summary>Whether a proxy or a firewall refused it with 401 or 403.</summary>
    public bool IsForbidden { get; set; }

    /// <summary>For a log.</summary>
    public string Reason { get; set; } = "";

    /// <summary>The pause that the relay asked for.</summary>
    public TimeSpan? RetryAfter { get; set; }

    /// <summary>The pause before the next one.</summary>
    /// <param name="failures">Sockets in a row that were not authenticated.</param>
    public TimeSpan Pause(int failures)
    {
        var attempt = Math.Max(0, failures - 1);
        var pause = RetryAfter is null && (IsForbidden || Code is (WebSocketCloseStatus)4429)
            ? Retries.Pause(FirstAfterTooMany, LongestAfterTooMany, attempt)
            : Retries.Pause(RetryAfter, First, Longest, attempt);
        return pause < LongestAsked ? pause : LongestAsked;
    }
}
