using System.Globalization;

namespace CloudTab.Bench;

/// <summary>A server that takes uploads, and how a client gives it one.</summary>
internal sealed record Contender(string Name, Server Server, Func<HttpClient, byte[], Task> SendAsync);

/// <summary>Everybody who takes part: what is measured, what it is measured against, and the limits.</summary>
internal static class Contenders
{
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
        new("@tus/server", await TusServer.StartAsync(stack.Settings()), (client, file) => UploadClient.SendByTusAsync(client, "/files", file));

    public static async Task<Contender> TusAsync(Stack stack) => new(
        "UploadApi, tus",
        await stack.StartAsync("CloudTab.UploadApi"),
        async (client, file) => await UploadClient.SendByTusAsync(client, $"{await UploadClient.CreateSessionAsync(client)}/files", file));

    public static async Task<Contender> FormAsync(Stack stack, string name, params (string Name, string Value)[] settings) =>
        new($"UploadApi, {name}", await stack.StartAsync("CloudTab.UploadApi", settings), UploadClient.SendFormAsync);
}
