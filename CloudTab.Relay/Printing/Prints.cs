using System.Text.Json;

namespace CloudTab.Relay;

/// <summary>
/// The ledger of what was printed: attempts, each by the id that its agent gave it. While one is `sent` or `printing`, its session's claim does not
/// lapse: it holds as long as the file lives, until the last report is final or a person gives the session back (<see cref="Claims.ReleaseAsync"/>).
/// </summary>
public sealed class Prints(Database database, StateChanges changes, Lifetimes lifetimes)
{
    /// <summary>Attempts to print that a file may have: a program that goes wrong begins no more.</summary>
    public const int MostAttempts = 100;

    /// <summary>What stands in `event AS (…)`: an event for each row of `prints`, which a statement has just written, of the session in `changed`.</summary>
    internal const string Event = $"""
        INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at, trace_parent, trace_state, file, print)
            SELECT changed.shop_id, changed.id, 'print_changed', changed.status, changed.file_count, changed.total_size,
                   @now, @traceParent, @traceState, prints.file, {Print.Json}
            FROM changed,
        """;

    // Whether a report tells something new of the attempt in `before`: printed and failed are equally final, and a grade only rises.
    private const string IsNews = """
        CASE WHEN before.state <> @state
            THEN coalesce(array_position(ARRAY['sent', 'printing', 'unknown'], @state), 4) > coalesce(array_position(ARRAY['sent', 'printing', 'unknown'], before.state), 4)
            WHEN @state = 'printed'
            THEN array_position(ARRAY['handed_over', 'printer_finished', 'confirmed'], @grade)
                > array_position(ARRAY['handed_over', 'printer_finished', 'confirmed'], before.grade)
            ELSE @state IN ('sent', 'printing') AND (before.reasons, before.pages, before.copies)
                IS DISTINCT FROM (@reasons::jsonb, coalesce(@pages, before.pages), coalesce(@copies, before.copies))
        END
        """;

    // Who may report news: the holder of the claim; how it ended, also whoever began it; what became of one that has ended, any person of the shop.
    private const string MayReport = """
        (is_holder OR @isFinal AND (before.key_id = @key OR @isPerson AND before.state IN ('printed', 'failed', 'unknown')))
        """;

    private const string IsHolder = "sessions.status = 'processing' AND sessions.claimed_by = @key AS is_holder";

    // A shop sees nothing of a session that was not submitted, nor of a file that is not stored yet.
    private const string OfShop = """
        sessions.shop_id = @shop AND sessions.submitted_at IS NOT NULL AND files.id = @file AND files.stored_at IS NOT NULL
        """;

    /// <summary>Records a report. The same report again, or one that is older than what is known, changes nothing.</summary>
    /// <param name="report">As <see cref="PrintReport.Clean"/> has made it.</param>
    /// <returns>Done with the attempt as it is known then, unless something is wrong with the options.</returns>
    public async Task<(Outcome Outcome, Print? Print, InvalidPrintOption? Fault)> ReportAsync(
        ShopKey key, Guid file, PrintReport report, CancellationToken cancellationToken)
    {
        var (options, fault) = await OptionsOfAsync(key.Shop, file, report, cancellationToken);
        if (fault is not null)
            return (Outcome.Done, null, fault);
        var parameters = new
        {
            shop = key.Shop,
            key = key.Id,
            isPerson = !key.IsDevice,
            file,
            attempt = report.Attempt,
            printer = report.Printer,
            options = options?.ToJson(),
            state = WireNames.Of(report.State!.Value),
            isFinal = report.State is PrintState.Printed or PrintState.Failed or PrintState.Unknown,
            grade = report.Grade is { } grade ? WireNames.Of(grade) : null,
            pages = report.Pages,
            copies = report.Copies,
            reasons = JsonSerializer.Serialize(report.Reasons!, PrintingContext.Default.IReadOnlyListString),
            again = report.Again,
            now = lifetimes.Now,
            lifetime = lifetimes.OfFile.TotalSeconds,
            leaseEnd = lifetimes.NextClaimEnd,
            expiresAt = lifetimes.NextExpiry,
            most = MostAttempts,
        };
        while (true)
        {
            var outcome = await TryReportAsync(parameters, cancellationToken) ? Outcome.Done : await OutcomeAsync(parameters, cancellationToken);
            if (outcome == Outcome.Done)
                return await FindAsync(key.Shop, file, report.Attempt!.Value, cancellationToken) is { } print ? (Outcome.Done, print, null) : (Outcome.FileNotFound, null, null);
            if (outcome is { } refusal)
                return (refusal, null, null);
            // What was in the way has gone in between.
        }
    }

