using CloudTab.Pages;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using CloudTab.UploadApi.Pages;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.UploadApi;

/// <summary>Receipts for what was deleted, the page that checks one, and the keys to check them with.</summary>
internal static class ReceiptEndpoints
{
    private const string JwkSet = "application/jwk-set+json"; // RFC 7517, section 8.5.2

    // A key that is new is seen by everybody in five minutes. If a reader meets an unknown one before, it asks again.
    private const string KeptForMinutes = "public, max-age=300";

    public static RouteGroupBuilder MapReceipts(this RouteGroupBuilder group)
    {
        group.MapGet("/receipts/{receiptId}", Find).WithSummary("Get the receipt for a session's deletion").WithTags(CustomerDocument.Receipts)
            .Answers(Problems.ReceiptNotFound);
        return group;
    }

    public static void MapReceiptPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/receipt/{receiptId}", Show).ExcludeFromDescription();
        routes.MapGet("/.well-known/jwks.json", Keys).WithSummary("Get the keys that receipts are signed with").WithTags(CustomerDocument.Receipts)
            .Produces<JsonWebKeySet>(StatusCodes.Status200OK, JwkSet);
    }

    /// <summary>The address of a receipt's page; null for none.</summary>
    public static string? AddressOf(string? id) => id is null ? null : $"/receipt/{id}";

    private static async Task<Results<Ok<ReceiptAnswer>, Problem>> Find(string receiptId, Receipts receipts, CancellationToken cancellationToken)
    {
        return await receipts.FindAsync(receiptId, cancellationToken) is { } jws
            ? TypedResults.Ok(new ReceiptAnswer(true, jws))
            : Problems.ReceiptNotFound;
    }

    private static async Task<RazorComponentResult> Show(string receiptId, Receipts receipts, Shops shops, CancellationToken cancellationToken)
    {
        var unknown = Problems.ReceiptNotFound;
        if (await receipts.FindAsync(receiptId, cancellationToken) is not { } jws)
            return new RazorComponentResult<ProblemPage>(new { unknown.Status, unknown.Code, unknown.Detail, Back = (string?)null }) { StatusCode = unknown.Status };
        var claims = await receipts.VerifyAsync(jws, cancellationToken);
        // What is signed is the id, which never changes. People know the name.
        var shop = claims is null ? null : await shops.FindAsync(claims.Shop, cancellationToken);
        return new RazorComponentResult<ReceiptPage>(new { Jws = jws, Claims = claims, ShopName = shop?.Name ?? claims?.Shop });
    }

    private static async Task<JsonHttpResult<JsonWebKeySet>> Keys(HttpResponse response, SigningKeys keys, CancellationToken cancellationToken)
    {
        var all = await keys.AllAsync(cancellationToken);
        response.Headers.CacheControl = KeptForMinutes;
        return TypedResults.Json(new JsonWebKeySet([.. all.Select(key => key.Public)]), JsonContext.Default.JsonWebKeySet, JwkSet);
    }
}

/// <summary>A receipt.</summary>
/// <param name="Receipt">A JSON Web Signature in its compact serialization (RFC 7515).</param>
internal sealed record ReceiptAnswer(bool Success, string Receipt);

/// <summary>Keys, as RFC 7517, section 5 has them: the first one signs.</summary>
internal sealed record JsonWebKeySet(IReadOnlyList<JsonWebKey> Keys);
