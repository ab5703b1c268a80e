using System.Text.Json.Serialization;

namespace CloudTab.UploadApi.Pages;

/// <summary>What a phone needs to install the page and to offer it where files are shared (https://www.w3.org/TR/appmanifest/, Web Share Target).</summary>
internal sealed record WebManifest(
    string Id,
    string Name,
    [property: JsonPropertyName("short_name")] string ShortName,
    string Lang,
    [property: JsonPropertyName("start_url")] string StartUrl,
    string Scope,
    string Display,
    [property: JsonPropertyName("background_color")] string BackgroundColor,
    [property: JsonPropertyName("theme_color")] string ThemeColor,
    IReadOnlyList<ManifestIcon> Icons,
    [property: JsonPropertyName("share_target")] ShareTarget ShareTarget)
{
    private const int ShortNameLength = 12;

    public static WebManifest For(FormView form, string language) => new(
        form.Home,
        form.Shop.Name,
        form.Shop.Name.Length <= ShortNameLength ? form.Shop.Name : "CloudTab",
        language,
        form.Home,
        "/",
        "standalone",
        "#f5f5f2",
        "#f5f5f2",
        [
            new("/assets/icon.svg", "any", "image/svg+xml", "any"),
            // Without corners of their own: systems cut the shape that all their icons have. Not all of them draw SVG.
            new("/assets/icon-192.png", "192x192", "image/png", "any maskable"),
            new("/assets/icon-512.png", "512x512", "image/png", "any maskable"),
        ],
        new($"{form.Prefix}/share", "POST", "multipart/form-data", new([new(FileEndpoints.Field, form.Accept.Split(','))])));
}

internal sealed record ManifestIcon(string Src, string Sizes, string Type, string Purpose);

internal sealed record ShareTarget(string Action, string Method, string Enctype, ShareParameters Params);

internal sealed record ShareParameters(IReadOnlyList<SharedFiles> Files);

internal sealed record SharedFiles(string Name, IReadOnlyList<string> Accept);
