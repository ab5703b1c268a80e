using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>What a request for a new upload asks for.</summary>
/// <param name="Upload">The upload.</param>
/// <param name="Parts">Upload ids of the partial uploads that it is to be made of, or null.</param>
internal sealed record TusCreation(NewUpload Upload, IReadOnlyList<string>? Parts)
{
    private const int LongestMetadata = 4096;
    private const int MostParts = 100;
    private const string Final = "final;";

    /// <summary>Reads the headers.</summary>
    /// <returns>What the client asks for, or why that cannot be understood.</returns>
    public static (TusCreation? Wanted, Problem? Refused) Read(HttpRequest request)
    {
        var headers = request.Headers;
        var concat = headers.TryGetValue(TusHeaders.Concat, out var value) ? value.ToString() : null;
        // "The value MUST be final followed by a semicolon and a space-separated list of the partial upload URLs". It is sent back by HEAD.
        var isFinal = concat is not null && concat.StartsWith(Final, StringComparison.Ordinal) && TusHeaders.CanBeSentBack(concat);
        var parts = isFinal ? PartsOf(concat!) : null;
        if (concat is not null && concat != NewUpload.Partial && (parts is not { Length: > 0 and <= MostParts } || parts.Distinct(StringComparer.Ordinal).Count() < parts.Length))
            return (null, Problems.InvalidHeader(TusHeaders.Concat));

        if (!TryReadLength(headers, out var length) && !isFinal)
            return (null, Problems.InvalidHeader(UploadHeaders.Length));
        // "The Upload-Length header MAY be set to 0": but an empty file cannot be printed, and is refused by every protocol.
        if (length == 0)
            return (null, Problems.EmptyFile);

        var text = headers[TusHeaders.Metadata].ToString();
        if (text.Length > LongestMetadata || !TusMetadata.TryRead(text, out var metadata))
            return (null, Problems.InvalidHeader(TusHeaders.Metadata));
        var upload = new NewUpload(
            FileNames.Clean(metadata.FileName ?? ""), isFinal ? null : length, metadata.FileType, metadata.Sha256, text.Length == 0 ? null : text, concat)
        {
            PrintOptions = metadata.PrintOptions,
        };
        return (new(upload, parts), null);
    }

    // "The request MUST include one of the following headers: Upload-Length […] or Upload-Defer-Length: 1"; the latter's "value MUST be 1".
    private static bool TryReadLength(IHeaderDictionary headers, out long? length)
    {
        if (!headers.TryRead(UploadHeaders.Length, out length))
            return false;
        return headers.TryGetValue(TusHeaders.DeferLength, out var deferred) ? deferred == "1" && length is null : length is not null;
    }

    // "The partial uploads URLs MAY be absolute or relative": the last segment of the path names the upload.
    private static string[] PartsOf(string concat) =>
        [.. concat[Final.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(url => url[(url.LastIndexOf('/') + 1)..])];
}
