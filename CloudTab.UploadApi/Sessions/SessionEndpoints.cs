using System.Text.Json;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>A customer's session: open, watch, submit, withdraw; and whether the shop is there.</summary>
internal static class SessionEndpoints
{
    // A name of 200 characters takes 2,400 bytes at most, each character as two \u escapes. What is longer holds something else.
    private const int LargestBody = 16 << 10;

    public static RouteGroupBuilder MapSessions(this RouteGroupBuilder group)
    {
        var sessions = group.MapGroup("").WithTags(CustomerDocument.Sessions);
        sessions.MapPost("/sessions/create", Create).WithSummary("Open a session")
            .AddEndpointFilter(CreationRateLimit.SessionFilter)
            .Takes("application/json", typeof(NewSession))
            .Answers(Problems.InvalidSession, Problems.WrongCopies, Problems.OtherShop, Problems.ShopNotFound, Problems.ShopClosed, Problems.TooManySessions)
            .Answers(Failures.Of(400), Failures.Of(408), Failures.Of(413), Failures.Of(429));
        sessions.MapGet("/sessions/{sessionId}/status", Status).WithSummary("Watch a session")
            .Allows("If-None-Match").AnswersWith(200, "ETag").AnswersWith(304, "ETag");
        sessions.MapPost("/sessions/{sessionId}/submit", Submit).WithSummary("Tell the shop that all files are there")
            .Answers(Problems.SessionClosed, Problems.NothingToSubmit);
        sessions.MapDelete("/sessions/{sessionId}", Cancel).WithSummary("Withdraw a session and its files")
            .Answers(Problems.SessionClosed);
        sessions.MapGet("/shopkeeper/status", ShopkeeperStatus).WithSummary("Ask whether the shop takes files")
            .Answers(Problems.ShopNotFound);
        return group;
    }

    /// <summary>Opens a session.</summary>
    /// <returns>The session, or why there is none.</returns>
    public static async Task<(OpenedSession? Session, Problem? Refused)> OpenAsync(
        string shop,
        string? customerName,
        PrintOptionsChange? printOptions,
        Sessions sessions,
        Shops shops,
        CreationRateLimit rateLimit,
        CancellationToken cancellationToken)
    {
        if (!rateLimit.TryCreateSession(shop))
            return (null, Problems.TooManySessions);
        var (options, refused) = printOptions is null ? default : await ApplyAsync(shop, printOptions, shops, cancellationToken);
        if (refused is not null)
            return (null, refused);
        if (await sessions.OpenAsync(shop, customerName, options, cancellationToken) is { } opened)
            return (opened, null);
        return (null, await shops.FindAsync(shop, cancellationToken) is null ? Problems.ShopNotFound : Problems.ShopClosed);
    }

    private static async Task<(PrintOptions? Options, Problem? Refused)> ApplyAsync(
        string shop, PrintOptionsChange change, Shops shops, CancellationToken cancellationToken)
    {
        if (await shops.FindAsync(shop, cancellationToken) is not { } found)
            return (null, Problems.ShopNotFound);
        var (options, fault) = change.Apply(found.PrintOptions, found.Offer);
        return (options, fault is null ? null : Problems.InvalidPrintOptions(fault));
    }

    private static async Task<Results<Ok<SessionAnswer>, Problem>> Create(
        RequestedShop shop, HttpRequest request, Sessions sessions, Shops shops, CreationRateLimit rateLimit, CancellationToken cancellationToken)
    {
        if (await ReadAsync(request, cancellationToken) is not { } wanted || !DisplayName.TryClean(wanted.CustomerName, out var name))
            return Problems.InvalidSession;
        if (shop.IsNamed && wanted.Shop is not null && wanted.Shop != shop.Id)
            return Problems.OtherShop;
        var id = shop.IsNamed || wanted.Shop is null ? shop.Id : RequestedShop.Parse(wanted.Shop);
        var (session, refused) = await OpenAsync(id, name, wanted.PrintOptions, sessions, shops, rateLimit, cancellationToken);
        return session is null
            ? refused!
            : TypedResults.Ok(new SessionAnswer(true, session.SessionId, session.PickupCode, session.ExpiresAt, "Session created."));
    }

    private static async Task<Results<TaggedJson<StatusAnswer>, Problem>> Status(
        RequestedSession requested, CustomerViews views, CancellationToken cancellationToken)
    {
        return await views.FindAsync(requested, cancellationToken) is { } found
            ? new TaggedJson<StatusAnswer>(new(true, found.View))
            : Problems.SessionNotFound;
    }

