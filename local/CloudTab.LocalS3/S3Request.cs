using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace CloudTab.LocalS3;

/// <summary>
/// A request as S3 sees it: path-style, bucket and key taken from the target as it came over the wire. ASP.NET's own path will
/// not do: it resolves dot segments and keeps <c>%2F</c>, and both are ordinary characters of a key.
/// </summary>
internal sealed class S3Request
{
    private const int MaximumKeyBytes = 1024;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private S3Request(HttpContext http, string path, string bucket, string key, List<KeyValuePair<string, string>> query)
    {
        Http = http;
        Path = path;
        Bucket = bucket;
        Key = key;
        Query = query;
    }

    public HttpContext Http { get; }

    public string Method => Http.Request.Method;

    /// <summary>The decoded path, with its leading slash.</summary>
    public string Path { get; }

    /// <summary>Empty if the request is for the service.</summary>
    public string Bucket { get; }

    /// <summary>Empty if the request is for a bucket.</summary>
    public string Key { get; }

    /// <summary>Decoded names and values in the order in which they came.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Query { get; }

    /// <summary>What its signature covers; set before any operation runs.</summary>
    public Signed Signed { get; set; } = Signed.Nothing;

    /// <exception cref="S3Exception">InvalidURI, KeyTooLongError.</exception>
    public static S3Request Parse(HttpContext http)
    {
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (!target.StartsWith('/'))
            throw new S3Exception(S3Error.InvalidUri);

        var mark = target.IndexOf('?', StringComparison.Ordinal);
        var path = Decode(mark < 0 ? target : target[..mark]);
        var slash = path.IndexOf('/', 1);
        var bucket = slash < 0 ? path[1..] : path[1..slash];
        var key = slash < 0 ? "" : path[(slash + 1)..];
        if (Encoding.UTF8.GetByteCount(key) > MaximumKeyBytes)
            throw new S3Exception(S3Error.KeyTooLong);

        return new S3Request(http, path, bucket, key, mark < 0 ? [] : ParseQuery(target[(mark + 1)..]));
    }

    /// <summary>The value of a query parameter, or null if it is absent.</summary>
    public string? Parameter(string name)
    {
        foreach (var (candidate, value) in Query)
        {
            if (candidate == name)
                return value;
        }

        return null;
    }

    /// <summary>A header's value, or null if it is absent or empty.</summary>
    public string? Header(string name)
    {
        var value = Http.Request.Headers[name].ToString();
        return value.Length == 0 ? null : value;
    }

    /// <summary>A query parameter that is a whole number of at least <paramref name="least"/>.</summary>
    /// <exception cref="S3Exception">InvalidArgument: it is something else.</exception>
    public int Number(string name, int missing, int least)
    {
        if (Parameter(name) is not { Length: > 0 } text)
            return missing;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : throw new S3Exception(S3Error.InvalidArgument, $"Provided {name} not an integer or within integer range");
    }

    private static List<KeyValuePair<string, string>> ParseQuery(string query)
    {
        var parameters = new List<KeyValuePair<string, string>>();
        foreach (var pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            parameters.Add(equals < 0
                ? new(Decode(pair), "")
                : new(Decode(pair[..equals]), Decode(pair[(equals + 1)..])));
        }

        return parameters;
    }

    /// <summary>Percent-decoding and nothing else: a plus sign stays one, as in the strings that clients sign.</summary>
    private static string Decode(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
            return text;

        var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                length += Encoding.UTF8.GetBytes(text.AsSpan(i, 1), bytes.AsSpan(length));
                continue;
            }

            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
                throw new S3Exception(S3Error.InvalidUri);
            bytes[length++] = Convert.FromHexString(text.AsSpan(i + 1, 2))[0];
            i += 2;
        }

        try
        {
            return StrictUtf8.GetString(bytes, 0, length);
        }
        catch (DecoderFallbackException)
        {
            throw new S3Exception(S3Error.InvalidUri);
        }
    }
}
