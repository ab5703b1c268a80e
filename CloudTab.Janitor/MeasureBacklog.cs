using CloudTab.Relay;

namespace CloudTab.Janitor;

/// <summary>Measures how far behind the Janitor is. Replicas all report the same numbers: take the maximum, not the sum.</summary>
internal sealed class MeasureBacklog(Database database, Telemetry telemetry, Lifetimes lifetimes)
{
    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        // A file counts as overdue since its session ended, else since its lifetime was over, else since it was given up (which is
        // no more than a lease after it was begun).
        const string sql = """
            SELECT sessions.count AS Sessions, sessions.since AS SessionsSince, files.count AS Files, files.since AS FilesSince
            FROM (
                SELECT count(*), min(expires_at) AS since
                FROM sessions
                WHERE status IN ('open', 'pending', 'processing') AND expires_at <= @now
            ) AS sessions, (
                SELECT count(*), min(since) AS since
                FROM (
                    SELECT least(sessions.ended_at, files.stored_at + @lifetime, files.created_at + @lifetime) AS since
                    FROM files JOIN sessions ON sessions.id = files.session
                    WHERE files.status = 'deleting'
                    UNION ALL
                    SELECT stored_at + @lifetime FROM files WHERE status = 'stored' AND stored_at <= @now - @lifetime
                ) AS overdue
            ) AS files
            """;
        var now = lifetimes.Now;
        var backlog = await database.QuerySingleOrDefaultAsync<Backlog>(sql, new { now, lifetime = lifetimes.OfFile }, cancellationToken);
        telemetry.Measured(backlog!, now);
        return new(Done: 0, More: false);
    }
}

/// <summary>What is overdue: how many, and since when the oldest of them is.</summary>
internal sealed record Backlog(long Sessions, DateTime? SessionsSince, long Files, DateTime? FilesSince);
