using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Json.Serialization;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.ShopApi;

/// <summary>A shop's sessions: what waits, and claim → complete. `{id}` is a session id or a pickup code.</summary>
internal static class SessionEndpoints
{
    private const int DefaultLimit = 50;
    private const int LargestLimit = 100;

    // A change that has begun is carried through though the client has left: files are deleted at once, not when the Janitor comes.
    private static readonly TimeSpan FinishLimit = TimeSpan.FromSeconds(10);

    public static RouteGroupBuilder MapSessions(this RouteGroupBuilder group)
    {
        var sessions = group.MapGroup("/sessions").WithTags("Sessions");
        sessions.MapGet("/pending", Pending).WithSummary("List what waits, newest first")
            .Answers(Problems.InvalidLimit, Problems.InvalidCursor);
        sessions.MapGet("/processing", Processing).WithSummary("List what the shop's counters have claimed, oldest first");
        sessions.MapGet("/{id}", Details).WithSummary("Look at a session and its files").Answers(Problems.SessionNotFound);
        sessions.MapGet("/{id}/download", Download).WithSummary("Download all files of a session as one ZIP file")
            .WithDescription("Files in which a virus was found are left out, and named in `left-out.txt`.")
            .AnswersWith(200, "Content-Disposition")
            .SendsBytes(SessionArchive.ContentType)
            .Answers(Problems.SessionNotFound, Problems.NotSubmitted, Problems.FileDeleted, Problems.FileInfected);
        sessions.MapPost("/{id}/claim", Claim).WithSummary("Claim a session, or renew the claim")
            .WithDescription("With `renew=true` a claim that the caller has is renewed, and nothing else: files that came in since are not taken as seen.")
            .Answers(Problems.OfChange).Answers(Problems.NotClaimed);
        sessions.MapPost("/{id}/release", Release).WithSummary("Give a claimed session back")
            .WithDescription("While a file is at the printer any key of the shop that is for no device may, with a `reason`; the attempts to print are `unknown` then.")
            .Takes("application/json", typeof(GiveBack))
            .Answers(Problems.OfChange).Answers(Problems.StillPrinting, Problems.InvalidReason, Failures.Of(400), Failures.Of(408), Failures.Of(413));
        sessions.MapPost("/{id}/paid", MarkPaid).WithSummary("Mark a job as paid").ForPeople()
            .WithDescription("Again, it changes nothing, unless the job costs more by now: then that is paid too. With `amount`, what the shopkeeper was shown, it changes nothing if the job costs something else by now.")
            .Takes("application/json", typeof(Payment))
            .Answers(Problems.SessionNotFound, Problems.SessionClosed, Problems.NotSubmitted, Problems.PriceChanged, Problems.InvalidAmount, Failures.Of(400), Failures.Of(408), Failures.Of(413));
        sessions.MapDelete("/{id}/paid", UnmarkPaid).WithSummary("Take back that a job is paid").ForPeople()
            .Answers(Problems.SessionNotFound, Problems.SessionClosed, Problems.NotSubmitted);
        sessions.MapPost("/{id}/complete", Complete).WithSummary("Complete a session: its files are deleted at once")
            .Answers(Problems.OfChange).Answers(Problems.NotClaimed, Problems.StillPrinting);
        return group;
    }

    private static async Task<Results<Ok<PendingSessions>, Problem>> Pending(
        Shopkeeper caller, SessionViews views, CancellationToken cancellationToken, [Range(1, LargestLimit)] int limit = DefaultLimit, string? after = null)
    {
        if (limit is < 1 or > LargestLimit)
            return Problems.InvalidLimit;
        var cursor = after is null ? null : PendingCursor.Parse(after);
        if (after is not null && cursor is null)
            return Problems.InvalidCursor;

        if (await views.PendingAsync(caller.Key, limit, cursor, cancellationToken) is not { } page)
            return Problems.ApiKeyInvalid;
        return TypedResults.Ok(new PendingSessions(true, page.Sessions.Count, page.Sessions, page.Next?.ToString()));
    }

    private static async Task<Results<Ok<ProcessingSessions>, Problem>> Processing(
        Shopkeeper caller, SessionViews views, CancellationToken cancellationToken)
    {
        var sessions = await views.ProcessingAsync(caller.Key, cancellationToken);
        return TypedResults.Ok(new ProcessingSessions(true, sessions.Count, sessions));
    }

    private static async Task<Results<Ok<SessionView>, Problem>> Details(
        Shopkeeper caller, string id, SessionViews views, CancellationToken cancellationToken)
    {
        if (await views.DetailsAsync(caller.Shop, SessionName.Parse(id), cancellationToken) is not { } session)
            return Problems.SessionNotFound;
        return TypedResults.Ok(new SessionView(true, session));
    }

    private static async Task<Results<SessionArchive, Problem>> Download(
        Shopkeeper caller, string id, SessionViews views, Database database, TimeProvider clock, CancellationToken cancellationToken)
    {
        const string sql = $"{StoredFile.Select} WHERE files.session = @session ORDER BY files.position";
        if (await views.DetailsAsync(caller.Shop, SessionName.Parse(id), cancellationToken) is not { } session)
            return Problems.SessionNotFound;
        if (session.Status == "open")
            return Problems.NotSubmitted;
        var files = await database.QueryAsync<StoredFile>(sql, new { session = session.Id, now = clock.Now().UtcDateTime }, cancellationToken);
        files.RemoveAll(file => !file.Available);
        if (files.Count == 0)
            return Problems.FileDeleted;
        RelayTelemetry.TagSession(session.Id, files[0].Origin);
        if (files.TrueForAll(file => file.Infected))
            return Problems.FileInfected;
        return new SessionArchive(session.PickupCode, files, caller.Key);
    }

