using System.Text.Json;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.UploadApi;

/// <summary>A customer's session: open, watch, submit, withdraw; and whether the shop is there.</summary>
internal static class SessionEndpoints
{
    // A name of 200 characters takes 2,400 bytes at most, each character as two \u escapes. What is longer holds something else.
    private const int LargestBody = 16 << 10;

    public static RouteGroupBuilder MapSessions(this RouteGroupBuilder group)
    {
        group.MapPost("/sessions/create", Create)
            .RequireRateLimiting(SessionRateLimit.Sessions)
            .ProducesProblem(400).ProducesProblem(404).ProducesProblem(409).ProducesProblem(429);
        group.MapGet("/sessions/{sessionId}/status", Status).ProducesProblem(404);
        group.MapPost("/sessions/{sessionId}/submit", Submit).ProducesProblem(400).ProducesProblem(404).ProducesProblem(410);
        group.MapDelete("/sessions/{sessionId}", Cancel).ProducesProblem(404).ProducesProblem(410);
        group.MapGet("/shopkeeper/status", ShopkeeperStatus).ProducesProblem(404);
        return group;
    }

    /// <summary>Opens a session.</summary>
    /// <returns>The session, or why there is none.</returns>
    public static async Task<(OpenedSession? Session, Problem? Refused)> OpenAsync(
        string? shop, string? customerName, Sessions sessions, Shops shops, CancellationToken cancellationToken)
    {
        if (shop is null)
            return (null, Problems.ShopNotFound);
        if (await sessions.OpenAsync(shop, customerName, cancellationToken) is { } opened)
            return (opened, null);
        return (null, await shops.FindAsync(shop, cancellationToken) is null ? Problems.ShopNotFound : Problems.ShopClosed);
    }

    private static async Task<Results<Ok<SessionAnswer>, ProblemHttpResult>> Create(
        RequestedShop shop, HttpRequest request, Sessions sessions, Shops shops, CancellationToken cancellationToken)
    {
        if (await ReadAsync(request, cancellationToken) is not { } wanted || !CustomerName.TryClean(wanted.CustomerName, out var name))
            return (ProblemHttpResult)Problems.InvalidSession;
        if (shop.IsNamed && wanted.Shop is not null && wanted.Shop != shop.Id)
            return (ProblemHttpResult)Problems.OtherShop;
        var id = shop.IsNamed || wanted.Shop is null ? shop.Id : RequestedShop.Parse(wanted.Shop);
        var (session, refused) = await OpenAsync(id, name, sessions, shops, cancellationToken);
        return session is null
            ? (ProblemHttpResult)refused!
            : TypedResults.Ok(new SessionAnswer(true, session.SessionId, session.PickupCode, session.ExpiresAt, "Session created."));
    }

    private static async Task<Results<Ok<StatusAnswer>, ProblemHttpResult>> Status(
        RequestedShop shop, string sessionId, CustomerViews views, CancellationToken cancellationToken)
    {
        return await views.FindAsync(shop, sessionId, cancellationToken) is { } session
            ? TypedResults.Ok(new StatusAnswer(true, session))
            : (ProblemHttpResult)Problems.SessionNotFound;
    }

    private static async Task<Results<Ok<SubmitAnswer>, ProblemHttpResult>> Submit(
        RequestedShop shop, string sessionId, Sessions sessions, CancellationToken cancellationToken)
    {
        if (shop.Id is null || !SessionId.IsWellFormed(sessionId))
            return (ProblemHttpResult)Problems.SessionNotFound;
        var outcome = await sessions.SubmitAsync(shop.Id, sessionId, cancellationToken);
        return outcome == Outcome.Done
            ? TypedResults.Ok(new SubmitAnswer(true, sessionId, "The shop has been told."))
            : (ProblemHttpResult)Problems.For(outcome);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Cancel(
        RequestedShop shop, string sessionId, Sessions sessions, Removal removal, CancellationToken cancellationToken)
    {
        if (shop.Id is null || !SessionId.IsWellFormed(sessionId))
            return (ProblemHttpResult)Problems.SessionNotFound;
        var (outcome, session) = await sessions.CancelAsync(shop.Id, sessionId, cancellationToken);
        if (outcome != Outcome.Done)
            return (ProblemHttpResult)Problems.For(outcome);
        await removal.TryRemoveAsync(session, cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<ShopAnswer>, ProblemHttpResult>> ShopkeeperStatus(
        RequestedShop shop, HttpRequest request, Shops shops, CancellationToken cancellationToken)
    {
        var asked = request.Query["shop"].ToString();
        var id = shop.IsNamed || asked.Length == 0 ? shop.Id : RequestedShop.Parse(asked);
        if (id is null || await shops.FindAsync(id, cancellationToken) is not { } found)
            return (ProblemHttpResult)Problems.ShopNotFound;
        var message = (found.AcceptsUploads, found.Connected) switch
        {
            (false, _) => "This shop takes no uploads at the moment.",
            (true, true) => "The shop is ready for your files.",
            (true, false) => "The shop takes your files; its PC is not connected at the moment.",
        };
        return TypedResults.Ok(new ShopAnswer(found.AcceptsUploads, found.Connected, message));
    }

    /// <summary>The body as it was sent: JSON whatever its Content-Type says, or nothing; null where it is neither.</summary>
    private static async Task<NewSession?> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var read = await request.BodyReader.ReadAtLeastAsync(LargestBody + 1, cancellationToken);
        try
        {
            if (read.Buffer.IsEmpty)
                return new NewSession(null, null);
            if (read.Buffer.Length > LargestBody)
                return null;
            var json = new Utf8JsonReader(read.Buffer);
            var wanted = JsonSerializer.Deserialize(ref json, JsonContext.Default.NewSession);
            // The serializer stops behind the value that it was asked for.
            return json.Read() ? null : wanted;
        }
        catch (JsonException)
        {
            return null;
        }
        finally
        {
            request.BodyReader.AdvanceTo(read.Buffer.End);
        }
    }
}

/// <summary>What a customer may say about a new session.</summary>
/// <param name="CustomerName">Text of up to 200 characters.</param>
/// <param name="Shop">Id of the shop, where the address does not name it.</param>
internal sealed record NewSession(string? CustomerName, string? Shop);

internal sealed record SessionAnswer(bool Success, string SessionId, string PickupCode, DateTime ExpiresAt, string Message);

internal sealed record StatusAnswer(bool Success, CustomerSession Session);

internal sealed record SubmitAnswer(bool Success, string SessionId, string Message);

/// <summary>Whether a shop can be reached.</summary>
/// <param name="Online">The shop takes uploads now.</param>
/// <param name="Connected">A shopkeeper's socket is open on any replica.</param>
internal sealed record ShopAnswer(bool Online, bool Connected, string Message);
