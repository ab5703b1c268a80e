using System.Text.Json;
using CloudTab.Testing;

namespace CloudTab.Clients.Tests;

/// <summary>
/// tus-js-client in Node.js, unchanged. It also speaks an earlier draft of Resumable Uploads for HTTP, whose requests are the same, but for
/// a name that it does not send by itself.
/// </summary>
[Collection(RelayCollection.Name)]
public sealed class TusJsClientInNodeTests(RunningRelay relay)
{
    private const int PartSize = 8 << 20;
    private const int MaxFileSize = 50 << 20;

    [Theory]
    [InlineData(1_000, "{}")]
    [InlineData(MaxFileSize, "{}")]
    [InlineData(MaxFileSize, """{"chunkSize":3000000}""")]
    [InlineData(PartSize + 1_000, """{"uploadDataDuringCreation":true}""")]
    [InlineData(PartSize + 1_000, """{"uploadLengthDeferred":true,"chunkSize":1000000}""")]
    [InlineData(MaxFileSize, """{"parallelUploads":4}""")]
    [InlineData(3_000, """{"overridePatchMethod":true}""")]
    [InlineData(1_000, """{"protocol":"ietf-draft-05","headers":{"Content-Disposition":"inline; filename=a.pdf"}}""")]
    [InlineData(MaxFileSize, """{"protocol":"ietf-draft-05","headers":{"Content-Disposition":"inline; filename=a.pdf"},"chunkSize":3000000}""")]
    [InlineData(PartSize + 1_000, """{"protocol":"ietf-draft-05","headers":{"Content-Disposition":"inline; filename=a.pdf"},"uploadDataDuringCreation":true}""")]
    public async Task A_file_arrives(int size, string options)
    {
        using var document = new Document(size);
        var sessionId = await relay.CreateSessionAsync();

        await DoneAsync(document, sessionId, options);

        await relay.AssertPrintsAsync(sessionId, document);
    }

    [Fact]
    public async Task An_upload_is_resumed_by_its_address_on_another_replica()
    {
        using var document = new Document(MaxFileSize);
        var sessionId = await relay.CreateSessionAsync();
        var output = await RunAsync(document, sessionId, """{"chunkSize":3000000,"interruptAt":7000000}""");
        Assert.Contains("interrupted", output, StringComparison.Ordinal);
        var path = new Uri(output.Split('\n')[0]).AbsolutePath;

        output = await RunAsync(document, sessionId, JsonSerializer.Serialize(new { uploadUrl = At(0), chunkSize = 3_000_000, interruptAt = 20_000_000 }));
        Assert.Contains("interrupted", output, StringComparison.Ordinal);
        await DoneAsync(document, sessionId, JsonSerializer.Serialize(new { uploadUrl = At(1) }));

        await relay.AssertPrintsAsync(sessionId, document);

        Uri At(int replica) => new(relay.Processes.Address("upload-api", replica), path);
    }

    [Fact]
    public async Task A_file_that_cannot_be_printed_is_sent_once()
    {
        using var document = new Document(MaxFileSize, isProgram: true);

        await using var node = await StartAsync(document, await relay.CreateSessionAsync(), "{}");
        await node.WaitForExitAsync(Token);

        Assert.Contains("refused with 415 after 1", node.Output, StringComparison.Ordinal);
    }

    private async Task DoneAsync(Document document, string sessionId, string options) =>
        Assert.EndsWith("done", await RunAsync(document, sessionId, options), StringComparison.Ordinal);

    private async Task<string> RunAsync(Document document, string sessionId, string options)
    {
        await using var node = await StartAsync(document, sessionId, options);
        Assert.True(await node.WaitForExitAsync(Token) == 0, node.Output);
        return node.Output;
    }

    private async Task<ChildProcess> StartAsync(Document document, string sessionId, string options)
    {
        var all = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(options)!;
        all["endpoint"] = JsonSerializer.SerializeToElement(relay.FilesOf(sessionId));
        return await ChildProcess.StartProgramAsync(
            ["node", await NodePackages.ProgramAsync("upload.mjs"), document.Path, JsonSerializer.Serialize(all)],
            new Dictionary<string, string>(StringComparer.Ordinal), ready: null, Token);
    }
}
