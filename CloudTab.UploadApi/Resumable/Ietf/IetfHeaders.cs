namespace CloudTab.UploadApi;

/// <summary>The headers of Resumable Uploads for HTTP, beside those that tus has too (<see cref="UploadHeaders"/>).</summary>
internal static class IetfHeaders
{
    public const string Complete = "Upload-Complete";
    public const string Limit = "Upload-Limit";
    public const string InteropVersion = "Upload-Draft-Interop-Version";
    public const string ContentDigest = "Content-Digest";
    public const string ReprDigest = "Repr-Digest";
    public const string WantReprDigest = "Want-Repr-Digest";
    public const string AcceptPatch = "Accept-Patch";

    /// <summary>The Content-Type of bytes of an upload.</summary>
    public const string PartialUpload = "application/partial-upload";

    /// <summary>"The current interop version is 8."</summary>
    public const string SupportedInteropVersion = "8";

    public const string True = "?1";
    public const string False = "?0";

    /// <summary>Reads "a non-negative Integer […]. Other values MUST cause the entire header field to be ignored".</summary>
    public static long? ReadInteger(this IHeaderDictionary headers, string name) =>
        StructuredFields.Integer(headers[name].ToString()) is >= 0 and var value ? value : null;

    /// <summary>Reads "a Boolean […]. Other values MUST cause the entire header field to be ignored".</summary>
    public static bool? ReadBoolean(this IHeaderDictionary headers, string name) => StructuredFields.Boolean(headers[name].ToString());
}
