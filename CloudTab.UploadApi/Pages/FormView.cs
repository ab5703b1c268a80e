using System.Text.Json;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi.Pages;

/// <summary>What the form shows.</summary>
/// <param name="Prefix">What stands before the paths of the shop: `/s/corner-print`, or nothing.</param>
/// <param name="SessionId">The session to add files to; null: a new one.</param>
/// <param name="Accept">What a browser offers to choose.</param>
/// <param name="MaxFileSize">Bytes in one file.</param>
/// <param name="Json">What its script is told, safe inside a script element.</param>
/// <param name="Options">The print options that are filled in.</param>
/// <param name="CustomerName">The name that is filled in.</param>
/// <param name="Problem">Why the form that was sent last is refused.</param>
public sealed record FormView(
    string Prefix,
    string? SessionId,
    ShopStatus Shop,
    string Accept,
    int MaxFiles,
    long MaxFileSize,
    string Json,
    PrintOptions Options,
    string? CustomerName = null,
    Problem? Problem = null)
{
    public string Action => $"{Session ?? Prefix}/send";

    /// <summary>Where the form itself is.</summary>
    public string Address => Session is null ? Home : $"{Session}/add";

    /// <summary>The page of the session to add files to; null: there is none yet.</summary>
    public string? Session => SessionId is null ? null : $"{Prefix}/sessions/{SessionId}";

    public string Home => $"{Prefix}/";

    public string Manifest => Prefix.Length == 0 ? "/manifest.webmanifest" : $"/manifest.webmanifest?shop={Shop.Id}";

    internal static FormView For(RequestedShop requested, ShopStatus shop, UploadOptions options, CustomerSession? session = null)
    {
        var limits = options.For(shop.Limits);
        string[] accepted = [.. options.Accepted.Order(StringComparer.Ordinal)];
        var data = new ShopData(
            requested.Prefix,
            session?.SessionId,
            new(session?.FileCount ?? 0, session?.TotalSize ?? 0),
            new(limits.Files, limits.FileSize, limits.SessionSize),
            accepted,
            shop.Offer,
            shop.PrintOptions);
        // iOS would convert photos whose types are named, and leave HEIC out.
        var accept = string.Join(',', accepted.Where(type => !type.StartsWith("image/", StringComparison.Ordinal)).Prepend("image/*"));
        var json = JsonSerializer.Serialize(data, JsonContext.Default.ShopData);
        return new(requested.Prefix, session?.SessionId, shop, accept, limits.Files, limits.FileSize, json, shop.PrintOptions);
    }
}

/// <summary>What scripts/customer/shop.ts reads.</summary>
internal sealed record ShopData(
    string Prefix, string? SessionId, HeldFiles Held, LimitsView Limits, IReadOnlyList<string> AcceptedTypes, Offer Offer, PrintOptions PrintOptions);

/// <summary>What the session holds already.</summary>
internal sealed record HeldFiles(int Files, long Size);
