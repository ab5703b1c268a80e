using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.StaticFiles;

namespace CloudTab.DevHost.Dashboard;

/// <summary>
/// The page's files, out of the assembly: an AppHost may run from anywhere. They hold no secret, so they need no token; what they show does.
/// </summary>
internal static class Page
{
    private const string Root = "wwwroot/";

    private static readonly FileExtensionContentTypeProvider ContentTypes = new();

    public static void MapPage(this IEndpointRouteBuilder routes) => routes.MapGet("/{**path}", Serve);

    /// <summary>An address without a file's ending is a view of the page, which reads it itself.</summary>
    private static Results<FileStreamHttpResult, NotFound> Serve(string? path)
    {
        var file = Path.HasExtension(path) ? path! : "index.html";
        return path?.StartsWith("api/", StringComparison.OrdinalIgnoreCase) != true && Assembly.GetExecutingAssembly().GetManifestResourceStream(Root + file) is { } content && ContentTypes.TryGetContentType(file, out var type)
            ? TypedResults.File(content, type.StartsWith("text/", StringComparison.Ordinal) ? $"{type}; charset=utf-8" : type)
            : TypedResults.NotFound();
    }
}
