using System.Diagnostics;
using Dapper;

namespace CloudTab.Relay;

/// <summary>
/// Changes the state of sessions, with all that belongs to a change: its event, the wake-up after the commit, its count, and the session's
/// id on the trace.
///
/// The very statement that changes the state writes the event, so neither can exist without the other:
/// `WITH changed AS (UPDATE sessions … RETURNING …), event AS (…) SELECT … AS Session, … AS Moved, … AS Origin`.
///
/// If a statement locks the row first, as `before`, to know what it was, its SET clauses still must not use that: after a wait `before`
/// is the newest version, while Postgres first tries the update, CHECK constraints included, on the version of its snapshot, and only
/// then on the newest. A mixture of both may be a row that never was.
/// </summary>
public sealed class StateChanges(Database database, Wakeups wakeups, RelayTelemetry telemetry, Lifetimes lifetimes)
{
    /// <summary>
    /// What stands in `event AS (…)`: an event for every row of `changed`, whose column `announced` tells whether the shop has heard of
    /// the session before.
    /// </summary>
    internal const string Event = """
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

    // https://www.w3.org/TR/trace-context/#tracestate-limits: pass on this much at least; what is more is cut at the end of an entry.
    private const int LongestTraceState = 512;

    /// <summary>Runs a statement that changes sessions.</summary>
    /// <param name="transition">What it counts as for each session that came into another state; null if none does.</param>
    /// <param name="parameters">What the statement needs besides `now`, `traceParent` and `traceState`.</param>
    /// <returns>The rows that it returned: none if it changed nothing.</returns>
    internal async Task<List<StateChange>> MakeAsync(
        Transition? transition, string sql, object parameters, CancellationToken cancellationToken)
    {
        var all = new DynamicParameters(parameters);
        all.AddDynamicParams(new { now = lifetimes.Now, traceParent = TraceParent, traceState = TraceState });
        var changes = await database.ChangeAsync<StateChange>(sql, all, cancellationToken);
        if (changes.Count == 0)
            return changes;
        RelayTelemetry.FoundWork();
        if (changes is [var single])
            RelayTelemetry.TagSession(single.Session, single.Origin);
        if (transition is not null)
            telemetry.Moved(transition.Value, changes.Count(change => change.Moved));
        wakeups.Signal();
        return changes;
    }

    // A round that looks for work has found some, if it writes an event.
    private static string? TraceParent => Activity.Current is { IdFormat: ActivityIdFormat.W3C } work
        ? $"00-{work.TraceId}-{work.SpanId}-{(work.Recorded || RelayTelemetry.IsLooking(work) ? "01" : "00")}"
        : null;

    private static string? TraceState => Activity.Current?.TraceStateString switch
    {
        { Length: > LongestTraceState } state => state[..Math.Max(0, state.LastIndexOf(',', LongestTraceState))],
        var state => state,
    };
}

/// <summary>What a statement says of a session that it changed.</summary>
/// <param name="Session">Internal id.</param>
/// <param name="Moved">Whether it came into another state; one that was only prolonged or renewed did not.</param>
/// <param name="Origin">W3C traceparent of the work that submitted it, if the statement asks for it.</param>
internal sealed record StateChange(Guid Session, bool Moved, string? Origin);
