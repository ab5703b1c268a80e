using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace CloudTab.Pages;

/// <summary>
/// Scripts, styles and pictures of the pages, as Vite has built them into this assembly, also compressed. Names have a hash of the content,
/// so browsers keep them for ever; pages ask Vite's manifest for them (https://vite.dev/guide/backend-integration).
/// </summary>
public static class BuiltAssets
{
    private const string Folder = "assets/";

    private static readonly Assembly Home = typeof(BuiltAssets).Assembly;
    private static readonly FrozenSet<string> Resources = Home.GetManifestResourceNames().ToFrozenSet(StringComparer.Ordinal);

    private static readonly Dictionary<string, Chunk> Manifest =
        JsonSerializer.Deserialize(Read("manifest.json"), ManifestContext.Default.DictionaryStringChunk)!;

    private static readonly FrozenSet<string> Hashed = Manifest.Values
        .SelectMany(chunk => (string[])[chunk.File, .. chunk.Css, .. chunk.Assets]).ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, Bundle> Entries = Manifest.Values
        .Where(chunk => chunk.IsEntry).ToFrozenDictionary(chunk => chunk.Name!, ToBundle, StringComparer.Ordinal);

    /// <summary>What a page loads of an entry of the scripts: `customer`, `shop`.</summary>
    public static Bundle Of(string entry) => Entries[entry];

    /// <summary>The files at /assets, and every other address that script or the browser asks for by a name of its own.</summary>
    public static void MapAssets(this IEndpointRouteBuilder routes) =>
        routes.MapMethods("/assets/{name}", [HttpMethods.Get, HttpMethods.Head], Serve).ExcludeFromDescription();

    /// <summary>An entry's script at an address without a hash, such as /sw.js: browsers ask anew each time.</summary>
    public static Results<FileStreamHttpResult, NotFound> ServeEntry(HttpContext context, string entry)
    {
        var answer = Serve(context, Path.GetFileName(Of(entry).Script));
        context.Response.Headers.CacheControl = "no-cache";
        return answer;
    }

    internal static IEnumerable<string> Names(string folder) => Resources.Where(name => name.StartsWith(folder, StringComparison.Ordinal));

    internal static byte[] Read(string name)
    {
        using var stream = Home.GetManifestResourceStream(name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static Results<FileStreamHttpResult, NotFound> Serve(HttpContext context, string name)
    {
        if (!Resources.Contains(Folder + name) || ContentType(name) is not { } type)
            return TypedResults.NotFound();
        var headers = context.Response.Headers;
        headers.CacheControl = Hashed.Contains(name) ? "public, max-age=31536000, immutable" : "public, max-age=3600";
        headers.Vary = HeaderNames.AcceptEncoding;
        // A sandboxed frame has an origin of its own: for its modules and fonts it asks like another site. There is no secret in them.
        headers.AccessControlAllowOrigin = "*";
        var (ending, encoding) = Encoding(context.Request, name);
        if (encoding is not null)
            headers.ContentEncoding = encoding;
        return TypedResults.Stream(Home.GetManifestResourceStream(Folder + name + ending)!, type);
    }

    private static (string Ending, string? Encoding) Encoding(HttpRequest request, string name)
    {
        if (!StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptEncoding, out var accepted))
            return ("", null);
        foreach (var (ending, encoding) in (ReadOnlySpan<(string, string)>)[(".br", "br"), (".gz", "gzip")])
        {
            if (Resources.Contains(Folder + name + ending) && accepted.Any(one => one.Value == encoding && one.Quality is not 0))
                return (ending, encoding);
        }

        return ("", null);
    }

    private static string? ContentType(string name) => Path.GetExtension(name) switch
    {
        ".js" or ".mjs" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        ".png" => "image/png",
        ".wasm" => "application/wasm",
        ".woff2" => "font/woff2",
        ".pfb" => "application/x-font-type1",
        ".mp3" => "audio/mpeg",
        _ => null, // the compressed forms have no address of their own
    };

    private static Bundle ToBundle(Chunk entry)
    {
        var all = new List<Chunk>();
        Add(entry);
        // What a chunk imports comes before it: its own style rules are the last word.
        return new(Address(entry.File), [.. all.SelectMany(chunk => chunk.Css).Distinct(StringComparer.Ordinal).Select(Address)], [.. all.SkipLast(1).Select(chunk => Address(chunk.File))]);

        void Add(Chunk chunk)
        {
            foreach (var import in chunk.Imports)
                Add(Manifest[import]);
            if (!all.Contains(chunk))
                all.Add(chunk);
        }
    }

    private static string Address(string file) => $"/assets/{file}";
}

/// <summary>What a page loads of one entry.</summary>
/// <param name="Script">Address of the module.</param>
/// <param name="Styles">Addresses of its style sheets, those of what it imports included.</param>
/// <param name="Imports">Addresses of the modules that it imports, to be loaded at the same time.</param>
public sealed record Bundle(string Script, IReadOnlyList<string> Styles, IReadOnlyList<string> Imports);

/// <summary>A line of Vite's manifest.</summary>
internal sealed record Chunk(string File, string? Name = null, bool IsEntry = false)
{
    public string[] Css { get; set; } = [];

    public string[] Assets { get; set; } = [];

    public string[] Imports { get; set; } = [];
}

[JsonSerializable(typeof(Dictionary<string, Chunk>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class ManifestContext : JsonSerializerContext;
