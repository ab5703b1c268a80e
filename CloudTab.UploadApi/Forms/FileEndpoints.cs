using System.Text.Json.Serialization;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.UploadApi;

/// <summary>A session's files: upload as a form, and take one back.</summary>
internal static class FileEndpoints
{
    /// <summary>The form's field that holds files.</summary>
    public const string Field = "files";

    public static RouteGroupBuilder MapFiles(this RouteGroupBuilder group)
    {
        group.MapPost("/sessions/{sessionId}/upload", Upload)
            .TakesLargeBody()
            .ProducesProblem(400).ProducesProblem(404).ProducesProblem(410).ProducesProblem(413).ProducesProblem(415);
        group.MapDelete("/sessions/{sessionId}/files/{fileId}", TakeBack)
            .ProducesProblem(404).ProducesProblem(409).ProducesProblem(410);
        return group;
    }

    private static async Task<Results<Ok<UploadAnswer>, ProblemHttpResult>> Upload(
        RequestedShop shop, string sessionId, HttpRequest request, UploadingFiles uploadingFiles, FormUpload files, CancellationToken cancellationToken)
    {
        if (shop.Id is null || !SessionId.IsWellFormed(sessionId))
            return (ProblemHttpResult)Problems.SessionNotFound;
        if (await uploadingFiles.FindSessionAsync(shop.Id, sessionId, cancellationToken) is not { } session)
            return (ProblemHttpResult)Problems.SessionNotFound;

        await using (files)
        {
            var refused = session.Closed ? Problems.SessionClosed : await ReceiveAsync(request, session, files, cancellationToken);
            return refused is null ? TypedResults.Ok(UploadAnswer.For(sessionId, files.Stored)) : (ProblemHttpResult)refused;
        }
    }

    private static async Task<Problem?> ReceiveAsync(
        HttpRequest request, UploadSession session, FormUpload files, CancellationToken cancellationToken)
    {
        if (MultipartForm.Open(request) is not { } form)
            return Problems.NotMultipart;
        while (await form.NextAsync(cancellationToken) is { } part)
        {
            if (!part.IsFile)
                continue;
            if (part.Field != Field)
                return Problems.OtherField;
            if (await files.AddAsync(session, part, request.ContentLength, cancellationToken) is { } refused)
                return refused;
        }

        return await files.StoreAsync(session, cancellationToken);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> TakeBack(
        RequestedShop shop, string sessionId, string fileId, StoredFiles storedFiles, Removal removal, CancellationToken cancellationToken)
    {
        if (shop.Id is null || !SessionId.IsWellFormed(sessionId))
            return (ProblemHttpResult)Problems.SessionNotFound;
        // No file has the id of zeros that a text which is no id becomes.
        _ = Guid.TryParseExact(fileId, "D", out var file);
        var (outcome, session) = await storedFiles.TakeBackAsync(shop.Id, sessionId, file, cancellationToken);
        if (outcome != Outcome.Done)
            return (ProblemHttpResult)Problems.For(outcome);
        await removal.TryRemoveAsync(session, cancellationToken);
        return TypedResults.NoContent();
    }
}

/// <summary>The answer to an upload.</summary>
internal sealed record UploadAnswer(bool Success, string SessionId, int FilesUploaded, IReadOnlyList<UploadedView> Files, string Message)
{
    public static UploadAnswer For(string sessionId, IReadOnlyList<UploadedFile> files) => new(
        true,
        sessionId,
        files.Count,
        [.. files.Select(file => new UploadedView(
            file.Id, file.Name, file.Size, file.Type, Convert.ToHexStringLower(file.Sha256), file.Pages, file.Locked))],
        files.Count == 1 ? "1 file uploaded." : $"{files.Count} files uploaded.");
}

/// <summary>A file just uploaded; `sha256` is lower-case hexadecimal; `pages` and `locked` as in <see cref="FileDetails"/>.</summary>
internal sealed record UploadedView(
    Guid Id,
    string OriginalName,
    long Size,
    string Type,
    string Sha256,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Pages,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Locked);
