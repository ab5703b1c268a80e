using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using CloudTab.Testing;

namespace CloudTab.Local.Tests;

/// <summary>
/// Requests signed by hand, so that they can be spoiled where the SDK would not let us. Written from AWS's description of
/// Signature Version 4, not from LocalS3's code.
/// </summary>
internal sealed class SignedRequest(S3Endpoint endpoint, HttpMethod method, string path)
{
    public const string EmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(60) };

    public DateTimeOffset Time { get; init; } = TimeProvider.System.GetUtcNow();

    public string Region { get; init; } = endpoint.Region;

    public string Secret { get; init; } = endpoint.SecretAccessKey;

    public string AccessKeyId { get; init; } = endpoint.AccessKeyId;

    public string Payload { get; init; } = "UNSIGNED-PAYLOAD";

    /// <summary>Signed along with host and x-amz-date.</summary>
    public SortedDictionary<string, string> Headers { get; } = new(StringComparer.Ordinal);

    /// <summary>Sent, but left out of the signature.</summary>
    public Dictionary<string, string> UnsignedHeaders { get; } = new(StringComparer.Ordinal);

    /// <summary>Of the request's own signature; those of chunks build upon it.</summary>
    public string Signature { get; private set; } = "";

    private string Timestamp => Time.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    private string Scope => $"{Timestamp[..8]}/{Region}/s3/aws4_request";

    public static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Sends it with the signature in its Authorization header.</summary>
    /// <param name="body">Made after the request has been signed, as signed chunks need its signature.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<HttpResponseMessage> SendAsync(CancellationToken cancellationToken, Func<SignedRequest, byte[]>? body = null)
    {
        Headers["host"] = endpoint.Address.Authority;
        Headers["x-amz-content-sha256"] = Payload;
        Headers["x-amz-date"] = Timestamp;
        Sign("");

        using var request = new HttpRequestMessage(method, Literal(path));
        if (body is not null)
            request.Content = new ByteArrayContent(body(this));
        foreach (var (name, value) in Headers.Concat(UnsignedHeaders).Where(header => header.Key != "host"))
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
                request.Content!.Headers.TryAddWithoutValidation(name, value);
        }

        var authorization = $"Credential={AccessKeyId}/{Scope}, SignedHeaders={string.Join(';', Headers.Keys)}, Signature={Signature}";
        request.Headers.Authorization = new AuthenticationHeaderValue("AWS4-HMAC-SHA256", authorization);
        return await Http.SendAsync(request, cancellationToken);
    }

    /// <summary>A presigned URL for the host alone.</summary>
    public Uri Presign(TimeSpan lifetime, params (string Name, string Value)[] parameters)
    {
        Headers["host"] = endpoint.Address.Authority;
        var query = new SortedDictionary<string, string>(parameters.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.Ordinal), StringComparer.Ordinal)
        {
            ["X-Amz-Algorithm"] = "AWS4-HMAC-SHA256",
            ["X-Amz-Credential"] = $"{AccessKeyId}/{Scope}",
            ["X-Amz-Date"] = Timestamp,
            ["X-Amz-Expires"] = ((int)lifetime.TotalSeconds).ToString(CultureInfo.InvariantCulture),
            ["X-Amz-SignedHeaders"] = "host",
        };
        var text = string.Join('&', query.Select(pair => $"{Uri.EscapeDataString(pair.Key)}={Uri.EscapeDataString(pair.Value)}"));
        Sign(text);
        return Literal($"{path}?{text}&X-Amz-Signature={Signature}");
    }

    /// <summary>Frames a body as aws-chunked with signed chunks.</summary>
    public byte[] Chunk(byte[] body, int chunkSize, params (string Name, string Value)[] trailers)
    {
        using var framed = new MemoryStream();
        var previous = Signature;
        foreach (var chunk in body.Chunk(chunkSize).Append([]))
        {
            previous = Hmac($"AWS4-HMAC-SHA256-PAYLOAD\n{Timestamp}\n{Scope}\n{previous}\n{EmptyHash}\n{Sha256(chunk)}");
            framed.Write(Encoding.ASCII.GetBytes($"{chunk.Length.ToString("x", CultureInfo.InvariantCulture)};chunk-signature={previous}\r\n"));
            framed.Write(chunk);
            if (chunk.Length > 0 || trailers.Length == 0)
                framed.Write("\r\n"u8);
        }

        if (trailers.Length > 0)
        {
            var lines = string.Concat(trailers.Select(trailer => $"{trailer.Name}:{trailer.Value}\n"));
            var signature = Hmac($"AWS4-HMAC-SHA256-TRAILER\n{Timestamp}\n{Scope}\n{previous}\n{Sha256(Encoding.UTF8.GetBytes(lines))}");
            framed.Write(Encoding.ASCII.GetBytes(lines.Replace("\n", "\r\n", StringComparison.Ordinal) + $"x-amz-trailer-signature:{signature}\r\n\r\n"));
        }

        return framed.ToArray();
    }

    /// <summary>The code in an S3 error's body.</summary>
    public static async Task<string> ErrorCodeAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var document = XDocument.Parse(await response.Content.ReadAsStringAsync(cancellationToken));
        return document.Root!.Element("Code")!.Value;
    }

    public static Task<HttpResponseMessage> GetAsync(Uri url, CancellationToken cancellationToken) => Http.GetAsync(url, cancellationToken);

    public static Task<HttpResponseMessage> SendPlainAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Http.SendAsync(request, cancellationToken);

    private void Sign(string query)
    {
        var (target, given) = path.Split('?') is [var before, var after] ? (before, after) : (path, "");
        if (given.Length > 0 && !given.Contains('=', StringComparison.Ordinal))
            given += "=";
        var headers = string.Concat(Headers.Select(header => $"{header.Key}:{header.Value}\n"));
        var payload = Headers.ContainsKey("x-amz-content-sha256") ? Payload : "UNSIGNED-PAYLOAD";
        var canonical = $"{method}\n{target}\n{given}{query}\n{headers}\n{string.Join(';', Headers.Keys)}\n{payload}";
        Signature = Hmac($"AWS4-HMAC-SHA256\n{Timestamp}\n{Scope}\n{Sha256(Encoding.UTF8.GetBytes(canonical))}");
    }

    private string Hmac(string text)
    {
        var key = Encoding.UTF8.GetBytes("AWS4" + Secret);
        foreach (var part in Scope.Split('/'))
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        return Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));
    }

    // .NET would resolve dot segments and unescape characters; here every byte of the target matters.
    private Uri Literal(string target) =>
        new(endpoint.Address.GetLeftPart(UriPartial.Authority) + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
}
