using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.ShopApi;

/// <summary>What a shop says of itself.</summary>
internal static class ShopEndpoints
{
    public static RouteGroupBuilder MapShop(this RouteGroupBuilder group)
    {
        var shop = group.MapGroup("/shop").WithTags("Shop");
        shop.MapGet("", Show).WithSummary("Look at the shop's settings");
        shop.MapPatch("", Change).ForPeople().WithSummary("Change the shop's name, or whether it takes uploads")
            .WithDescription("What is not in the body stays as it is. A shop that takes no uploads any more ends its sessions that were not submitted.")
            .Answers(Problems.InvalidName);
        return group;
    }

    private static async Task<Results<Ok<ShopView>, Problem>> Show(
        Shopkeeper caller, HttpRequest request, ShopSettings settings, CancellationToken cancellationToken)
    {
        return await settings.FindAsync(caller.Key, cancellationToken) is { } shop
            ? TypedResults.Ok(ViewOf(shop, request))
            : Problems.ApiKeyInvalid;
    }

    private static async Task<Results<Ok<ShopView>, Problem>> Change(
        Shopkeeper caller, HttpRequest request, ShopChange change, ShopSettings settings, CancellationToken cancellationToken)
    {
        if (!DisplayName.TryClean(change.Name, out var name) || name is null && change.Name is not null)
            return Problems.InvalidName;
        return await settings.ChangeAsync(caller.Key, name, change.AcceptsUploads, cancellationToken) is { } shop
            ? TypedResults.Ok(ViewOf(shop, request))
            : Problems.ApiKeyInvalid;
    }

    private static ShopView ViewOf(OwnShop shop, HttpRequest request) =>
        new(true, shop.Id, shop.Name, shop.AcceptsUploads, CustomerUrl(request, shop.Id));

    /// <summary>Where the shop's customers send their files, on the host that this request came to.</summary>
    internal static Uri CustomerUrl(HttpRequest request, string shop) => new($"{request.Scheme}://{request.Host}/s/{shop}");
}

/// <summary>A shop as it sees itself.</summary>
/// <param name="CustomerUrl">Where its customers send their files.</param>
internal sealed record ShopView(bool Success, string Id, string Name, bool AcceptsUploads, Uri CustomerUrl);

/// <summary>What a shop changes of itself; what is null stays.</summary>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="AcceptsUploads">Whether customers may send files.</param>
internal sealed record ShopChange(string? Name = null, bool? AcceptsUploads = null);
