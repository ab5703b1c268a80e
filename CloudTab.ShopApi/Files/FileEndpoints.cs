using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;
using Microsoft.OpenApi;

namespace CloudTab.ShopApi;

/// <summary>
/// A shop's files: the bytes, or where the request's Accept names application/json a link to them. What a customer has sent is
/// hostile: it leaves as an attachment, of the type that was detected; that nothing sniffs or keeps it stands in the headers that
/// every answer has.
/// </summary>
internal static class FileEndpoints
{
    private static readonly TimeSpan LinkLifetime = TimeSpan.FromMinutes(5);

    public static RouteGroupBuilder MapFiles(this RouteGroupBuilder group)
    {
        group.MapMethods("/files/{fileId}/download", [HttpMethods.Get, HttpMethods.Head], Download).WithTags("Files").WithSummary("Download a file, or get a link to it")
            .WithDescription("If the request's `Accept` names `application/json`, the answer is a link that needs no key and is good for five minutes.")
            .Allows("Range", "If-Match", "If-None-Match", "If-Range")
            .Tells(200, "ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition")
            .Tells(206, "ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition", "Content-Range")
            .Tells(304, "ETag", "Last-Modified").Tells(416, "Content-Range")
            .AddOpenApiOperationTransformer((operation, _, _) =>
            {
                operation.Responses!["200"].Content!["application/octet-stream"] = new() { Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary" } };
                return Task.CompletedTask;
            })
            .Answers(Problems.FileNotFound, Problems.FileDeleted, Problems.FileInfected, Problems.PreconditionFailed, Problems.RangeNotSatisfiable);
        return group;
    }

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
        const string sql = $"""
            SELECT files.id, files.session, files.name, files.type, files.size, encode(files.sha256, 'hex') AS Sha256,
                   files.object_key AS ObjectKey, files.stored_at AS StoredAt,
                   files.status = 'stored' AND sessions.ended_at IS NULL AND sessions.expires_at > @now AS Available,
                   files.scan = '{Scan.Infected}' AS Infected,
                   ({StateChanges.Origin}) AS Origin
            FROM files JOIN sessions ON sessions.id = files.session
            WHERE files.id = @id AND sessions.shop_id = @shop AND files.stored_at IS NOT NULL AND sessions.submitted_at IS NOT NULL
            """;
        if (!Guid.TryParse(fileId, out var id))
            return Problems.FileNotFound;
        var parameters = new { id, shop = caller.Shop, now = clock.Now().UtcDateTime };
        if (await database.QuerySingleOrDefaultAsync<StoredFile>(sql, parameters, cancellationToken) is not { } file)
            return Problems.FileNotFound;
        RelayTelemetry.TagSession(file.Session, file.Origin);
        if (!file.Available)
            return Problems.FileDeleted;
        if (file.Infected)
            return Problems.FileInfected;

        await claims.RenewAsync(caller.Key, file.Session, file.Id, cancellationToken);
        if (!AsksForJson(request))
            return new FileDownload(file);
        var link = await store.PresignAsync(file.ObjectKey, file.ContentDisposition, file.Type, LinkLifetime);
        return TypedResults.Ok(new FileLinkView(true, new FileLink(file.Id, file.Name, file.Type, file.Size, file.Sha256, link)));
    }

    private static bool AsksForJson(HttpRequest request) =>
        request.GetTypedHeaders().Accept.Any(accepted => accepted.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase));
}

/// <summary>A file of the shop; available while it is stored and its session lives.</summary>
internal sealed record StoredFile(
    Guid Id, Guid Session, string Name, string Type, long Size, string Sha256, string ObjectKey, DateTime StoredAt, bool Available, bool Infected, string? Origin)
{
    /// <summary>`attachment` with the original name, also as RFC 8187's `filename*` where it is not ASCII.</summary>
    public string ContentDisposition
    {
        get
        {
            var header = new ContentDispositionHeaderValue("attachment");
            header.SetHttpFileName(Name);
            return header.ToString();
        }
    }
}

/// <summary>A file and a presigned link to its bytes, which needs no key and is good for five minutes.</summary>
internal sealed record FileLinkView(bool Success, FileLink File);

internal sealed record FileLink(Guid Id, string Name, string Type, long Size, string Sha256, Uri DownloadUrl);
