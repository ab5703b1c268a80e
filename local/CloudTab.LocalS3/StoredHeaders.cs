using System.Globalization;
using System.Text;

namespace CloudTab.LocalS3;

/// <summary>The headers that an object keeps from its upload and gives back with every GET and HEAD.</summary>
internal static class StoredHeaders
{
    private const string UserPrefix = "x-amz-meta-";
    private const int LargestUserMetadata = 2048;
    private static readonly string[] System = ["content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires"];

    /// <exception cref="S3Exception">MetadataTooLarge: more than 2 KiB of x-amz-meta- names and values.</exception>
    public static Dictionary<string, string> From(S3Request request)
    {
        var kept = new Dictionary<string, string>(StringComparer.Ordinal);
        var userBytes = 0;
        foreach (var (name, value) in request.Http.Request.Headers)
        {
            var lower = name.ToLowerInvariant();
            var isUser = lower.StartsWith(UserPrefix, StringComparison.Ordinal);
            if (isUser)
                userBytes += lower.Length - UserPrefix.Length + Encoding.UTF8.GetByteCount(value.ToString());
            if (isUser || System.Contains(lower, StringComparer.Ordinal))
                kept[lower] = value.ToString();
        }

        if (userBytes > LargestUserMetadata)
            throw new S3Exception(S3Error.MetadataTooLarge);
        RemoveTransferCoding(kept);
        return kept;
    }

    /// <summary>Sets an object's headers on the response, those that a response-… parameter overrides in their new form.</summary>
    public static void Apply(S3Request request, ObjectMetadata metadata)
    {
        var headers = request.Http.Response.Headers;
        headers.ETag = $"\"{metadata.ETag}\"";
        headers.LastModified = metadata.LastModified.ToString("R", CultureInfo.InvariantCulture);
        headers.AcceptRanges = "bytes";
        headers.ContentType = "binary/octet-stream";
        foreach (var (name, value) in metadata.Headers)
            headers[name] = value;
        foreach (var name in System)
        {
            if (request.Parameter("response-" + name) is { } value)
                headers[name] = value;
        }
    }

    /// <summary>aws-chunked is how the bytes travelled, not what they are.</summary>
    private static void RemoveTransferCoding(Dictionary<string, string> kept)
    {
        if (!kept.Remove("content-encoding", out var encoding))
            return;
        var codings = encoding.Split(',', StringSplitOptions.TrimEntries).Where(coding => coding is not ("aws-chunked" or ""));
        if (string.Join(',', codings) is { Length: > 0 } rest)
            kept["content-encoding"] = rest;
    }
}
