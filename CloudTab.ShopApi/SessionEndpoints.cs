using System.Text.Json.Serialization;
using CloudTab.Relay;
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
        var sessions = group.MapGroup("/sessions").ProducesProblem(StatusCodes.Status401Unauthorized);
        sessions.MapGet("/pending", Pending).ProducesProblem(StatusCodes.Status400BadRequest);
        sessions.MapGet("/{id}", Details).ProducesProblem(StatusCodes.Status404NotFound);
        sessions.MapPost("/{id}/claim", Claim).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        sessions.MapPost("/{id}/release", Release).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        sessions.MapPost("/{id}/complete", Complete).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        return group;
    }

    private static async Task<Results<Ok<PendingSessions>, ProblemHttpResult>> Pending(
        Shopkeeper caller, SessionViews views, CancellationToken cancellationToken, int limit = DefaultLimit, string? after = null)
    {
        if (limit is < 1 or > LargestLimit)
            return (ProblemHttpResult)Problems.InvalidLimit;
        var cursor = after is null ? null : PendingCursor.Parse(after);
        if (after is not null && cursor is null)
            return (ProblemHttpResult)Problems.InvalidCursor;

        var page = await views.PendingAsync(caller.Shop, limit, cursor, cancellationToken);
        return TypedResults.Ok(new PendingSessions(true, page.Sessions.Count, page.Sessions, page.Next?.ToString()));
    }

    private static async Task<Results<Ok<SessionView>, ProblemHttpResult>> Details(
        Shopkeeper caller, string id, SessionViews views, CancellationToken cancellationToken)
    {
        if (await views.DetailsAsync(caller.Shop, SessionName.Parse(id), cancellationToken) is not { } session)
            return (ProblemHttpResult)Problems.SessionNotFound;
        return TypedResults.Ok(new SessionView(true, session));
    }

    private static async Task<Results<Ok<SessionView>, ProblemHttpResult>> Claim(
        Shopkeeper caller, string id, Claims claims, SessionViews views, CancellationToken cancellationToken)
    {
        var (outcome, session) = await claims.ClaimAsync(caller.Key, SessionName.Parse(id), cancellationToken);
        // Not claimed, when asked why not: whoever had it when the claim came has let go of it in between.
        if (outcome == Outcome.NotClaimed)
            return (ProblemHttpResult)Problems.AlreadyClaimed;
        if (outcome != Outcome.Done)
            return (ProblemHttpResult)Problems.For(outcome);
        if (await views.DetailsAsync(session, cancellationToken) is not { } details)
            return (ProblemHttpResult)Problems.SessionNotFound;
        return TypedResults.Ok(new SessionView(true, details));
    }

    private static async Task<Results<Ok<Answer>, ProblemHttpResult>> Release(
        Shopkeeper caller, string id, Claims claims, CancellationToken cancellationToken)
    {
        var (outcome, _) = await claims.ReleaseAsync(caller.Key, SessionName.Parse(id), cancellationToken);
        if (outcome != Outcome.Done)
            return (ProblemHttpResult)Problems.For(outcome);
        return TypedResults.Ok(new Answer(true, "The session is pending again."));
    }

    private static async Task<Results<Ok<Answer>, ProblemHttpResult>> Complete(
        Shopkeeper caller, string id, Claims claims, Removal removal, TimeProvider clock)
    {
        using var finish = clock.Limit(FinishLimit);
        var (outcome, session) = await claims.CompleteAsync(caller.Key, SessionName.Parse(id), finish.Token);
        if (outcome != Outcome.Done)
            return (ProblemHttpResult)Problems.For(outcome);
        await removal.TryRemoveAsync(session, finish.Token);
        return TypedResults.Ok(new Answer(true, "The session is completed and its files are deleted."));
    }
}

/// <summary>A page of the pending list; `next` is what to send as `after` for the page that follows.</summary>
internal sealed record PendingSessions(
    bool Success,
    int Count,
    List<PendingSession> Sessions,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Next);

/// <summary>One session with its files.</summary>
internal sealed record SessionView(bool Success, SessionDetails Session);

/// <summary>It is done.</summary>
internal sealed record Answer(bool Success, string Message);
