using System.Text.Json.Serialization;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace CloudTab.UploadApi;

/// <summary>A session's files: upload as a form, change how one is printed, and take one back.</summary>
internal static class FileEndpoints
{
    /// <summary>The form's field that holds files.</summary>
    public const string Field = "files";

    private const long LargestChange = 16 << 10;

    public static RouteGroupBuilder MapFiles(this RouteGroupBuilder group)
    {
        var files = group.MapGroup("").WithTags(CustomerDocument.Sessions);
        files.MapPost("/sessions/{sessionId}/upload", Upload).WithSummary("Send files as a form, all or none, and submit the session")
            .TakesLargeBody()
            .AddEndpointFilter(CreationRateLimit.Filter)
            .Takes("multipart/form-data", typeof(UploadedForm))
            .Answers(Problems.NotMultipart, Problems.OtherField, Problems.UnreadablePart, Problems.NoFiles, Problems.NoFileInPart, Problems.FieldsTooLarge)
            .Answers(Problems.WrongCopies, Problems.TooManyUploads);
        files.MapPatch("/sessions/{sessionId}/files/{fileId}", Change).WithSummary("Change how a file is printed that the shop has not claimed")
            .WithMetadata(new RequestSizeLimitAttribute(LargestChange))
            .AddEndpointFilter(CreationRateLimit.Filter)
            .Answers(Problems.InvalidFileChange, Problems.TooManyUploads, Problems.WrongCopies, Problems.SessionClosed, Problems.FileNotFound, Problems.AlreadyClaimed)
            .Answers(Failures.Of(400), Failures.Of(408), Failures.Of(413), Failures.Of(415));
        files.MapDelete("/sessions/{sessionId}/files/{fileId}", TakeBack).WithSummary("Take a file back that the shop has not claimed")
            .AddEndpointFilter(CreationRateLimit.Filter)
            .Answers(Problems.TooManyUploads, Problems.SessionClosed, Problems.FileNotFound, Problems.AlreadyClaimed);
        return group;
    }

    private static async Task<Results<Ok<UploadAnswer>, Problem>> Upload(
        RequestedSession requested, HttpRequest request, UploadingFiles uploadingFiles, FormUpload files, CancellationToken cancellationToken)
    {
        if (await uploadingFiles.FindSessionAsync(requested.Shop.Id, requested.Id, cancellationToken) is not { } session)
            return Problems.SessionNotFound;

        await using (files)
        {
            var refused = session.Closed ? Problems.SessionClosed : await ReceiveAsync(request, session, files, cancellationToken);
            return refused is null ? TypedResults.Ok(UploadAnswer.For(requested.Id, files.Stored)) : refused;
        }
    }

    private static async Task<Problem?> ReceiveAsync(
        HttpRequest request, UploadSession session, FormUpload files, CancellationToken cancellationToken)
    {
        if (MultipartForm.Open(request, FormOptions.Json) is not { } form)
            return Problems.NotMultipart;
        while (true)
        {
            var (file, refused) = await form.NextFileAsync(cancellationToken);
            if (refused is not null)
                return refused;
            if (file is null)
                return FormOptions.RefusalOf(form) is { } late ? late : await files.StoreAsync(session, cancellationToken);
            (var options, refused) = FormOptions.Of(form, session);
            if (refused is not null)
                return refused;
            refused = await files.AddAsync(session, file, options, ClientNetwork.Of(request.HttpContext), request.ContentLength, cancellationToken);
            if (refused is not null)
                return refused;
        }
    }

    private static async Task<Results<Ok<FileAnswer>, Problem>> Change(
        RequestedSession requested, string fileId, FileChange body, OptionChanges changes, CustomerViews views, CancellationToken cancellationToken)
    {
        if (body.PrintOptions is not { } change)
            return Problems.InvalidFileChange;
        _ = Guid.TryParseExact(fileId, "D", out var id);
        var (outcome, _, fault) = await changes.ChangeAsync(requested.Shop.Id, requested.Id, id, change, cancellationToken);
        if (fault is not null)
            return Problems.InvalidPrintOptions(fault);
        if (outcome != Outcome.Done)
            return Problems.For(outcome);
        var found = await views.FindAsync(requested, cancellationToken);
        return found?.View.Files.FirstOrDefault(file => file.Id == id) is { } changed ? TypedResults.Ok(new FileAnswer(true, changed)) : Problems.FileNotFound;
    }

    private static async Task<Results<NoContent, Problem>> TakeBack(
        RequestedSession requested, string fileId, StoredFiles storedFiles, Removal removal, CancellationToken cancellationToken)
    {
        // A text that is no id becomes the id of zeros, which no file has.
        _ = Guid.TryParseExact(fileId, "D", out var file);
        var (outcome, session) = await storedFiles.TakeBackAsync(requested.Shop.Id, requested.Id, file, cancellationToken);
        if (outcome != Outcome.Done)
            return Problems.For(outcome);
        await removal.TryRemoveAsync(session, cancellationToken);
        return TypedResults.NoContent();
    }
}

/// <summary>What is to be different of a file.</summary>
/// <param name="PrintOptions">How it is to be printed; what is not named stays.</param>
internal sealed record FileChange(PrintOptionsChange? PrintOptions);

/// <summary>A file as it is now.</summary>
internal sealed record FileAnswer(bool Success, CustomerFile File);

/// <summary>The form that an upload sends.</summary>
/// <param name="PrintOptions">JSON in front of the files that it is for, also between files.</param>
/// <param name="Files">One file or more. A file's name may be UTF-8, also as `filename*`.</param>
internal sealed record UploadedForm(PrintOptionsChange? PrintOptions, IReadOnlyList<IFormFile> Files);

/// <summary>The answer to an upload.</summary>
internal sealed record UploadAnswer(bool Success, string SessionId, int FilesUploaded, IReadOnlyList<UploadedView> Files, string Message)
{
    public static UploadAnswer For(string sessionId, IReadOnlyList<UploadedFile> files) => new(
        true,
        sessionId,
        files.Count,
        [.. files.Select(file => new UploadedView(
            file.Id, file.Name, file.Size, file.Type, Convert.ToHexStringLower(file.Sha256), file.Pages, file.Locked, file.Scan))],
        Tell(files));

    private static string Tell(IReadOnlyList<UploadedFile> files)
    {
        var uploaded = files.Count == 1 ? "1 file uploaded." : $"{files.Count} files uploaded.";
        return files.Count(file => file.Scan == Scan.Infected) switch
        {
            0 => uploaded,
            1 => $"{uploaded} A virus was found in one file: the shop cannot open it.",
            var infected => $"{uploaded} Viruses were found in {infected} files: the shop cannot open them.",
        };
    }
}

/// <summary>A file just uploaded.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="Type">The media type that its content shows.</param>
/// <param name="Sha256">Lower-case hexadecimal digits.</param>
/// <param name="Pages">Pages of a PDF that could be read.</param>
/// <param name="Locked">Whether a PDF needs a password.</param>
/// <param name="Scan">What the virus scanner said: `clean`, `infected` (the shop cannot download it), or `unscanned`.</param>
internal sealed record UploadedView(
    Guid Id,
    string OriginalName,
    long Size,
    string Type,
    string Sha256,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Pages,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Locked,
    string Scan);