    private static async Task<Results<Ok<SubmitAnswer>, Problem>> Submit(
        RequestedSession session, Sessions sessions, CancellationToken cancellationToken)
    {
        var outcome = await sessions.SubmitAsync(session.Shop.Id, session.Id, cancellationToken);
        return outcome == Outcome.Done
            ? TypedResults.Ok(new SubmitAnswer(true, session.Id, "The shop has been told."))
            : Problems.For(outcome);
    }

    private static async Task<Results<NoContent, Problem>> Cancel(
        RequestedSession requested, Sessions sessions, Removal removal, CancellationToken cancellationToken)
    {
        var (outcome, session) = await sessions.CancelAsync(requested.Shop.Id, requested.Id, cancellationToken);
        if (outcome != Outcome.Done)
            return Problems.For(outcome);
        await removal.TryRemoveAsync(session, cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<ShopAnswer>, Problem>> ShopkeeperStatus(
        RequestedShop requested, Shops shops, IOptions<UploadOptions> options, CancellationToken cancellationToken, [FromQuery] string shop = "")
    {
        var id = requested.IsNamed || shop.Length == 0 ? requested.Id : RequestedShop.Parse(shop);
        if (await shops.FindAsync(id, cancellationToken) is not { } found)
            return Problems.ShopNotFound;
        var message = (found.AcceptsUploads, found.Connected) switch
        {
            (false, _) => Problems.ShopClosed.Detail,
            (true, true) => "The shop is ready for your files.",
            (true, false) => "You can send your files. The shop's PC is not connected right now.",
        };
        var limits = options.Value.For(found.Limits);
        return TypedResults.Ok(new ShopAnswer(
            found.AcceptsUploads, found.Connected, message, new(found.Id, found.Name), found.Offer, found.PrintOptions,
            new(limits.Files, limits.FileSize, limits.SessionSize), [.. options.Value.Accepted.Order(StringComparer.Ordinal)]));
    }

    /// <summary>The body as it was sent: JSON whatever its Content-Type says, or nothing; null where it is neither.</summary>
    private static async Task<NewSession?> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var read = await request.BodyReader.ReadAtLeastAsync(LargestBody + 1, cancellationToken);
        try
        {
            if (read.Buffer.IsEmpty)
                return new NewSession();
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
/// <param name="PrintOptions">How its files are to be printed, unless something else is said of one.</param>
internal sealed record NewSession(string? CustomerName = null, string? Shop = null, PrintOptionsChange? PrintOptions = null);

/// <summary>A session that has been opened.</summary>
/// <param name="SessionId">The customer's secret: it opens this session and nothing else.</param>
/// <param name="PickupCode">What the customer says at the counter: 6 characters of `23456789ABCDEFGHJKMNPQRSTVWXYZ`.</param>
/// <param name="ExpiresAt">When the session ends if nothing happens.</param>
internal sealed record SessionAnswer(bool Success, string SessionId, string PickupCode, DateTime ExpiresAt, string Message);

internal sealed record StatusAnswer(bool Success, CustomerSession Session);

internal sealed record SubmitAnswer(bool Success, string SessionId, string Message);

/// <summary>Whether a shop can be reached.</summary>
/// <param name="Online">The shop takes uploads now.</param>
/// <param name="Connected">A shopkeeper's socket is open on any replica.</param>
/// <param name="Offer">What the shop prints, and for how much.</param>
/// <param name="PrintOptions">How it prints, unless the customer says otherwise.</param>
/// <param name="Limits">What is refused beyond.</param>
/// <param name="AcceptedTypes">Media types of files that are accepted.</param>
internal sealed record ShopAnswer(
    bool Online, bool Connected, string Message, ShopView Shop, Offer Offer, PrintOptions PrintOptions, LimitsView Limits, IReadOnlyList<string> AcceptedTypes);

/// <summary>A shop as customers know it.</summary>
internal sealed record ShopView(string Id, string Name);

/// <summary>What a shop accepts at most.</summary>
/// <param name="Files">Files in a session.</param>
/// <param name="FileSize">Bytes in a file.</param>
/// <param name="SessionSize">Bytes in a session.</param>
internal sealed record LimitsView(int Files, long FileSize, long SessionSize);
