using System.Globalization;
using System.Text;
using CloudTab.Testing;

namespace CloudTab.Clients.Tests;

/// <summary>tus by hand, with curl.</summary>
[Collection(RelayCollection.Name)]
public sealed class CurlTests(RunningRelay relay)
{
    private const int Size = 20 << 20;

    [Fact]
    public async Task A_file_arrives_in_two_requests()
    {
        using var document = new Document(Size);
        var sessionId = await relay.CreateSessionAsync();
        var upload = await CreateAsync(document, sessionId);

        var sent = await CurlAsync(
            "--request", "PATCH", "--header", "Upload-Offset: 0", "--header", "Content-Type: application/offset+octet-stream", "--data-binary", $"@{document.Path}", upload);

        Assert.StartsWith("204", sent, StringComparison.Ordinal);
        await relay.AssertPrintsAsync(sessionId, document);
    }

    [Fact]
    public async Task A_file_is_resumed_where_it_was_interrupted()
    {
        using var document = new Document(Size);
        var sessionId = await relay.CreateSessionAsync();
        var upload = await CreateAsync(document, sessionId);

        // 8 MiB a second, for one second.
        await CurlAsync("--max-time", "1", "--limit-rate", "8M", "--upload-file", document.Path, "--request", "PATCH", "--header", "Upload-Offset: 0", "--header", "Content-Type: application/offset+octet-stream", upload);
        var offset = await OffsetAsync(upload);
        Assert.InRange(offset, 1, Size - 1);
        var rest = document.Path + ".rest";
        await using (var file = File.OpenRead(document.Path))
        await using (var behind = File.Create(rest))
        {
            file.Position = offset;
            await file.CopyToAsync(behind, Token);
        }

        var sent = await CurlAsync(
            "--upload-file", rest, "--request", "PATCH", "--header", $"Upload-Offset: {offset.ToString(CultureInfo.InvariantCulture)}", "--header", "Content-Type: application/offset+octet-stream", upload);

        Assert.StartsWith("204", sent, StringComparison.Ordinal);
        await relay.AssertPrintsAsync(sessionId, document);
    }

    private async Task<string> CreateAsync(Document document, string sessionId)
    {
        var name = Convert.ToBase64String(Encoding.UTF8.GetBytes(Path.GetFileName(document.Path)));
        var created = await CurlAsync(
            "--request", "POST", "--header", $"Upload-Length: {document.Size.ToString(CultureInfo.InvariantCulture)}", "--header", $"Upload-Metadata: filename {name}", relay.FilesOf(sessionId).ToString());
        Assert.StartsWith("201", created, StringComparison.Ordinal);
        return new Uri(relay.Processes.Origin, Field(created, "Location")).ToString();
    }

    private static async Task<long> OffsetAsync(string upload) =>
        long.Parse(Field(await CurlAsync("--head", upload), "Upload-Offset"), CultureInfo.InvariantCulture);

    private static string Field(string answer, string name) =>
        answer.Split('\n').Single(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Split(':', 2)[1].Trim();

    // Returns the status and the fields of the answer.
    private static async Task<string> CurlAsync(params string[] arguments)
    {
        await using var curl = await ChildProcess.StartProgramAsync(
            ["curl", "--silent", "--show-error", "--dump-header", "-", "--output", "/dev/null", "--header", "Tus-Resumable: 1.0.0", .. arguments],
            new Dictionary<string, string>(StringComparer.Ordinal), ready: null, Token);
        await curl.WaitForExitAsync(Token);
        var last = curl.Output.LastIndexOf("HTTP/1.1 ", StringComparison.Ordinal); // after 100 Continue
        return last < 0 ? curl.Output : curl.Output[(last + "HTTP/1.1 ".Length)..];
    }
}
