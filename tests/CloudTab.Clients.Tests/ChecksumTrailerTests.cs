using System.Net.Sockets;
using System.Text;

namespace CloudTab.Clients.Tests;

/// <summary>A checksum behind the body, through a gateway that passes no trailers on.</summary>
[Collection(RelayCollection.Name)]
public sealed class ChecksumTrailerTests(RunningRelay relay)
{
    [Fact]
    public async Task A_request_without_its_announced_checksum_is_refused()
    {
        var sessionId = await relay.CreateSessionAsync();
        using var client = new HttpClient { DefaultRequestHeaders = { { "Tus-Resumable", "1.0.0" } } };
        using var creating = new HttpRequestMessage(HttpMethod.Post, relay.FilesOf(sessionId)) { Headers = { { "Upload-Length", "5" } } };
        using var created = await client.SendAsync(creating, Token);
        var upload = new Uri(relay.Processes.Origin, created.Headers.Location!);

        var answer = await SendAsync(upload, "hello", "Upload-Checksum: sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=");

        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.Contains("invalid_checksum", answer, StringComparison.Ordinal);
        using var looking = new HttpRequestMessage(HttpMethod.Head, upload);
        using var found = await client.SendAsync(looking, Token);
        Assert.Equal("0", Assert.Single(found.Headers.GetValues("Upload-Offset")));
    }

    // HttpClient sends no trailers.
    private static async Task<string> SendAsync(Uri upload, string body, string trailer)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(upload.Host, upload.Port, Token);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"PATCH {upload.AbsolutePath} HTTP/1.1\r\nHost: {upload.Authority}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
                + "Content-Type: application/offset+octet-stream\r\nTransfer-Encoding: chunked\r\nTrailer: Upload-Checksum\r\nConnection: close\r\n\r\n"
                + $"{body.Length:x}\r\n{body}\r\n0\r\n{trailer}\r\n\r\n"),
            Token);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(Token);
    }
}
