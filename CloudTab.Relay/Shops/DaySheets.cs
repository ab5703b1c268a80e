using System.Globalization;
using Npgsql;

namespace CloudTab.Relay;

/// <summary>What a shop has printed on a day, and for how much. It names no customer, and outlives the sessions.</summary>
public sealed class DaySheets(Database database, Payments payments)
{
    /// <summary>How long finished jobs are remembered.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(400);

    /// <summary>The jobs that a shop has finished on a day, in their order.</summary>
    /// <param name="timeZone">Name of the zone whose midnights the day lies between, such as `Asia/Kolkata`; also one that browsers still use.</param>
    /// <returns>The jobs, or null if there is no such zone.</returns>
    public async Task<List<FinishedJob>?> FindAsync(string shop, DateOnly day, string timeZone, CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT id, finished_at AT TIME ZONE @timeZone AS FinishedAt, counter, token, files, monochrome, color, uncounted_files AS UncountedFiles,
                   amount, is_complete AS IsComplete, currency, paid_amount AS PaidAmount, is_paid AS IsPaid
            FROM finished_jobs
            WHERE shop_id = @shop
                AND finished_at >= @day::date::timestamp AT TIME ZONE @timeZone AND finished_at < (@day::date + 1)::timestamp AT TIME ZONE @timeZone
            ORDER BY finished_at, session, claim
            """;
        try
        {
            return await database.QueryAsync<FinishedJob>(
                sql, new { shop, day = day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), timeZone = TimeZones.NameOf(timeZone) }, cancellationToken);
        }
        catch (PostgresException unknown) when (unknown.SqlState == PostgresErrorCodes.InvalidParameterValue)
        {
            return null;
        }
    }

    /// <summary>
    /// Corrects whether a finished job was paid. Of a session that is completed it is as if the session were marked: its customer sees it. The job may
    /// also be the first part of a session of which files that came late still wait, or of one that is forgotten: then only the day sheet changes.
    /// </summary>
    /// <returns>Done, NotFound, or KeyRevoked.</returns>
    public async Task<Outcome> MarkAsync(ShopKey key, Guid job, bool isPaid, CancellationToken cancellationToken)
    {
        const string find = """
            SELECT coalesce(sessions.session_id, '')
            FROM finished_jobs LEFT JOIN sessions ON sessions.id = finished_jobs.session AND sessions.done_claim = finished_jobs.claim AND sessions.status = 'completed'
            WHERE finished_jobs.id = @job AND finished_jobs.shop_id = @Shop
            """;
        const string mark = """
            WITH marked AS (
                UPDATE finished_jobs SET is_paid = @isPaid, paid_amount = CASE WHEN @isPaid THEN amount ELSE 0 END
                WHERE id = @job AND shop_id = @Shop AND key_is_valid(@Id)
                RETURNING id
            )
            SELECT CASE WHEN EXISTS (SELECT FROM marked) THEN 'Done' WHEN key_is_valid(@Id) THEN 'NotFound' ELSE 'KeyRevoked' END
            """;
        if (await database.QuerySingleOrDefaultAsync<string>(find, new { job, key.Shop }, cancellationToken) is not { } session)
            return Outcome.NotFound;
        if (session.Length > 0)
        {
            var name = SessionName.Parse(session);
            var (outcome, _) = isPaid ? await payments.MarkAsync(key, name, amount: null, cancellationToken) : await payments.UnmarkAsync(key, name, cancellationToken);
            // Else the session has been forgotten in between, and its job is there still.
            if (outcome != Outcome.NotFound)
                return outcome;
        }

        return Enum.Parse<Outcome>((await database.ChangeSingleOrDefaultAsync<string>(mark, new { job, key.Shop, key.Id, isPaid }, cancellationToken))!);
    }
}

/// <summary>A job that a shop has finished.</summary>
/// <param name="Id">What the shop names it by.</param>
/// <param name="FinishedAt">By the clock of the zone that was asked for.</param>
/// <param name="Counter">Name of the key that completed it.</param>
/// <param name="Token">The number that its customer had in the queue.</param>
/// <param name="Monochrome">Pages that were printed in black and white.</param>
/// <param name="Color">Pages that were printed in colour.</param>
/// <param name="UncountedFiles">Files whose pages nobody knows.</param>
/// <param name="Amount">What is known of its price, in the smallest unit of the currency.</param>
/// <param name="IsComplete">Whether that is the whole price.</param>
/// <param name="PaidAmount">How much of it was marked as paid.</param>
public sealed record FinishedJob(
    Guid Id,
    DateTime FinishedAt,
    string Counter,
    int? Token,
    int Files,
    long Monochrome,
    long Color,
    int UncountedFiles,
    long Amount,
    bool IsComplete,
    string Currency,
    long PaidAmount,
    bool IsPaid);
