using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace CloudTab.Bench;

/// <summary>What a customer's browser sends.</summary>
internal static class UploadClient
{
    private static readonly MediaTypeHeaderValue Jpeg = new("image/jpeg");

    /// <summary>A file that goes for a photograph: nobody looks further into those, other than into PDFs.</summary>
    public static byte[] CreateFile(int size)
    {
        var file = new byte[size];
        Random.Shared.NextBytes(file);
        // The headers of a picture of 64 by 64 and of its data: of random headers some would say that it is too large.
        Convert.FromHexString("FFD8FFC0000B080040004001011100FFDA0008010100003F00").CopyTo(file, 0);
        return file;
    }

    /// <param name="shop">What stands before the paths of a shop; nothing before those of the default shop.</param>
    /// <returns>The path of a new session.</returns>
    public static async Task<string> CreateSessionAsync(HttpClient client, string shop = "")
    {
        using var created = await client.PostAsync($"{shop}/api/customer/sessions/create", content: null);
        created.EnsureSuccessStatusCode();
        var session = await created.Content.ReadFromJsonAsync<JsonElement>();
        return $"{shop}/api/customer/sessions/{session.GetProperty("sessionId").GetString()}";
    }

    public static async Task SendFormAsync(HttpClient client, byte[] file) => await SendFormAsync(client, await CreateSessionAsync(client), file);

    /// <param name="session">The path of a session.</param>
    public static async Task SendFormAsync(HttpClient client, string session, byte[] file)
    {
        using var content = new ByteArrayContent(file) { Headers = { ContentType = Jpeg } };
        using var form = new MultipartFormDataContent { { content, "files", "bench.jpg" } };
        using var sent = await client.PostAsync($"{session}/upload", form);
        sent.EnsureSuccessStatusCode();
    }

    /// <param name="collection">The path at which uploads are created.</param>
    public static async Task SendByTusAsync(HttpClient client, string collection, byte[] file)
    {
        using var creation = new HttpRequestMessage(HttpMethod.Post, collection)
        {
            Headers =
            {
                { "Tus-Resumable", "1.0.0" },
                { "Upload-Length", file.Length.ToString(CultureInfo.InvariantCulture) },
                { "Upload-Metadata", $"filename {Convert.ToBase64String(Encoding.UTF8.GetBytes("bench.jpg"))}" },
            },
        };
        using var created = await client.SendAsync(creation);
        created.EnsureSuccessStatusCode();

        using var patch = new HttpRequestMessage(HttpMethod.Patch, created.Headers.Location)
        {
            Headers = { { "Tus-Resumable", "1.0.0" }, { "Upload-Offset", "0" } },
            Content = new ByteArrayContent(file) { Headers = { ContentType = new("application/offset+octet-stream") } },
        };
        using var patched = await client.SendAsync(patch);
        patched.EnsureSuccessStatusCode();
    }
}
