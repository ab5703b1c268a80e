using System.Net;
using CloudTab.Relay;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>Limits by whatever protocol a file comes: what reaches one exactly is accepted, and what is beyond it refused.</summary>
public sealed class EveryProtocolLimitsTests(SmallLimitsFixture relay) : IClassFixture<SmallLimitsFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    public static TheoryData<Way> Ways => new(Enum.GetValues<Way>());

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_file_may_have_exactly_as_many_bytes_as_allowed(Way way)
    {
        var client = UploadClient.Of(way, _client);
        var sessionId = await _client.CreateAsync();
        await client.SentAsync(sessionId, Sample.Pdf(1_000));

        await client.RefusedAsync(sessionId, Sample.Pdf(1_001), HttpStatusCode.RequestEntityTooLarge, "file_too_large");

        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 1);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_session_may_hold_exactly_as_many_files_as_allowed_and_deleting_one_makes_room(Way way)
    {
        var client = UploadClient.Of(way, _client);
        var sessionId = await _client.CreateAsync();
        for (var count = 0; count < 3; count++)
            await client.SentAsync(sessionId, Sample.Pdf(10));

        await client.RefusedAsync(sessionId, Sample.Pdf(10), HttpStatusCode.RequestEntityTooLarge, "too_many_files");

        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 3);
        var file = (await _client.StatusAsync(sessionId)).GetProperty("files")[1].Text("id");
        using var deleted = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}/files/{file}", Token);
        await client.SentAsync(sessionId, Sample.Pdf(10));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_session_may_hold_exactly_as_many_bytes_as_allowed(Way way)
    {
        var client = UploadClient.Of(way, _client);
        var sessionId = await _client.CreateAsync();
        await client.SentAsync(sessionId, Sample.Pdf(1_000));
        await client.SentAsync(sessionId, Sample.Pdf(1_000));

        await client.RefusedAsync(sessionId, Sample.Pdf(501), HttpStatusCode.RequestEntityTooLarge, "session_too_large");

        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 2);
        await client.SentAsync(sessionId, Sample.Pdf(500));
        Assert.Equal(2_500, (await _client.StatusAsync(sessionId)).GetProperty("totalSize").GetInt64());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_shop_s_own_limits_replace_those_of_the_settings(Way way)
    {
        var prefix = await relay.ShopWithAsync("max_files = 4, max_file_size = 5000, max_session_size = 6000");
        var client = UploadClient.Of(way, _client, prefix);
        var sessionId = await _client.CreateAsync(prefix);

        await client.RefusedAsync(sessionId, Sample.Pdf(5_001), HttpStatusCode.RequestEntityTooLarge, "file_too_large");
        await client.SentAsync(sessionId, Sample.Pdf(5_000));
        await client.RefusedAsync(sessionId, Sample.Pdf(1_001), HttpStatusCode.RequestEntityTooLarge, "session_too_large");
        foreach (var size in (int[])[400, 400, 200])
            await client.SentAsync(sessionId, Sample.Pdf(size));
        await client.RefusedAsync(sessionId, Sample.Pdf(10), HttpStatusCode.RequestEntityTooLarge, "too_many_files");

        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 4);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task What_was_submitted_to_a_shop_that_closes_takes_no_more_files(Way way)
    {
        var prefix = await relay.ShopWithAsync("accepts_uploads = true");
        var client = UploadClient.Of(way, _client, prefix);
        var sessionId = await _client.CreateAsync(prefix);
        using var sent = await _client.UploadToAsync(prefix, sessionId, Sample.Pdf());
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
        await relay.ExecuteAsync("UPDATE shops SET accepts_uploads = false WHERE '/s/' || id = @prefix", new { prefix });

        await client.RefusedAsync(sessionId, Sample.Pdf(10), HttpStatusCode.Gone, "session_closed");

        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 1);
    }

    [Fact]
    public async Task Files_that_are_taken_back_count_towards_what_a_session_may_begin()
    {
        var prefix = await relay.ShopWithAsync("max_files = 1");
        var sessionId = await _client.CreateAsync(prefix);
        await relay.ExecuteAsync(
            """
            INSERT INTO files (id, session, name, object_key, status, created_at, size, stored_at, deleted_at)
            SELECT gen_random_uuid(), sessions.id, 'a.pdf', gen_random_uuid()::text, 'deleted', now(), 1, now(), now()
            FROM sessions, generate_series(2, @most)
            WHERE session_id = @sessionId
            """,
            new { sessionId, most = UploadCreation.MostOf(1) });
        var client = UploadClient.Of(Way.Form, _client, prefix);
        await client.SentAsync(sessionId, Sample.Pdf(10));
        var file = (await _client.StatusAsync(sessionId, prefix)).GetProperty("files")[0].GetProperty("id").GetString();
        using var takenBack = await _client.DeleteAsync($"{prefix}/api/customer/sessions/{sessionId}/files/{file}", Token);

        await client.RefusedAsync(sessionId, Sample.Pdf(10), HttpStatusCode.RequestEntityTooLarge, "too_many_files");
    }

    [Fact]
    public async Task No_upload_begins_once_all_files_together_have_reached_the_high_water_mark()
    {
        await UploadClient.Of(Way.Form, _client).SentAsync(await _client.CreateAsync(), Sample.Pdf(10));
        await using var host = relay.StartHost<UploadOptions>(("MAX_STORED_SIZE", "1"));
        await host.Services.GetRequiredService<StoredSize>().RunOnceAsync(Token);
        using var full = host.Client();
        foreach (var way in Enum.GetValues<Way>())
        {
            var sessionId = await full.CreateAsync();

            using var refused = await UploadClient.Of(way, full).SendAsync(sessionId, Sample.Pdf(10));

            await refused.IsProblemAsync(HttpStatusCode.InsufficientStorage, "storage_full");
            Assert.Equal(TimeSpan.FromMinutes(1), refused.Headers.RetryAfter?.Delta);
            await relay.AssertNothingLeftAsync(sessionId);
        }
    }

    [Theory]
    [InlineData(Way.TusInPieces)]
    [InlineData(Way.IetfInPieces)]
    public async Task An_upload_that_has_begun_goes_on_once_all_files_together_are_below_the_high_water_mark(Way way)
    {
        var file = Sample.Pdf();
        var (_, upload) = await ResumableClient.Of(way, _client).BegunAsync(file, received: 100);
        await using var host = relay.StartHost<UploadOptions>(("MAX_STORED_SIZE", "1"));
        await host.Services.GetRequiredService<StoredSize>().RunOnceAsync(Token);
        using var full = host.Client();
        var client = ResumableClient.Of(way, full);

        using var refused = await client.AppendAsync(upload, 100, file.Content[100..400], isLast: false);

        await client.IsRejectedAsync(refused, HttpStatusCode.InsufficientStorage, "storage_full");
        Assert.Equal(100, await client.OffsetAsync(upload));
        await ResumableClient.Of(way, _client).CompletedAsync(upload, file, from: 100);
    }

    [Theory]
    [InlineData(Way.TusInPieces)]
    [InlineData(Way.IetfInPieces)]
    public async Task An_upload_that_has_begun_goes_on_once_its_shop_has_room(Way way)
    {
        var prefix = await relay.ShopWithAsync("max_outstanding = 2000");
        var client = ResumableClient.Of(way, _client, prefix);
        var file = Sample.Pdf();
        var (sessionId, upload) = await client.BegunAsync(file, received: 100);
        var other = await _client.CreateAsync(prefix);
        using var filled = await _client.UploadToAsync(prefix, other, Sample.Pdf(1_000), Sample.Pdf(899));
        Assert.Equal(HttpStatusCode.OK, filled.StatusCode);
        await client.AppendedAsync(upload, 100, file.Content[100..101], isLast: false);

        using var full = await client.AppendAsync(upload, 101, file.Content[101..102], isLast: false);

        await client.IsRejectedAsync(full, HttpStatusCode.InsufficientStorage, "shop_full");
        Assert.Equal(TimeSpan.FromMinutes(1), full.Headers.RetryAfter?.Delta);
        Assert.Equal(101, await client.OffsetAsync(upload));
        using var withdrawn = await _client.DeleteAsync($"{prefix}/api/customer/sessions/{other}", Token);
        await client.AppendedAsync(upload, 101, file.Content[101..400], isLast: false);
        await client.CompletedAsync(upload, file, from: 400);
        Assert.Equal(1, (await _client.StatusAsync(sessionId, prefix)).GetProperty("fileCount").GetInt32());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_shop_s_live_files_may_take_exactly_as_many_bytes_as_allowed(Way way)
    {
        var prefix = await relay.ShopWithAsync("max_outstanding = 2000");
        var client = UploadClient.Of(way, _client, prefix);
        var (first, second) = (await _client.CreateAsync(prefix), await _client.CreateAsync(prefix));
        await client.SentAsync(first, Sample.Pdf(1_000));
        await client.SentAsync(first, Sample.Pdf(500));

        using var full = await client.SendAsync(second, Sample.Pdf(501));

        await full.IsProblemAsync(HttpStatusCode.InsufficientStorage, "shop_full");
        Assert.Equal(TimeSpan.FromMinutes(1), full.Headers.RetryAfter?.Delta);
        if (way == Way.IetfInPieces)
        {
            // It did not say at its beginning how long it is, so it began: what has come of it is kept until there is room, or it is withdrawn.
            Assert.Equal(["uploading"], await relay.ColumnAsync<string>("SELECT files.status FROM files JOIN sessions ON sessions.id = files.session WHERE session_id = @second", new { second }));
            using var withdrawn = await _client.DeleteAsync($"{prefix}/api/customer/sessions/{second}", Token);
            second = await _client.CreateAsync(prefix);
        }
        else
        {
            await relay.AssertNothingLeftAsync(second);
        }

        await client.SentAsync(second, Sample.Pdf(500));
    }
}
