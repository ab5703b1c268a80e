using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace CloudTab.Bench;

/// <summary>A server that takes uploads, and how a client gives it one.</summary>
internal sealed record Contender(string Name, Server Server, Func<HttpClient, byte[], Task> SendAsync);

/// <summary>Everybody who takes part: what is measured, what it is measured against, and the limits.</summary>
internal static class Contenders
{
    private static readonly MediaTypeHeaderValue Pdf = new("application/pdf");

    public static async Task<Contender> KestrelAsync(string work, string pool)
    {
        var server = await Server.StartAsync("CloudTab.Bench", [], "/", "limit", work, pool);
        return new($"Kestrel, {work}, {pool} pool", server, async (client, file) =>
        {
            using var content = new ByteArrayContent(file);
            using var sent = await client.PostAsync("/", content);
            sent.EnsureSuccessStatusCode();
        });
    }

    public static async Task<Contender> S3ClientAsync(Stack stack)
    {
        var server = await Server.StartAsync("CloudTab.Bench", stack.Settings(), "/", "limit", "discard", "default");
        return new("S3 client, no relay", server, async (client, file) =>
        {
            using var sent = await client.PostAsync($"/s3/{file.Length.ToString(CultureInfo.InvariantCulture)}", content: null);
            sent.EnsureSuccessStatusCode();
        });
    }

    public static async Task<Contender> TusServerAsync(Stack stack) =>
        new("@tus/server", await TusServer.StartAsync(stack.Settings()), (client, file) => SendByTusAsync(client, "/files", file));

    public static async Task<Contender> FormAsync(Stack stack, string name, params (string Name, string Value)[] settings)
    {
        var server = await stack.StartAsync("CloudTab.UploadApi", settings);
        return new($"UploadApi, {name}", server, async (client, file) =>
        {
            using var content = new ByteArrayContent(file) { Headers = { ContentType = Pdf } };
            using var form = new MultipartFormDataContent { { content, "files", "bench.pdf" } };
            using var sent = await client.PostAsync($"{await CreateSessionAsync(client)}/upload", form);
            sent.EnsureSuccessStatusCode();
        });
    }

    private static async Task<string> CreateSessionAsync(HttpClient client)
    {
        using var created = await client.PostAsync("/api/customer/sessions/create", content: null);
        created.EnsureSuccessStatusCode();
        var session = await created.Content.ReadFromJsonAsync<JsonElement>();
        return $"/api/customer/sessions/{session.GetProperty("sessionId").GetString()}";
    }

    private static async Task SendByTusAsync(HttpClient client, string collection, byte[] file)
    {
        using var creation = new HttpRequestMessage(HttpMethod.Post, collection)
        {
            Headers =
            {
                { "Tus-Resumable", "1.0.0" },
                { "Upload-Length", file.Length.ToString(CultureInfo.InvariantCulture) },
                { "Upload-Metadata", $"filename {Convert.ToBase64String(Encoding.UTF8.GetBytes("bench.pdf"))}" },
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
