using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace CloudTab.Services.Tests;

/// <summary>tus 1.0.0 request by request, for tests that need to see each of them.</summary>
internal static class TusClient
{
    /// <summary>A request with these headers, beside Tus-Resumable.</summary>
    public static HttpRequestMessage Request(HttpMethod method, string path, byte[]? body = null, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path);
        request.Headers.Add("Tus-Resumable", "1.0.0");
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/offset+octet-stream");
        }

        foreach (var (name, value) in headers)
        {
            if (name == "Content-Type")
            {
                request.Content!.Headers.ContentType = new MediaTypeHeaderValue(value);
                continue;
            }

            // A header given here replaces the default.
            request.Headers.Remove(name);
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        }

        return request;
    }

    public static async Task<HttpResponseMessage> SendAsync(
        this HttpClient client, HttpMethod method, string path, byte[]? body = null, params (string Name, string Value)[] headers)
    {
        using var request = Request(method, path, body, headers);
        return await client.SendAsync(request, Token);
    }

    /// <summary>Creates an upload, whose address is then in Location.</summary>
    public static Task<HttpResponseMessage> CreateUploadAsync(
        this HttpClient client, string sessionId, byte[]? first = null, params (string Name, string Value)[] headers) =>
        client.SendAsync(HttpMethod.Post, $"/api/customer/sessions/{sessionId}/files", first, headers);

    /// <summary>Creates an upload for a file.</summary>
    /// <returns>Its address.</returns>
    public static async Task<string> BeginAsync(this HttpClient client, string sessionId, Sample file, params (string Name, string Value)[] headers)
    {
        using var answer = await client.CreateUploadAsync(sessionId, null, [Length(file.Content.Length), Named(file.Name), .. headers]);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return answer.Headers.Location!.ToString();
    }

    /// <summary>Creates an upload for a file in a new session.</summary>
    public static async Task<(string SessionId, string Upload)> BegunAsync(this HttpClient client, Sample file)
    {
        var sessionId = await client.CreateAsync();
        return (sessionId, await client.BeginAsync(sessionId, file));
    }

    /// <summary>Sends the rest of a file, which is accepted.</summary>
    public static async Task CompletedAsync(this HttpClient client, string upload, Sample file, long from = 0)
    {
        using var answer = await client.PatchAsync(upload, from, file.Content[(int)from..]);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    public static Task<HttpResponseMessage> PatchAsync(
        this HttpClient client, string upload, long offset, byte[] body, params (string Name, string Value)[] headers) =>
        client.SendAsync(HttpMethod.Patch, upload, body, [("Upload-Offset", Number(offset)), .. headers]);

    /// <summary>Sends a file that is accepted, in one request after its creation.</summary>
    public static async Task SentAsync(this HttpClient client, string sessionId, Sample file) =>
        await client.CompletedAsync(await client.BeginAsync(sessionId, file), file);

    public static Task<HttpResponseMessage> HeadAsync(this HttpClient client, string upload) => client.SendAsync(HttpMethod.Head, upload);

    /// <summary>What HEAD says of an upload that is there.</summary>
    public static async Task<long> OffsetAsync(this HttpClient client, string upload)
    {
        using var answer = await client.HeadAsync(upload);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return answer.Number("Upload-Offset");
    }

    /// <summary>Asserts that a session holds this one file, as it was sent, and that nothing else is left of its upload.</summary>
    public static async Task AssertHoldsAsync(this UploadFixture relay, string sessionId, Sample file)
    {
        const string sql = """
            SELECT files.id, name, encode(sha256, 'hex') AS sha256, size
            FROM files JOIN sessions ON sessions.id = files.session
            WHERE session_id = @sessionId AND files.status = 'stored'
            """;
        var stored = Assert.Single(await relay.ColumnAsync<(Guid Id, string Name, string Sha256, long Size)>(sql, new { sessionId }));
        Assert.Equal((file.Name, file.Sha256, file.Content.LongLength), (stored.Name, stored.Sha256, stored.Size));
        Assert.Equal(file.Content, await relay.ContentAsync(stored.Id));
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 1);
    }

    /// <summary>The one value of a header.</summary>
    public static string Header(this HttpResponseMessage answer, string name) => Assert.Single(answer.Headers.GetValues(name));

    public static long Number(this HttpResponseMessage answer, string name) => long.Parse(answer.Header(name), CultureInfo.InvariantCulture);

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static (string Name, string Value) Length(long length) => ("Upload-Length", Number(length));

    public static (string Name, string Value) Metadata(params (string Key, string Value)[] pairs) =>
        ("Upload-Metadata", string.Join(',', pairs.Select(pair => $"{pair.Key} {Convert.ToBase64String(Encoding.UTF8.GetBytes(pair.Value))}")));

    public static (string Name, string Value) Named(string name) => Metadata(("filename", name));
}
