using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.Janitor;

/// <summary>
/// Forgets what nobody asks for any more: ended sessions with their files' rows and events, old receipts, old events with what webhooks have
/// not accepted of them, replicas that are gone, from where keys were used or guessed, browsers that have not been used, tickets that were
/// not, finished jobs of long ago, print agents that are silent.
/// </summary>
internal sealed class Purge(Database database, Lifetimes lifetimes, IOptions<JanitorOptions> options)
{
    // Readers of events are seconds behind, not days; a socket that reconnects gets the pending list, not the past.
    private static readonly TimeSpan EventAge = TimeSpan.FromDays(1);

    public async Task<Batch> RunOnceAsync(CancellationToken cancellationToken)
    {
        // Events first: those that go with sessions are deleted by a statement for each session, which lock webhooks in no order.
        var events = await PurgeEventsAsync(cancellationToken);
        var sessions = await PurgeSessionsAsync(cancellationToken);
        var receipts = await PurgeReceiptsAsync(cancellationToken);
        var replicas = await PurgeReplicasAsync(cancellationToken);
        var keys = await PurgeKeysAsync(cancellationToken);
        return new(
            sessions + receipts + events + replicas + keys, More: ((int[])[sessions, receipts, events]).Contains(options.Value.BatchSize));
    }

    /// <summary>A session whose objects are not all gone keeps its rows: they are how the objects are found. So does one whose receipt is not made.</summary>
    private Task<int> PurgeSessionsAsync(CancellationToken cancellationToken)
    {
        const string sql = """
            WITH due AS (
                SELECT id FROM sessions
                WHERE ended_at <= @endedBefore AND NOT receipt_due
                    AND NOT EXISTS (SELECT FROM files WHERE files.session = sessions.id AND files.status <> 'deleted')
                ORDER BY ended_at
                LIMIT @limit
                FOR UPDATE SKIP LOCKED
            ), forgotten AS (
                DELETE FROM files USING due WHERE files.session = due.id
            )
            DELETE FROM sessions USING due WHERE sessions.id = due.id -- and its events, by their foreign key
            """;
        return database.ExecuteAsync(
            sql, new { endedBefore = lifetimes.Now.AddMilliseconds(-options.Value.PurgeAfter), limit = options.Value.BatchSize }, cancellationToken);
    }

    private Task<int> PurgeReceiptsAsync(CancellationToken cancellationToken)
    {
        const string sql = """
            WITH due AS (
                SELECT id FROM receipts
                WHERE created_at <= @createdBefore
                ORDER BY created_at
                LIMIT @limit
                FOR UPDATE SKIP LOCKED
            )
            DELETE FROM receipts USING due WHERE receipts.id = due.id
            """;
        return database.ExecuteAsync(
            sql, new { createdBefore = lifetimes.Now.AddMilliseconds(-options.Value.ReceiptLifetime), limit = options.Value.BatchSize }, cancellationToken);
    }

    private Task<int> PurgeEventsAsync(CancellationToken cancellationToken)
    {
        const string sql = """
            WITH due AS (
                SELECT id FROM events
                WHERE created_at <= @createdBefore
                ORDER BY created_at
                LIMIT @limit
                FOR UPDATE SKIP LOCKED
            )
            DELETE FROM events USING due WHERE events.id = due.id
            """;
        return database.ExecuteAsync(sql, new { createdBefore = lifetimes.Now - EventAge, limit = options.Value.BatchSize }, cancellationToken);
    }

    private Task<int> PurgeReplicasAsync(CancellationToken cancellationToken)
    {
        // Rows without a lease are of a statement that came when its replica had begun another lease.
        const string sql = """
            WITH lapsed AS (
                DELETE FROM replica_leases WHERE ends_at <= @now RETURNING replica
            )
            DELETE FROM connected_sockets
            WHERE replica IN (SELECT replica FROM lapsed)
                OR NOT EXISTS (SELECT FROM replica_leases WHERE replica_leases.replica = connected_sockets.replica)
            """;
        return database.ExecuteAsync(sql, new { now = lifetimes.Now }, cancellationToken);
    }

    private Task<int> PurgeKeysAsync(CancellationToken cancellationToken)
    {
        const string sql = """
            WITH guesses AS (
                DELETE FROM key_guesses WHERE began_at <= now() - interval '10 minutes'
            ), tickets AS (
                DELETE FROM tickets WHERE made_at <= @madeBefore
            ), jobs AS (
                DELETE FROM finished_jobs WHERE finished_at <= @finishedBefore
            ), sign_ins AS (
                DELETE FROM sign_ins WHERE used_at <= @signedInBefore
            ), agents AS (
                DELETE FROM agents WHERE seen_at <= @seenBefore
            )
            DELETE FROM key_uses WHERE used_at <= now() - interval '30 days'
            """;
        var parameters = new
        {
            madeBefore = lifetimes.Now - Tickets.Lifetime,
            signedInBefore = lifetimes.Now - SignIns.IdleLimit,
            finishedBefore = lifetimes.Now - DaySheets.Retention,
            seenBefore = lifetimes.Now - Agents.Retention,
        };
        return database.ExecuteAsync(sql, parameters, cancellationToken);
    }
}
