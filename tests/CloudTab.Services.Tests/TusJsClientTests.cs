using System.Text.Json;
using CloudTab.Relay;
using CloudTab.Testing;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>
/// tus-js-client in Node.js, unchanged, against two replicas and a network that breaks. It also speaks an earlier draft of Resumable Uploads
/// for HTTP, whose requests are the same, but for a name that it does not tell by itself.
/// </summary>
public sealed class TusJsClientTests(UploadFixture relay) : IClassFixture<UploadFixture>, IAsyncLifetime
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "tus-js-client");

    private readonly HttpClient _client = relay.UploadApi();
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("cloudtab-");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Installs the client as its lock file says, once.</summary>
    public async ValueTask InitializeAsync()
    {
        if (Directory.Exists(Path.Combine(Folder, "node_modules", "tus-js-client")))
            return;
        await using var npm = await ChildProcess.StartProgramAsync(
            ["npm", "ci", "--prefix", Folder, "--ignore-scripts", "--no-audit", "--no-fund"], new Dictionary<string, string>(StringComparer.Ordinal), ready: null, Token);
        Assert.True(await npm.WaitForExitAsync(Token) == 0, npm.Output);
    }

    public ValueTask DisposeAsync()
    {
        _files.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData(1_000, "{}")]
    [InlineData(UploadFixture.MaxFileSize, "{}")]
    [InlineData(UploadFixture.MaxFileSize, """{"chunkSize":3000000}""")]
    [InlineData(ObjectUpload.PartSize + 1_000, """{"uploadDataDuringCreation":true}""")]
    [InlineData(ObjectUpload.PartSize + 1_000, """{"uploadLengthDeferred":true,"chunkSize":1000000}""")]
    [InlineData(UploadFixture.MaxFileSize, """{"parallelUploads":4}""")]
    [InlineData(3_000, """{"overridePatchMethod":true}""")]
    [InlineData(1_000, """{"protocol":"ietf-draft-05","headers":{"Content-Disposition":"inline; filename=a.pdf"}}""")]
    [InlineData(UploadFixture.MaxFileSize, """{"protocol":"ietf-draft-05","headers":{"Content-Disposition":"inline; filename=a.pdf"},"chunkSize":3000000}""")]
    [InlineData(ObjectUpload.PartSize + 1_000, """{"protocol":"ietf-draft-05","headers":{"Content-Disposition":"inline; filename=a.pdf"},"uploadDataDuringCreation":true}""")]
    public async Task A_file_arrives(int size, string options)
    {
        var file = Sample.Pdf(size);
        var sessionId = await _client.CreateAsync();

        await DoneAsync(file, sessionId, relay.Address, options);

        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [InlineData("""{"chunkSize":2000000}""")]
    [InlineData("""{"protocol":"ietf-draft-05","headers":{"Content-Disposition":"inline; filename=a.pdf"},"chunkSize":2000000}""")]
    public async Task A_connection_that_breaks_again_and_again_is_survived(string options)
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var sessionId = await _client.CreateAsync();
        await using var network = new TcpProxy(relay.Address.Port);
        var sending = DoneAsync(file, sessionId, new Uri($"http://127.0.0.1:{network.Port}"), options);

        for (var (cuts, seen) = (0, 0L); cuts < 4 && !sending.IsCompleted;)
        {
            var received = await relay.ScalarAsync<long>("SELECT coalesce(max(received), 0) FROM uploads JOIN sessions ON sessions.id = session WHERE session_id = @sessionId", new { sessionId });
            if (received <= seen)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Token);
                continue;
            }

            network.Cut();
            network.Restore();
            (cuts, seen) = (cuts + 1, received + 4_000_000);
        }

        await sending;
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_upload_goes_on_by_its_address_at_another_replica()
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var sessionId = await _client.CreateAsync();
        await using var second = relay.StartHost<UploadOptions>();
        var output = await RunAsync(file, sessionId, relay.Address, """{"chunkSize":3000000,"interruptAt":7000000}""");
        Assert.Contains("interrupted", output, StringComparison.Ordinal);
        var upload = new Uri(output.Split('\n')[0]);

        await DoneAsync(file, sessionId, second.Address, JsonSerializer.Serialize(new { uploadUrl = new Uri(second.Address, upload.AbsolutePath) }));

        await relay.AssertHoldsAsync(sessionId, file);
    }

    private async Task DoneAsync(Sample file, string sessionId, Uri origin, string options) =>
        Assert.EndsWith("done", await RunAsync(file, sessionId, origin, options), StringComparison.Ordinal);

    private async Task<string> RunAsync(Sample file, string sessionId, Uri origin, string options)
    {
        var path = Path.Combine(_files.FullName, file.Name);
        await File.WriteAllBytesAsync(path, file.Content, Token);
        var all = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(options)!;
        all["endpoint"] = JsonSerializer.SerializeToElement($"{origin}api/customer/sessions/{sessionId}/files");
        await using var node = await ChildProcess.StartProgramAsync(
            ["node", Path.Combine(Folder, "upload.mjs"), path, JsonSerializer.Serialize(all)], new Dictionary<string, string>(StringComparer.Ordinal), ready: null, Token);
        Assert.True(await node.WaitForExitAsync(Token) == 0, node.Output);
        return node.Output;
    }
}
