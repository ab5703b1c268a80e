using System.Net;

namespace CloudTab.Services.Tests;

/// <summary>Resumable Uploads for HTTP request by request.</summary>
internal static class IetfClient
{
    /// <summary>A request with these headers, beside Upload-Draft-Interop-Version.</summary>
    public static HttpRequestMessage Request(HttpMethod method, string path, byte[]? body = null, params IEnumerable<(string Name, string Value)> headers)
    {
        var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new ByteArrayContent(body) };
        request.Headers.Add("Upload-Draft-Interop-Version", "8");
        foreach (var (name, value) in headers)
            Assert.True(request.Headers.TryAddWithoutValidation(name, value) || request.Content!.Headers.TryAddWithoutValidation(name, value));
        return request;
    }

    public static async Task<HttpResponseMessage> IetfAsync(
        this HttpClient client, HttpMethod method, string path, byte[]? body = null, params IEnumerable<(string Name, string Value)> headers)
    {
        using var request = Request(method, path, body, headers);
        return await client.SendAsync(request, Token);
    }

    public static string Creation(string sessionId) => $"/api/customer/sessions/{sessionId}/files";

    /// <summary>Creates an upload with these bytes.</summary>
    public static Task<HttpResponseMessage> CreateIetfAsync(
        this HttpClient client, string sessionId, byte[]? body, bool isWhole, params IEnumerable<(string Name, string Value)> headers) =>
        client.IetfAsync(HttpMethod.Post, Creation(sessionId), body ?? [], [Complete(isWhole), .. headers]);

    /// <summary>Creates an upload without bytes.</summary>
    /// <returns>Its address.</returns>
    public static async Task<string> BeginIetfAsync(this HttpClient client, string sessionId, Sample file, params IEnumerable<(string Name, string Value)> headers)
    {
        using var answer = await client.CreateIetfAsync(sessionId, null, isWhole: false, [Named(file.Name), .. headers]);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return answer.Headers.Location!.ToString();
    }

    /// <summary>Creates an upload without bytes in a new session.</summary>
    public static async Task<(string SessionId, string Upload)> BegunIetfAsync(this HttpClient client, Sample file, params IEnumerable<(string Name, string Value)> headers)
    {
        var sessionId = await client.CreateAsync();
        return (sessionId, await client.BeginIetfAsync(sessionId, file, headers));
    }

    /// <summary>Adds bytes to an upload.</summary>
    public static Task<HttpResponseMessage> AppendAsync(
        this HttpClient client, string upload, long offset, byte[] body, bool isLast, params IEnumerable<(string Name, string Value)> headers) =>
        client.IetfAsync(HttpMethod.Patch, upload, body, Append(offset, isLast, headers));

    /// <summary>What HEAD says of an upload.</summary>
    public static async Task<(long Offset, bool IsComplete, string? Length)> RetrieveAsync(this HttpClient client, string upload)
    {
        using var answer = await client.IetfAsync(HttpMethod.Head, upload);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.True(answer.Headers.CacheControl!.NoStore);
        Assert.Matches("^max-size=[0-9]+, max-age=[0-9]+$", answer.Header("Upload-Limit"));
        return (answer.Number("Upload-Offset"), answer.Header("Upload-Complete") == "?1", answer.Headers.TryGetValues("Upload-Length", out var length) ? length.Single() : null);
    }

    /// <summary>Asserts a refusal, and whether it is the final answer to the upload.</summary>
    public static async Task IsRefusalAsync(this HttpResponseMessage answer, HttpStatusCode status, string code, bool isFinal)
    {
        await answer.IsProblemAsync(status, code);
        Assert.Equal(isFinal ? "?1" : "?0", answer.Header("Upload-Complete"));
    }

    /// <summary>Asserts the final answer to an upload, which is that to an upload as a form.</summary>
    public static async Task IsFinalAsync(this HttpResponseMessage answer, string sessionId, Sample file)
    {
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("?1", answer.Header("Upload-Complete"));
        var body = await answer.JsonAsync();
        Assert.Equal(sessionId, body.GetProperty("sessionId").GetString());
        var stored = Assert.Single(body.GetProperty("files").EnumerateArray());
        Assert.Equal(
            (file.Name, file.Content.Length, file.Sha256),
            (stored.GetProperty("originalName").GetString(), stored.GetProperty("size").GetInt32(), stored.GetProperty("sha256").GetString()));
    }

    /// <summary>The headers of a request that adds bytes.</summary>
    public static IEnumerable<(string Name, string Value)> Append(long offset, bool isLast, params IEnumerable<(string Name, string Value)> headers) =>
        [("Upload-Offset", TusClient.Number(offset)), Complete(isLast), ("Content-Type", "application/partial-upload"), .. headers];

    public static (string Name, string Value) Complete(bool isTrue) => ("Upload-Complete", isTrue ? "?1" : "?0");

    public static (string Name, string Value) Named(string name) => ("Content-Disposition", $"inline; filename*=UTF-8''{Uri.EscapeDataString(name)}");
}
