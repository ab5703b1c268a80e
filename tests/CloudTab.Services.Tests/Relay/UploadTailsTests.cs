using System.Net;
using CloudTab.Relay;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>Tails, which save a part that is not full: while it fills, when it pauses, and when it is unknown what was recorded.</summary>
public sealed class UploadTailsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task A_slowly_filling_part_is_saved_meanwhile_and_becomes_the_same_file()
    {
        var file = Sample.Pdf(ObjectUpload.PartSize + 300_000);
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var socket = await RawPatch.SendAsync(relay.Address, upload, 0, file.Content.Length, file.Content.AsMemory(0, 100_000));

        const int piece = 50_000;
        var sent = 100_000;
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20), TimeProvider.System); // 2.5 MB/s
        for (var kept = 0L; kept < 1_000_000; kept = await ReceivedAsync(upload))
        {
            Assert.InRange(kept, 0, sent);
            Assert.InRange(sent, 0, ObjectUpload.PartSize - piece);
            await pace.WaitForNextTickAsync(Token);
            sent += await socket.SendAsync(file.Content.AsMemory(sent, piece), Token);
        }

        Assert.InRange((await TailsAsync(sessionId)).Count, 2, 40);
        await socket.SendAsync(file.Content.AsMemory(sent), Token);
        Assert.StartsWith("HTTP/1.1 204", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task Many_small_requests_leave_few_tails()
    {
        var file = Sample.Pdf(30_000);
        var (sessionId, upload) = await _client.BegunAsync(file);

        for (var offset = 0; offset < file.Content.Length; offset += 1_000)
        {
            using var patched = await _client.PatchAsync(upload, offset, file.Content[offset..(offset + 1_000)]);
            Assert.Equal(HttpStatusCode.NoContent, patched.StatusCode);
            Assert.InRange((await TailsAsync(sessionId)).Count, 0, 4);
        }

        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_part_that_fills_slowly_because_the_relay_is_busy_is_saved_meanwhile()
    {
        await using var host = relay.StartHost<UploadOptions>();
        var store = host.Services.GetRequiredService<ObjectStore>();
        var received = 0L;
        IReadOnlyList<string> tails;
        await using (var upload = store.ResumeUpload(new() { ObjectKey = $"2026-01-01/{Guid.NewGuid()}", PartSize = ObjectUpload.PartSize }, IPAddress.Loopback, ObjectUpload.PartSize + 1))
        {
            upload.Journal = (progress, _) =>
            {
                Volatile.Write(ref received, progress.Received);
                return Task.CompletedTask;
            };
            using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20), TimeProvider.System); // 3.3 MB/s at most
            while (Volatile.Read(ref received) == 0)
            {
                Assert.InRange(upload.Size, 0, ObjectUpload.PartSize - UploadMemory.BlockSize - 1);
                // The next bytes are always available at once.
                var memory = await upload.GetMemoryAsync(Token);
                await upload.AdvanceAsync(Math.Min(memory.Length, 64 << 10), Token);
                await pace.WaitForNextTickAsync(Token);
            }

            tails = (await upload.ParkAsync(Token)).TailKeys;
        }

        await store.DeleteAsync([.. tails], Token);
    }

    [Fact]
    public async Task Parts_that_may_have_been_recorded_are_not_removed()
    {
        var key = $"2026-01-01/{Guid.NewGuid()}";
        await using var host = relay.StartHost<UploadOptions>();
        var store = host.Services.GetRequiredService<ObjectStore>();
        ObjectProgress? recorded = null;
        await using (var upload = store.ResumeUpload(new() { ObjectKey = key, PartSize = ObjectUpload.PartSize }, IPAddress.Loopback, ObjectUpload.PartSize + 1))
        {
            // As if the answer to the statement was lost.
            upload.Journal = (progress, _) =>
            {
                recorded = progress;
                throw new TimeoutException();
            };
            while (upload.Size < ObjectUpload.PartSize)
            {
                var memory = await upload.GetMemoryAsync(Token);
                await upload.AdvanceAsync(memory.Length, Token);
            }

            await Assert.ThrowsAsync<TimeoutException>(() => upload.ParkAsync(Token));
        }

        Assert.Equal(ObjectUpload.PartSize, recorded!.Received);
        var parts = await relay.S3.ListPartsAsync(relay.Bucket, key, recorded.MultipartId, Token);
        Assert.Equal(recorded.PartETags, parts.Parts.Select(part => part.ETag));
        await relay.S3.AbortMultipartUploadAsync(relay.Bucket, key, recorded.MultipartId, Token);
    }

    private Task<long> ReceivedAsync(string upload) =>
        relay.ScalarAsync<long>("SELECT received FROM uploads WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) });

    private async Task<List<string>> TailsAsync(string sessionId)
    {
        var key = Assert.Single(await relay.ColumnAsync<string>(
            "SELECT object_key FROM files JOIN sessions ON sessions.id = files.session WHERE session_id = @sessionId", new { sessionId }));
        return [.. (await relay.ObjectsAsync()).Where(found => found.StartsWith($"{key}.", StringComparison.Ordinal))];
    }
}