    private static async Task<Results<Ok<SessionView>, Problem>> Claim(
        Shopkeeper caller, string id, Claims claims, SessionViews views, CancellationToken cancellationToken, bool renew = false)
    {
        var name = SessionName.Parse(id);
        var (outcome, session) = renew
            ? await claims.RenewAsync(caller.Key, name, cancellationToken)
            : await claims.ClaimAsync(caller.Key, name, cancellationToken);
        // Not claimed, when asked why not: the key that had it when the claim came has released it in between. A renewal finds nothing to renew.
        if (outcome == Outcome.NotClaimed && !renew)
            return Problems.AlreadyClaimed;
        if (outcome != Outcome.Done)
            return Problems.For(outcome);
        if (await views.DetailsAsync(session, cancellationToken) is not { } details)
            return Problems.SessionNotFound;
        return TypedResults.Ok(new SessionView(true, details));
    }

    private static async Task<Results<Ok<Answer>, Problem>> Release(
        Shopkeeper caller, HttpRequest request, string id, Claims claims, CancellationToken cancellationToken)
    {
        var (isReadable, wanted) = await ReadAsync(request, JsonContext.Default.GiveBack, cancellationToken);
        if (!isReadable || !DisplayName.TryClean(wanted?.Reason, out var reason) || reason is null && wanted?.Reason is not null)
            return Problems.InvalidReason;
        var (outcome, _) = await claims.ReleaseAsync(caller.Key, SessionName.Parse(id), cancellationToken, reason);
        if (outcome != Outcome.Done)
            return Problems.For(outcome);
        return TypedResults.Ok(new Answer(true, "The session is pending again."));
    }

    /// <summary>What the body says, if it is JSON. Other bodies were never looked at.</summary>
    private static async Task<(bool IsReadable, T? Wanted)> ReadAsync<T>(HttpRequest request, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        if (!request.HasJsonContentType() || request.ContentLength == 0)
            return (true, null);
        try
        {
            return (true, await request.ReadFromJsonAsync(type, cancellationToken));
        }
        catch (JsonException)
        {
            return (false, null);
        }
    }

    private static async Task<Results<Ok<SessionView>, Problem>> MarkPaid(
        Shopkeeper caller, HttpRequest request, string id, Payments payments, SessionViews views, CancellationToken cancellationToken)
    {
        var (isReadable, payment) = await ReadAsync(request, JsonContext.Default.Payment, cancellationToken);
        if (!isReadable)
            return Problems.InvalidAmount;
        return await ShowAsync(payments.MarkAsync(caller.Key, SessionName.Parse(id), payment?.Amount, cancellationToken), views, cancellationToken);
    }

    private static Task<Results<Ok<SessionView>, Problem>> UnmarkPaid(
        Shopkeeper caller, string id, Payments payments, SessionViews views, CancellationToken cancellationToken) =>
        ShowAsync(payments.UnmarkAsync(caller.Key, SessionName.Parse(id), cancellationToken), views, cancellationToken);

    private static async Task<Results<Ok<SessionView>, Problem>> ShowAsync(
        Task<(Outcome Outcome, Guid Session)> change, SessionViews views, CancellationToken cancellationToken)
    {
        var (outcome, session) = await change;
        if (outcome != Outcome.Done)
            return Problems.For(outcome);
        return await views.DetailsAsync(session, cancellationToken) is { } details ? TypedResults.Ok(new SessionView(true, details)) : Problems.SessionNotFound;
    }

    private static async Task<Results<Ok<Answer>, Problem>> Complete(
        Shopkeeper caller, string id, Claims claims, Removal removal, TimeProvider clock)
    {
        using var finish = clock.Limit(FinishLimit);
        var (outcome, session) = await claims.CompleteAsync(caller.Key, SessionName.Parse(id), finish.Token);
        if (outcome != Outcome.Done)
            return Problems.For(outcome);
        await removal.TryRemoveAsync(session, finish.Token);
        return TypedResults.Ok(new Answer(true, "The job is completed and its files are deleted. Files that came since the claim are announced anew."));
    }
}

/// <summary>A page of the pending list; `next` is what to send as `after` for the page that follows.</summary>
internal sealed record PendingSessions(
    bool Success,
    int Count,
    List<PendingSession> Sessions,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Next);

/// <summary>What the shop's counters work on, each session with the name of the key that has claimed it.</summary>
internal sealed record ProcessingSessions(bool Success, int Count, List<ProcessingSession> Sessions);

/// <summary>One session with its files.</summary>
internal sealed record SessionView(bool Success, SessionDetails Session);

/// <summary>A session that is given back while a file of it is at the printer.</summary>
/// <param name="Reason">Why: 1 to 200 characters.</param>
internal sealed record GiveBack(string? Reason = null);

/// <summary>What is paid.</summary>
/// <param name="Amount">What the shopkeeper was shown that the whole job costs, in the smallest unit of the currency (paise); null: whatever it costs.</param>
internal sealed record Payment(long? Amount = null);

/// <summary>It is done.</summary>
internal sealed record Answer(bool Success, string Message);
