using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>ListObjectsV2.</summary>
internal static class Listing
{
    private const int MostKeys = 1000;
    private const string LastCodePoint = "\U0010FFFF";

    public static async Task Objects(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        if (request.Parameter("list-type") != "2")
            throw new S3Exception(S3Error.NotImplemented, "Only version 2 of listing objects is implemented");

        var bucket = store[request.Bucket];
        var encode = Encoding(request);
        var (prefix, delimiter) = (request.Parameter("prefix") ?? "", request.Parameter("delimiter") ?? "");
        var (startAfter, token) = (request.Parameter("start-after"), request.Parameter("continuation-token"));
        var maximum = request.Number("max-keys", MostKeys, least: 0);
        var page = Page.Read(bucket, prefix, delimiter, token is null ? startAfter ?? "" : DecodeToken(token), Math.Min(maximum, MostKeys));

        var result = Xml.Element(
            "ListBucketResult",
            Xml.Element("Name", bucket.Name),
            Xml.Element("Prefix", encode(prefix)),
            Optional("Delimiter", delimiter, encode),
            Xml.Element("MaxKeys", maximum),
            Optional("EncodingType", request.Parameter("encoding-type"), text => text),
            Xml.Element("KeyCount", page.Objects.Count + page.Prefixes.Count),
            Xml.Element("IsTruncated", page.IsTruncated),
            Optional("StartAfter", startAfter, encode),
            Optional("ContinuationToken", token, text => text),
            page.IsTruncated ? Xml.Element("NextContinuationToken", EncodeToken(page.Last)) : null,
            page.Objects.Select(entry => Xml.Element(
                "Contents",
                Xml.Element("Key", encode(entry.Key)),
                Xml.Element("LastModified", Xml.Time(entry.LastModified)),
                Xml.Element("ETag", $"\"{entry.ETag}\""),
                Xml.Element("Size", entry.Size),
                Xml.Element("StorageClass", "STANDARD"))),
            page.Prefixes.Select(common => Xml.Element("CommonPrefixes", Xml.Element("Prefix", encode(common)))));
        await Xml.WriteAsync(request.Http.Response, result, cancellationToken);
    }

    /// <summary>How a listing writes keys: as they are, or percent-encoded if encoding-type is url.</summary>
    /// <exception cref="S3Exception">InvalidArgument: any other encoding.</exception>
    public static Func<string, string> Encoding(S3Request request) => request.Parameter("encoding-type") switch
    {
        null or "" => text => text,
        "url" => text => string.Join('/', text.Split('/').Select(Uri.EscapeDataString)),
        _ => throw new S3Exception(S3Error.InvalidArgument, "Invalid Encoding Method specified in Request"),
    };

    /// <summary>An element, or null if there is no text.</summary>
    public static XElement? Optional(string name, string? text, Func<string, string> encode) =>
        string.IsNullOrEmpty(text) ? null : Xml.Element(name, encode(text));

    private static string EncodeToken(string last) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(last));

    private static string DecodeToken(string token)
    {
        try
        {
            return System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(token));
        }
        catch (FormatException)
        {
            throw new S3Exception(S3Error.InvalidArgument, "The continuation token provided is incorrect");
        }
    }

    /// <summary>One page: objects, and the prefixes that stand for all keys with the same text up to the delimiter.</summary>
    private sealed record Page(List<ObjectEntry> Objects, List<string> Prefixes, string Last, bool IsTruncated)
    {
        /// <summary>Reads what follows <paramref name="after"/>, the last key or common prefix that the client has seen.</summary>
        public static Page Read(Bucket bucket, string prefix, string delimiter, string after, int maximum)
        {
            var (objects, prefixes, last) = (new List<ObjectEntry>(), new List<string>(), after);
            var from = KeyOrder.Compare(after, prefix) < 0 ? prefix : after.Length == 0 ? "" : after + '\0';
            while (bucket.FirstFrom(from) is { } entry && entry.Key.StartsWith(prefix, StringComparison.Ordinal))
            {
                var end = delimiter.Length == 0 ? -1 : entry.Key.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal);
                var common = end < 0 ? null : entry.Key[..(end + delimiter.Length)];
                from = common is null ? entry.Key + '\0' : common + LastCodePoint;
                if (common is not null && common == last)
                    continue;
                if (objects.Count + prefixes.Count == maximum)
                    return new Page(objects, prefixes, last, IsTruncated: maximum > 0);

                last = common ?? entry.Key;
                if (common is null)
                    objects.Add(entry);
                else
                    prefixes.Add(common);
            }

            return new Page(objects, prefixes, last, IsTruncated: false);
        }
    }
}
