using System.Net;
using System.Net.Sockets;

namespace CloudTab.Services.Tests;

/// <summary>Requests that are repeated, and bytes that are sent after a refusal.</summary>
public sealed class TusRepeatsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task A_repeated_request_does_not_interrupt_the_one_in_progress()
    {
        var file = Sample.Pdf(2_000_000);
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var socket = await RawPatch.SendAsync(relay.Address, upload, 0, file.Content.Length, file.Content.AsMemory(0, 1));
        var sent = await SendUntilDurableAsync(sessionId, socket, file);

        using (var again = await _client.PatchAsync(upload, 0, file.Content[..sent]))
            await again.IsProblemAsync(HttpStatusCode.Conflict, "offset_conflict");
        await socket.SendAsync(file.Content.AsMemory(sent), Token);

        Assert.StartsWith("HTTP/1.1 204", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_client_that_keeps_sending_after_a_conflict_is_cut()
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (_, upload) = await _client.BegunAsync(file);
        using var first = await _client.PatchAsync(upload, 0, file.Content[..1_000]);

        using var socket = await RawPatch.SendAsync(relay.Address, upload, 0, file.Content.Length - 1_000, file.Content.AsMemory(0, 1_000));
        Assert.StartsWith("HTTP/1.1 409", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);

        await UntilAsync(async () =>
        {
            try
            {
                await socket.SendAsync(file.Content.AsMemory(0, 1_000), Token);
                return false;
            }
            catch (SocketException)
            {
                return true;
            }
        });
        Assert.Equal(1_000, await _client.OffsetAsync(upload));
    }

    // 10,000 bytes at a time.
    private async Task<int> SendUntilDurableAsync(string sessionId, Socket socket, Sample file)
    {
        const string sql = "SELECT received FROM uploads JOIN sessions ON sessions.id = session WHERE session_id = @sessionId";
        var sent = 1;
        await UntilAsync(async () =>
        {
            if (await relay.ScalarAsync<long>(sql, new { sessionId }) > 0)
                return true;
            sent += await socket.SendAsync(file.Content.AsMemory(sent, 10_000), Token);
            return false;
        });
        return sent;
    }
}
