using System.Diagnostics;

namespace CloudTab.Relay;

/// <summary>
/// The event row of a state change. The very statement that changes the state writes it, so neither can exist without the other:
/// `WITH changed AS (UPDATE sessions … RETURNING …), event AS (…)`.
///
/// Where a statement locks the row first, as `before`, to know what it was, its SET clauses still must not use that: having waited,
/// `before` is the newest version, while Postgres first tries the update, CHECK constraints included, on the version of its
/// snapshot, and only then on the newest. A mixture of both may be a row that never was.
/// </summary>
public static class Events
{
    /// <summary>
    /// What stands in `event AS (…)`: an event for every row of `changed`, whose column `announced` tells whether the shop has
    /// heard of the session before. Needs the parameters now, traceParent and traceState.
    /// </summary>
    internal const string Insert = """
        INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at, trace_parent, trace_state)
            SELECT shop_id, id, CASE WHEN announced THEN 'session_updated' ELSE 'new_session' END, status, file_count, total_size,
                   @now, @traceParent, @traceState
            FROM changed
        """;

    /// <summary>A subquery for the W3C traceparent of the work that submitted the session in `sessions`.</summary>
    public const string Origin = """
        SELECT trace_parent FROM events
        WHERE events.session = sessions.id AND type = 'new_session'
        LIMIT 1
        """;

    // https://www.w3.org/TR/trace-context/#tracestate-limits: so much should be passed on; what is more is cut at an entry's end.
    private const int LongestTraceState = 512;

    /// <summary>W3C traceparent of the work at hand, to be stored with its event.</summary>
    internal static string? TraceParent => Activity.Current is { IdFormat: ActivityIdFormat.W3C } work ? work.Id : null;

    /// <summary>W3C tracestate of the work at hand, as much of it as may be stored.</summary>
    internal static string? TraceState => Activity.Current?.TraceStateString switch
    {
        { Length: > LongestTraceState } state => state[..Math.Max(0, state.LastIndexOf(',', LongestTraceState))],
        var state => state,
    };
}
