using System.Globalization;

namespace CloudTab.UploadApi;

/// <summary>The headers of tus 1.0.0, beside <see cref="UploadHeaders"/>.</summary>
internal static class TusHeaders
{
    public const string Resumable = "Tus-Resumable";
    public const string Version = "Tus-Version";
    public const string Extension = "Tus-Extension";
    public const string MaxSize = "Tus-Max-Size";
    public const string ChecksumAlgorithm = "Tus-Checksum-Algorithm";
    public const string DeferLength = "Upload-Defer-Length";
    public const string Metadata = "Upload-Metadata";
    public const string Expires = "Upload-Expires";
    public const string Checksum = "Upload-Checksum";
    public const string Concat = "Upload-Concat";
    public const string MethodOverride = "X-HTTP-Method-Override";

    /// <summary>The Content-Type of bytes of an upload.</summary>
    public const string ContentType = "application/offset+octet-stream";

    /// <summary>
    /// What is offered beyond the core. `concatenation-unfinished` is not: a final upload is a file, and is made at once. Trailers are
    /// taken, but "If the Server can handle trailers, this behavior MUST be announced" is only true if they arrive: a proxy in between
    /// (the gateway with YARP, nginx) drops them, so they are only announced to clients that have connected directly.
    /// </summary>
    public static string ExtensionsFor(HttpRequest request) =>
        "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation"
        + (UploadHeaders.IsForwarded(request) ? "" : ",checksum-trailer");

    /// <summary>Whether a value may stand in an answer: Kestrel takes control characters in requests, and sends none.</summary>
    public static bool CanBeSentBack(string value) => !value.AsSpan().ContainsAnyExceptInRange(' ', '~');

    /// <summary>Reads a header whose "value MUST be a non-negative integer".</summary>
    /// <returns>False if it is there and is something else.</returns>
    public static bool TryRead(this IHeaderDictionary headers, string name, out long? value)
    {
        value = null;
        if (!headers.TryGetValue(name, out var text))
            return true;
        if (!long.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return false;
        value = number;
        return true;
    }
}
