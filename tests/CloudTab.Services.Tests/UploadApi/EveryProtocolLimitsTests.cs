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
        await relay.AssertNothingLeftAsync(second);
        await client.SentAsync(second, Sample.Pdf(500));
    }
}
