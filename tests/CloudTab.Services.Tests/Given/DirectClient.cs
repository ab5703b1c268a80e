using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using CloudTab.Relay;

namespace CloudTab.Services.Tests;

/// <summary>Direct uploads request by request, as a client makes them.</summary>
internal static class DirectClient
{
    private static readonly HttpClient S3 = new();

    /// <summary>A file's announcement.</summary>
    public static Dictionary<string, object?> Announce(Sample file, bool inParts = false) => new(StringComparer.Ordinal)
    {
        ["name"] = file.Name,
        ["size"] = file.Content.Length,
        ["type"] = "application/pdf",
        ["sha256"] = file.Sha256,
        ["mode"] = "direct",
        ["parts"] = inParts ? file.Content.Chunk(ObjectUpload.PartSize).Select(part => new Sample("", part).Sha256).ToArray() : null,
    };

    public static Task<HttpResponseMessage> AnnounceAsync(this HttpClient client, string sessionId, object file, string prefix = "") =>
        client.PostAsync($"{prefix}/api/customer/sessions/{sessionId}/files", JsonContent.Create(file), Token);

    /// <summary>Begins an upload that is accepted.</summary>
    public static async Task<DirectUpload> BeginDirectAsync(this HttpClient client, string sessionId, Sample file, bool inParts = false)
    {
        using var answer = await client.AnnounceAsync(sessionId, Announce(file, inParts));
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var body = await answer.JsonAsync();
        Assert.True(body.GetProperty("success").GetBoolean());
        Assert.Equal($"/api/customer/uploads/{body.GetProperty("uploadId").GetString()}", answer.Headers.Location!.ToString());
        return new(answer.Headers.Location.ToString(), [.. body.GetProperty("parts").EnumerateArray()]) { ExpiresAt = body.GetProperty("expiresAt").GetDateTime() };
    }

    /// <summary>Sends bytes to the link of a part, with the headers that belong to it.</summary>
    public static async Task<HttpResponseMessage> SendPartAsync(this JsonElement part, byte[] bytes)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, part.GetProperty("url").GetString()) { Content = new ByteArrayContent(bytes) };
        foreach (var header in part.GetProperty("headers").EnumerateObject())
            request.Headers.Add(header.Name, header.Value.GetString());
        return await S3.SendAsync(request, Token);
    }

    /// <summary>Sends a part's own bytes to its link.</summary>
    public static async Task SentPartAsync(this JsonElement part, Sample file)
    {
        using var answer = await part.SendPartAsync(part.BytesOf(file));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    public static byte[] BytesOf(this JsonElement part, Sample file) =>
        file.Content.AsSpan((int)part.GetProperty("offset").GetInt64(), (int)part.GetProperty("size").GetInt64()).ToArray();

    public static Task<HttpResponseMessage> FinishAsync(this HttpClient client, DirectUpload upload) =>
        client.PostAsync($"{upload.Path}/finish", content: null, Token);

    /// <summary>Finishes an upload that is accepted.</summary>
    /// <returns>The answer's one file.</returns>
    public static async Task<JsonElement> FinishedAsync(this HttpClient client, DirectUpload upload)
    {
        using var answer = await client.FinishAsync(upload);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Token));
        return Assert.Single((await answer.JsonAsync()).GetProperty("files").EnumerateArray());
    }

    /// <summary>An upload whose one part has been sent, in a session of its own.</summary>
    public static async Task<(string SessionId, DirectUpload Upload)> SentAsync(this HttpClient client, Sample file)
    {
        var sessionId = await client.CreateAsync();
        var upload = await client.BeginDirectAsync(sessionId, file);
        await Assert.Single(upload.Parts).SentPartAsync(file);
        return (sessionId, upload);
    }

    /// <summary>Ends a session: what a test leaves is removed.</summary>
    public static async Task WithdrawAsync(this HttpClient client, string sessionId, string shop = "")
    {
        using var withdrawn = await client.DeleteAsync($"{shop}/api/customer/sessions/{sessionId}", Token);
        Assert.Equal(HttpStatusCode.NoContent, withdrawn.StatusCode);
    }

    /// <summary>Asserts that an upload is gone.</summary>
    public static async Task IsGoneAsync(this HttpClient client, DirectUpload upload)
    {
        using var finish = await client.FinishAsync(upload);
        await finish.IsProblemAsync(HttpStatusCode.Gone, "upload_gone");
    }

    /// <summary>The multipart upload in S3 behind a session's one upload.</summary>
    public static async Task<(string Key, string Id)> MultipartOfAsync(this UploadFixture relay, string sessionId) =>
        Assert.Single(await relay.ColumnAsync<(string Key, string Id)>(
            "SELECT object_key, multipart_id FROM uploads JOIN files ON files.id = file JOIN sessions ON sessions.id = uploads.session WHERE session_id = @sessionId",
            new { sessionId }));
}

/// <summary>An upload that has begun.</summary>
internal sealed record DirectUpload(string Path, IReadOnlyList<JsonElement> Parts)
{
    public DateTime ExpiresAt { get; init; }
}
