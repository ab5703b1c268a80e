using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.ShopApi;

/// <summary>
/// A shop's files: the bytes, or where the request's Accept names application/json a link to them. What a customer has sent is
/// hostile: it leaves as an attachment, of the type that was detected; that nothing sniffs or keeps it stands in the headers that
/// every answer has.
/// </summary>
internal static class FileEndpoints
{
    private static readonly TimeSpan LinkLifetime = TimeSpan.FromMinutes(5);

    // What a browser or the page's own reader can show, and what has nothing in it that runs.
    private static readonly string[] Previewed = ["application/pdf", "image/jpeg", "image/png", "image/webp", "image/heic", "image/heif", "image/tiff"];

    public static RouteGroupBuilder MapFiles(this RouteGroupBuilder group)
    {
        group.MapMethods("/files/{fileId}/download", [HttpMethods.Get, HttpMethods.Head], Download).WithTags("Files").WithSummary("Download a file, or get a link to it")
            .WithDescription("If the request's `Accept` names `application/json`, the answer is a link that needs no key and is good for five minutes.")
            .SendsFile()
            .Answers(Problems.FileNotFound, Problems.FileDeleted, Problems.FileInfected, Problems.PreconditionFailed, Problems.RangeNotSatisfiable);
        group.MapMethods("/files/{fileId}/preview", [HttpMethods.Get, HttpMethods.Head], Preview).WithTags("Files").WithSummary("Show a picture or a PDF in the page")
            .WithDescription("The same bytes as the download, `inline`, with a policy under which a browser runs and loads nothing.")
            .SendsFile()
            .Answers(Problems.FileNotFound, Problems.FileDeleted, Problems.FileInfected, Problems.NoPreview, Problems.PreconditionFailed, Problems.RangeNotSatisfiable);
        return group;
    }

    /// <summary>What the framework does not see of an endpoint that sends a file.</summary>
    private static RouteHandlerBuilder SendsFile(this RouteHandlerBuilder endpoint) => endpoint
        .Allows("Range", "If-Match", "If-None-Match", "If-Range")
        .AnswersWith(200, "ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition")
        .AnswersWith(206, "ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition", "Content-Range")
        .AnswersWith(304, "ETag", "Last-Modified").AnswersWith(416, "Content-Range")
        .SendsBytes("application/octet-stream");

    private static async Task<Results<Ok<FileLinkView>, FileDownload, Problem>> Download(
        HttpRequest request,
        Shopkeeper caller,
        string fileId,
        Database database,
        ObjectStore store,
        Claims claims,
        TimeProvider clock,
        CancellationToken cancellationToken)
    {
        var (file, refused) = await FindAsync(caller, fileId, database, clock, cancellationToken);
        if (refused is not null)
            return refused;
        await claims.RenewAsync(caller.Key, file!.Session, file.Id, cancellationToken);
        if (!AsksForJson(request))
            return new FileDownload(file);
        var link = await store.PresignAsync(file.ObjectKey, file.Attachment, file.Type, LinkLifetime);
        return TypedResults.Ok(new FileLinkView(true, new FileLink(file.Id, file.Name, file.Type, file.Size, file.Sha256, link)));
    }

    private static async Task<Results<FileDownload, Problem>> Preview(
        HttpResponse response, Shopkeeper caller, string fileId, Database database, Claims claims, TimeProvider clock, CancellationToken cancellationToken)
    {
        var (file, refused) = await FindAsync(caller, fileId, database, clock, cancellationToken);
        if (refused is not null)
            return refused;
        if (!Previewed.Contains(file!.Type))
            return Problems.NoPreview;

        await claims.RenewAsync(caller.Key, file.Session, file.Id, cancellationToken);
        // A browser that is led to this address shows the file with no origin, and with nothing that it could load or run.
        response.Headers.ContentSecurityPolicy = "sandbox; default-src 'none'; frame-ancestors 'none'";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        return new FileDownload(file, isInline: true);
    }

    /// <summary>The shop's file, or why there is none to send.</summary>
    private static async Task<(StoredFile? File, Problem? Refused)> FindAsync(
        Shopkeeper caller, string fileId, Database database, TimeProvider clock, CancellationToken cancellationToken)
    {
        const string sql = $"{StoredFile.Select} WHERE files.id = @id AND sessions.shop_id = @shop";
        if (!Guid.TryParse(fileId, out var id))
            return (null, Problems.FileNotFound);
        var parameters = new { id, shop = caller.Shop, now = clock.Now().UtcDateTime };
        if (await database.QuerySingleOrDefaultAsync<StoredFile>(sql, parameters, cancellationToken) is not { } file)
            return (null, Problems.FileNotFound);
        RelayTelemetry.TagSession(file.Session, file.Origin);
        if (!file.Available)
            return (null, Problems.FileDeleted);
        return file.Infected ? (null, Problems.FileInfected) : (file, null);
    }

    private static bool AsksForJson(HttpRequest request) =>
        request.GetTypedHeaders().Accept.Any(accepted => accepted.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase));
}

/// <summary>A file and a presigned link to its bytes, which needs no key and is good for five minutes.</summary>
internal sealed record FileLinkView(bool Success, FileLink File);

internal sealed record FileLink(Guid Id, string Name, string Type, long Size, string Sha256, Uri DownloadUrl);