    /// <summary>All attempts to print a file, oldest first; null if the shop has no such file.</summary>
    public async Task<List<Print>?> ListAsync(string shop, Guid file, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT {Print.Json}
            FROM prints JOIN files ON files.id = prints.file JOIN sessions ON sessions.id = files.session
            WHERE {OfShop}
            ORDER BY prints.number
            """;
        var found = await database.QueryAsync<Print>(sql, new { shop, file }, cancellationToken);
        return found.Count > 0 || await FileOptionsAsync(shop, file, cancellationToken) is not null ? found : null;
    }

    private async Task<bool> TryReportAsync(object parameters, CancellationToken cancellationToken)
    {
        const string sql = $"""
            WITH held AS MATERIALIZED (
                SELECT sessions.id, {IsHolder}, files.id AS file, files.status AS file_status, files.print_options, files.stored_at
                FROM sessions JOIN files ON files.session = sessions.id
                WHERE {OfShop} AND key_is_valid(@key)
                FOR UPDATE OF sessions, files
            ), known AS MATERIALIZED (
                SELECT prints.* FROM held, prints_of(held.id) AS prints
            ), accepted AS (
                SELECT held.*, @state IN ('sent', 'printing')
                    OR EXISTS (SELECT FROM known WHERE (file, attempt) <> (@file, @attempt) AND state IN ('sent', 'printing')) AS is_printing
                FROM held LEFT JOIN known AS before ON before.file = @file AND before.attempt = @attempt
                WHERE CASE WHEN before.attempt IS NULL
                    THEN is_holder AND file_status = 'stored' AND (SELECT count(*) FROM known WHERE file = @file) < @most
                        AND (@again IS NOT NULL OR NOT EXISTS (SELECT FROM known WHERE file = @file AND state <> 'failed'))
                    ELSE {MayReport} AND {IsNews}
                END
            ), reported AS (
                INSERT INTO prints (file, attempt, key_id, printer, print_options, state, grade, pages, copies, reasons, again, changed_at)
                SELECT file, @attempt, @key, @printer, coalesce(@options::jsonb, print_options), @state, @grade, @pages, @copies, @reasons::jsonb, @again, @now
                FROM accepted
                ON CONFLICT (file, attempt) DO UPDATE
                SET state = excluded.state, grade = excluded.grade, pages = coalesce(excluded.pages, prints.pages),
                    copies = coalesce(excluded.copies, prints.copies), reasons = excluded.reasons, changed_at = excluded.changed_at
                RETURNING *
            ), changed AS (
                UPDATE sessions
                SET printing = is_printing,
                    claimed_until = CASE
                        WHEN sessions.status <> 'processing' THEN NULL
                        WHEN is_printing THEN greatest(sessions.claimed_until, accepted.stored_at + make_interval(secs => @lifetime))
                        WHEN sessions.printing OR sessions.claimed_by = @key THEN @leaseEnd
                        ELSE sessions.claimed_until
                    END,
                    -- It was prolonged with the claim.
                    expires_at = CASE WHEN sessions.status = 'processing' AND sessions.printing AND NOT is_printing THEN @expiresAt ELSE sessions.expires_at END
                FROM accepted
                WHERE sessions.id = accepted.id
                RETURNING sessions.*
            ), event AS (
                {Event} reported AS prints
            )
            SELECT id AS Session, false AS Moved, ({StateChanges.Origin}) AS Origin FROM changed AS sessions
            """;
        return await changes.MakeAsync(transition: null, sql, parameters, cancellationToken) is [_];
    }

    /// <summary>What a report that changed nothing is answered: Done if there was nothing to change; null if it would change something now.</summary>
    private async Task<Outcome?> OutcomeAsync(object parameters, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT CASE
                WHEN NOT key_is_valid(@key) THEN 'KeyRevoked'
                WHEN before.attempt IS NOT NULL AND {MayReport} AND {IsNews} THEN 'Again'
                -- Of a session that has ended a repeated report is not Done: its agent asks by it whether it may go on.
                WHEN before.attempt IS NOT NULL AND NOT {IsNews} AND ({MayReport} OR before.key_id = @key) AND (@isFinal OR ended_at IS NULL) THEN 'Done'
                WHEN ended_at IS NOT NULL OR NOT is_holder AND expires_at <= @now THEN 'Closed'
                WHEN session_status = 'pending' THEN 'NotClaimed'
                WHEN NOT is_holder THEN 'ClaimedByAnother'
                WHEN file_status <> 'stored' THEN 'FileDeleted'
                WHEN @again IS NULL AND EXISTS (SELECT FROM prints WHERE file = @file AND state IN ('printed', 'unknown')) THEN 'AlreadyPrinted'
                WHEN @again IS NULL AND EXISTS (SELECT FROM prints WHERE file = @file AND state IN ('sent', 'printing')) THEN 'StillPrinting'
                WHEN (SELECT count(*) FROM prints WHERE file = @file) >= @most THEN 'TooManyPrints'
                ELSE 'Again'
            END
            FROM (
                SELECT files.id AS file, files.status AS file_status, sessions.status AS session_status, ended_at, expires_at, {IsHolder}
                FROM sessions JOIN files ON files.session = sessions.id
                WHERE {OfShop}
            ) AS found LEFT JOIN prints AS before ON before.file = found.file AND before.attempt = @attempt
            """;
        return await database.QuerySingleOrDefaultAsync<string>(sql, parameters, cancellationToken) switch
        {
            null => Outcome.FileNotFound,
            "Again" => null,
            var outcome => Enum.Parse<Outcome>(outcome),
        };
    }

    private Task<Print?> FindAsync(string shop, Guid file, Guid attempt, CancellationToken cancellationToken)
    {
        const string sql = $"""
            SELECT {Print.Json}
            FROM prints JOIN files ON files.id = prints.file JOIN sessions ON sessions.id = files.session
            WHERE {OfShop} AND prints.attempt = @attempt
            """;
        return database.QuerySingleOrDefaultAsync<Print>(sql, new { shop, file, attempt }, cancellationToken);
    }

    /// <summary>What the printer was asked for if the report says so; null if that is what the file's own options say.</summary>
    private async Task<(PrintOptions? Options, InvalidPrintOption? Fault)> OptionsOfAsync(
        string shop, Guid file, PrintReport report, CancellationToken cancellationToken)
    {
        // A file that the shop does not have is refused when the report is recorded.
        return report.Options is { } change && await FileOptionsAsync(shop, file, cancellationToken) is { } options ? change.Apply(options) : (null, null);
    }

    private Task<PrintOptions?> FileOptionsAsync(string shop, Guid file, CancellationToken cancellationToken)
    {
        const string sql = $"SELECT files.print_options FROM sessions JOIN files ON files.session = sessions.id WHERE {OfShop}";
        return database.QuerySingleOrDefaultAsync<PrintOptions>(sql, new { shop, file }, cancellationToken);
    }
}
