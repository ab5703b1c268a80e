using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>How failures are told in Resumable Uploads for HTTP: with its problem types, and without the statuses that only tus has.</summary>
internal static class IetfProblems
{
    private const string Registry = "https://iana.org/assignments/http-problem-types#";

    // https://datatracker.ietf.org/doc/draft-ietf-httpapi-digest-fields-problem-types/
    public static readonly Problem InvalidDigest = new(
        StatusCodes.Status400BadRequest, "invalid_checksum", "Invalid digest values", "The digest must be a SHA-256 of 32 bytes.")
    {
        Type = $"{Registry}digest-invalid-values",
    };

    public static readonly Problem OtherContentType = Problems.OtherContentType with
    {
        Detail = $"The Content-Type must be {IetfHeaders.PartialUpload}.",
    };

    public static readonly Problem OffsetConflict = Problems.OffsetConflict with
    {
        Type = $"{Registry}mismatching-upload-offset",
        Title = "Mismatching Upload Offset",
    };

    private static readonly Dictionary<Problem, Problem> Translations = new()
    {
        [Problems.OffsetConflict] = OffsetConflict,
        // Not 413, which asks for a smaller request: a smaller one would fail too.
        [Problems.OtherLength] = Inconsistent(Problems.OtherLength),
        [Problems.UploadTooLong] = Inconsistent(Problems.UploadTooLong),
        // Only tus has the status 460.
        [Problems.ChecksumMismatch] = Mismatching(Problems.ChecksumMismatch),
        [Problems.WrongContent] = Mismatching(Problems.WrongContent),
        [Problems.ChecksumNotUnderstood] = InvalidDigest,
    };

    // These are the answer of the resource that the upload was meant for: nothing that is sent later could change them.
    private static readonly HashSet<Problem> Final =
    [
        Problems.SessionNotFound, Problems.SessionClosed, Problems.EmptyFile, Problems.FileTooLarge, Problems.UploadTooLong,
        Problems.TooManyFiles, Problems.SessionTooLarge, Problems.TypeNotAccepted, Problems.NotScannable, Problems.WrongContent,
    ];

    /// <summary>Whether "the semantics of the targeted resource apply", and the client need not try to resume.</summary>
    public static bool IsFinal(Problem refused) => Final.Contains(refused);

    /// <summary>The failures as this protocol tells them.</summary>
    public static Problem[] Of(IEnumerable<Problem> problems) => [.. problems.Select(Of)];

    /// <summary>The failure as this protocol tells it.</summary>
    /// <param name="upload">The upload that the request was for, if it is still there.</param>
    /// <param name="offset">The offset that the request named.</param>
    public static Problem For(Problem refused, Upload? upload, long? offset) => refused == Problems.OffsetConflict && upload is not null
        // "A response using this problem type SHOULD populate both members".
        ? OffsetConflict with { Members = [new("expected-offset", upload.Received), new("provided-offset", offset)] }
        : Of(refused);

    private static Problem Of(Problem problem) => Translations.GetValueOrDefault(problem, problem);

    private static Problem Inconsistent(Problem length) => length with
    {
        Status = StatusCodes.Status400BadRequest,
        Type = $"{Registry}inconsistent-upload-length",
        Title = "Inconsistent Upload Length Values",
    };

    private static Problem Mismatching(Problem checksum) => checksum with
    {
        Status = StatusCodes.Status400BadRequest,
        Type = $"{Registry}digest-mismatching-values",
        Title = "Mismatching Digest Values",
    };
}
