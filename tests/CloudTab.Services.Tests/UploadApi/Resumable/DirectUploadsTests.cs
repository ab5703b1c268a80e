using System.Net;
using CloudTab.Relay;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>Uploads whose bytes go to S3 past the services.</summary>
public sealed class DirectUploadsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Theory]
    [InlineData(ObjectUpload.PartSize, true)]
    [InlineData(ObjectUpload.PartSize + 1, false)]
    [InlineData(ObjectUpload.PartSize + 1, true)]
    public async Task A_file_is_sent_to_S3_in_parts_and_stored_once_finished(int size, bool inParts)
    {
        var file = Sample.Pdf(size);
        var sessionId = await _client.CreateAsync();

        var upload = await _client.BeginDirectAsync(sessionId, file, inParts);
        Assert.Equal(inParts ? (size + ObjectUpload.PartSize - 1) / ObjectUpload.PartSize : 1, upload.Parts.Count);
        Assert.DoesNotContain((await relay.MultipartOfAsync(sessionId)).Key, await relay.ObjectsAsync());
        foreach (var part in upload.Parts.Reverse())
            await part.SentPartAsync(file);
        await _client.FinishedAsync(upload);

        await relay.AssertHoldsAsync(sessionId, file);
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task What_an_address_announces_shuts_out_no_other_of_its_shop_before_it_is_in_S3()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_SHOP_BYTES_PER_MINUTE", "100000"));
        using var client = host.Client();
        var prefix = await relay.ShopWithAsync("max_files = 9");
        var (direct, other) = (UploadClient.Of(Way.Direct, client, prefix), await client.CreateAsync(prefix));
        using var announced = await client.AnnounceAsync(await client.CreateAsync(prefix), DirectClient.Announce(Sample.Pdf(200_000)), prefix);
        Assert.Equal(HttpStatusCode.Created, announced.StatusCode);

        using var sent = await client.UploadToAsync(prefix, other, Sample.Pdf(1_000));
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);

        await direct.SentAsync(other, Sample.Pdf(150_000));
        using var refused = await client.UploadToAsync(prefix, other, Sample.Pdf(1_000));
        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
    }

    [Fact]
    public async Task Finishing_again_answers_the_same_and_changes_nothing()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.SentAsync(file);

        var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => _client.FinishedAsync(upload)));

        Assert.Single(answers.Select(answer => answer.GetRawText()).Distinct(StringComparer.Ordinal));
        Assert.Equal(1, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
        await relay.AssertHoldsAsync(sessionId, file);
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Finishing_too_early_returns_links_for_the_missing_parts()
    {
        var file = Sample.Pdf(2 * ObjectUpload.PartSize + 1_000);
        var sessionId = await _client.CreateAsync();
        var begun = await _client.BeginDirectAsync(sessionId, file, inParts: true);
        await begun.Parts[1].SentPartAsync(file);

        using var early = await _client.FinishAsync(begun);
        await early.IsProblemAsync(HttpStatusCode.Conflict, "parts_missing");
        var missing = (await early.JsonAsync()).GetProperty("parts").EnumerateArray().ToList();
        Assert.Equal([1, 3], missing.Select(part => part.GetProperty("number").GetInt32()));
        foreach (var part in missing)
            await part.SentPartAsync(file);

        await _client.FinishedAsync(begun);
        await relay.AssertHoldsAsync(sessionId, file);
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Ending_a_session_removes_its_uploads_and_invalidates_their_links()
    {
        var file = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginDirectAsync(sessionId, file, inParts: true);
        await upload.Parts[0].SentPartAsync(file);

        await _client.WithdrawAsync(sessionId);

        await relay.AssertNothingLeftAsync(sessionId);
        using var late = await upload.Parts[1].SendPartAsync(upload.Parts[1].BytesOf(file));
        Assert.Equal(HttpStatusCode.NotFound, late.StatusCode);
        await _client.IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task DELETE_removes_an_upload_and_its_file(bool finished)
    {
        var (sessionId, upload) = await _client.SentAsync(Sample.Pdf());
        if (finished)
            await _client.FinishedAsync(upload);

        using var answer = await _client.SendAsync(HttpMethod.Delete, upload.Path);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        await _client.IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: finished ? 1 : 0);
    }

    [Fact]
    public async Task Links_expire_with_their_session_and_finishing_extends_it()
    {
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginDirectAsync(sessionId, Sample.Pdf());
        Assert.Equal((await _client.StatusAsync(sessionId)).GetProperty("expiresAt").GetDateTime(), upload.ExpiresAt, TimeSpan.FromSeconds(1));
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() + interval '1 minute' WHERE session_id = @sessionId", new { sessionId });

        using var early = await _client.FinishAsync(upload);

        var answer = await early.JsonAsync();
        Assert.Equal(upload.ExpiresAt, answer.GetProperty("expiresAt").GetDateTime(), TimeSpan.FromMinutes(1));
        await _client.WithdrawAsync(sessionId);
    }
}

/// <summary>A direct upload counts against its session's limits as long as a part can still be sent.</summary>
public sealed class DirectLimitsTests(SmallLimitsFixture relay) : IClassFixture<SmallLimitsFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task Direct_uploads_count_as_files_while_their_links_are_valid()
    {
        var sessionId = await _client.CreateAsync();
        for (var i = 0; i < 3; i++)
            await _client.BeginDirectAsync(sessionId, Sample.Pdf(500));
        await relay.ExecuteAsync(
            "UPDATE uploads SET created_at = now() - interval '2 minutes' FROM sessions WHERE sessions.id = session AND session_id = @sessionId", new { sessionId });

        using var fourth = await _client.AnnounceAsync(sessionId, DirectClient.Announce(Sample.Pdf(500)));

        await fourth.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too_many_files");
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Direct_uploads_count_as_stored_while_their_links_are_valid_and_until_they_are_deleted()
    {
        await using var host = relay.StartHost<UploadOptions>(("MAX_STORED_SIZE", "2000"));
        using var client = host.Client();
        var stored = host.Services.GetRequiredService<StoredSize>();
        var (sessionId, other) = (await client.CreateAsync(), await client.CreateAsync());
        await client.UploadedAsync(other, Sample.Pdf(1_000));

        await client.BeginDirectAsync(sessionId, Sample.Pdf(999));
        await stored.RunOnceAsync(Token);
        Assert.False(stored.IsFull);
        await client.BeginDirectAsync(sessionId, Sample.Pdf(1));
        await stored.RunOnceAsync(Token);
        Assert.True(stored.IsFull);

        using var states = new StateMachine(relay, clock: relay.Clock);
        await states.Sessions.CancelAsync(Shops.Default, sessionId, Token);
        await stored.RunOnceAsync(Token);
        Assert.True(stored.IsFull);
        Assert.Equal(2, (await states.Get<Removal>().RemoveBatchAsync(Token)).Removed);
        await stored.RunOnceAsync(Token);
        Assert.False(stored.IsFull);
        await _client.WithdrawAsync(other);
    }

    [Fact]
    public async Task What_is_announced_takes_half_of_the_room_of_a_shop_and_of_all_and_what_comes_the_rest()
    {
        var prefix = await relay.ShopWithAsync("max_outstanding = 2000");
        await using var host = relay.StartHost<UploadOptions>(("MAX_STORED_SIZE", "3000"));
        using var client = host.Client();
        var session = await client.CreateAsync(prefix);

        using (var half = await client.AnnounceAsync(session, DirectClient.Announce(Sample.Pdf(1_000)), prefix))
            Assert.Equal(HttpStatusCode.Created, half.StatusCode);
        using (var more = await client.AnnounceAsync(session, DirectClient.Announce(Sample.Pdf(10)), prefix))
            await more.IsProblemAsync(HttpStatusCode.InsufficientStorage, "shop_full");
        await host.Services.GetRequiredService<StoredSize>().RunOnceAsync(Token);
        var elsewhere = await client.CreateAsync();
        using (var more = await client.AnnounceAsync(elsewhere, DirectClient.Announce(Sample.Pdf(501))))
            await more.IsProblemAsync(HttpStatusCode.InsufficientStorage, "storage_full");

        var other = await client.CreateAsync(prefix);
        using var sent = await client.UploadToAsync(prefix, other, Sample.Pdf(1_000));
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
        await client.WithdrawAsync(session, prefix);
        await client.WithdrawAsync(other, prefix);
    }
}
