using System.Net;
using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>Direct uploads when a process dies, S3 fails, or the client never comes back.</summary>
public sealed class DirectFaultsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task Another_replica_can_finish_an_upload()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.SentAsync(file);
        await using var second = relay.StartHost<UploadOptions>();
        using var other = second.Client();

        await other.FinishedAsync(upload);

        await relay.AssertHoldsAsync(sessionId, file);
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task An_object_completed_before_the_process_died_is_stored_by_the_next_finish()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.SentAsync(file);
        var (key, id) = await relay.MultipartOfAsync(sessionId);
        var sent = Assert.Single((await relay.S3.ListPartsAsync(relay.Bucket, key, id, Token)).Parts);
        await relay.S3.CompleteMultipartUploadAsync(
            new()
            {
                BucketName = relay.Bucket,
                Key = key,
                UploadId = id,
                PartETags = [new(1, sent.ETag) { ChecksumSHA256 = Convert.ToBase64String(Convert.FromHexString(file.Sha256)) }],
            },
            Token);

        await _client.FinishedAsync(upload);

        await relay.AssertHoldsAsync(sessionId, file);
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task The_Janitor_removes_an_abandoned_upload()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.SentAsync(file);
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() - interval '1 second' WHERE session_id = @sessionId", new { sessionId });
        await _client.IsGoneAsync(upload);

        using var janitor = new StateMachine(relay);
        await janitor.Get<MarkDue>().ExpireSessionsAsync(Token);

        await _client.IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task The_Janitor_keeps_an_upload_in_progress()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.SentAsync(file);

        using var janitor = new StateMachine(relay);
        janitor.Clock.Advance(TimeSpan.FromMinutes(10));
        await janitor.Get<MarkDue>().AbandonUploadsAsync(Token);
        await janitor.Get<AbortUploads>().RunOnceAsync(Token);
        await janitor.Get<RemoveFiles>().RunOnceAsync(Token);

        await _client.FinishedAsync(upload);
        await relay.AssertHoldsAsync(sessionId, file);
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Finishing_can_be_repeated_after_S3_breaks_off_while_the_file_is_read()
    {
        var file = Sample.Pdf(2 * ObjectUpload.PartSize);
        var (sessionId, upload) = await _client.SentAsync(file);
        await using var network = relay.NetworkToS3();
        await using var host = relay.StartHost<UploadOptions>(network);
        using var client = host.Client();
        network.CutAfter(ObjectUpload.PartSize);

        using (var broken = await client.FinishAsync(upload))
            await broken.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        // The object is complete in S3, but it is not a file of the session yet.
        Assert.Equal(0, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
        Assert.DoesNotContain((await relay.MultipartOfAsync(sessionId)).Key, await relay.OpenUploadsAsync());
        network.Restore();

        await client.FinishedAsync(upload);
        await relay.AssertHoldsAsync(sessionId, file);
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task An_upload_that_S3_has_lost_is_gone()
    {
        var (sessionId, upload) = await _client.SentAsync(Sample.Pdf());
        var (key, id) = await relay.MultipartOfAsync(sessionId);
        await relay.S3.AbortMultipartUploadAsync(relay.Bucket, key, id, Token);

        await _client.IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task An_upload_whose_session_ends_while_it_is_finished_leaves_nothing()
    {
        var (sessionId, upload) = await _client.SentAsync(Sample.Pdf());
        await using var network = relay.NetworkToS3();
        await using var host = relay.StartHost<UploadOptions>(network);
        using var client = host.Client();
        network.Hold();
        var finishing = client.FinishAsync(upload);
        await UntilAsync(() => network.Held > 0);

        // Nobody removes the files of this session but the request.
        using var states = new StateMachine(relay, clock: relay.Clock);
        await states.Sessions.CancelAsync(Shops.Default, sessionId, Token);
        await UntilAsync(async () => await relay.ScalarAsync<bool>(
            "SELECT holder IS NULL FROM uploads WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload.Path) }));
        network.Release();

        using var refused = await finishing;
        await refused.IsProblemAsync(HttpStatusCode.Gone, "upload_gone");
        await relay.AssertNothingLeftAsync(sessionId);
    }
}
