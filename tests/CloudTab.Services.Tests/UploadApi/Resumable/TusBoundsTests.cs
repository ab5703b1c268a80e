using System.Net;
using CloudTab.Relay;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>The bounds of forms hold for resumable uploads too; but what came before a bound was met is kept.</summary>
public sealed class TusBoundsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    [Fact]
    public async Task Where_memory_is_short_the_slow_one_gives_way_with_503_and_keeps_what_it_sent()
    {
        await using var host = relay.StartHost<UploadOptions>(Settings(("UPLOAD_MEMORY", $"{ObjectUpload.PartSize}")));
        using var client = host.Client();
        var slow = Sample.Pdf(300_000);
        var slowSession = await client.CreateAsync();
        var upload = await client.BeginAsync(slowSession, slow);
        using var socket = await RawPatch.SendAsync(host.Address, upload, 0, slow.Content.Length, slow.Content.AsMemory(0, 100_000));
        await UploadFixture.UntilAsync(() => Task.FromResult(host.Services.GetRequiredService<UploadMemory>().InUse >= 100_000));

        var fast = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        var fastSession = await client.CreateAsync();
        await client.SentAsync(fastSession, fast);

        var answer = await RawHttp.ReadAsync(socket);
        Assert.StartsWith("HTTP/1.1 503", answer, StringComparison.Ordinal);
        Assert.Contains("Retry-After:", answer, StringComparison.Ordinal);
        Assert.Equal(100_000, await client.OffsetAsync(upload));
        using var rest = await client.PatchAsync(upload, 100_000, slow.Content[100_000..]);
        Assert.Equal(HttpStatusCode.NoContent, rest.StatusCode);
        await relay.AssertHoldsAsync(slowSession, slow);
        await relay.AssertHoldsAsync(fastSession, fast);
    }

    [Fact]
    public async Task Whoever_is_silent_for_too_long_is_answered_408_and_keeps_what_it_sent()
    {
        await using var host = relay.StartHost<UploadOptions>(Settings(("UPLOAD_SILENCE", "1000")));
        using var client = host.Client();
        var file = Sample.Pdf(100_000);
        var sessionId = await client.CreateAsync();
        var upload = await client.BeginAsync(sessionId, file);

        using var socket = await RawPatch.SendAsync(host.Address, upload, 0, file.Content.Length, file.Content.AsMemory(0, 50_000));

        Assert.StartsWith("HTTP/1.1 408", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        Assert.Equal(50_000, await client.OffsetAsync(upload));
        using var rest = await client.PatchAsync(upload, 50_000, file.Content[50_000..]);
        Assert.Equal(HttpStatusCode.NoContent, rest.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_address_that_has_sent_its_minute_may_ask_for_offsets_but_send_nothing()
    {
        await using var host = relay.StartHost<UploadOptions>(Settings(("RATE_LIMIT_BYTES_PER_MINUTE", "100000")));
        using var client = host.Client();
        var file = Sample.Pdf(200_000);
        var sessionId = await client.CreateAsync();
        var upload = await client.BeginAsync(sessionId, file);
        using var first = await client.PatchAsync(upload, 0, file.Content[..150_000]); // begins within the limit, and so comes to its end
        Assert.Equal(HttpStatusCode.NoContent, first.StatusCode);

        using var refused = await client.PatchAsync(upload, 150_000, file.Content[150_000..]);

        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        Assert.Equal("1.0.0", refused.Header("Tus-Resumable"));
        Assert.InRange(refused.Headers.RetryAfter?.Delta ?? default, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        Assert.Equal(150_000, await client.OffsetAsync(upload));
    }

    [Theory]
    [InlineData("max_file_size = 1000", HttpStatusCode.RequestEntityTooLarge, "file_too_large")]
    [InlineData("max_session_size = 1000", HttpStatusCode.RequestEntityTooLarge, "session_too_large")]
    [InlineData("max_outstanding = 1000", HttpStatusCode.InsufficientStorage, "shop_full")]
    public async Task A_shop_s_own_limits_hold_when_an_upload_is_begun_and_when_its_length_comes_late(
        string limit, HttpStatusCode status, string code)
    {
        var client = relay.UploadApi();
        var shop = await relay.ShopAsync();
        await relay.ExecuteAsync($"UPDATE shops SET {limit} WHERE id = @Id", new { shop.Id });
        var sessionId = await client.CreateAsync($"/s/{shop.Id}");
        var files = $"/s/{shop.Id}/api/customer/sessions/{sessionId}/files";

        using var refused = await client.SendAsync(HttpMethod.Post, files, null, TusClient.Length(1_001), TusClient.Named("a.pdf"));
        await refused.IsProblemAsync(status, code);

        using var deferred = await client.SendAsync(HttpMethod.Post, files, null, ("Upload-Defer-Length", "1"), TusClient.Named("a.pdf"));
        Assert.Equal(HttpStatusCode.Created, deferred.StatusCode);
        var file = Sample.Pdf(1_001);
        using var late = await client.PatchAsync(deferred.Headers.Location!.ToString(), 0, file.Content, TusClient.Length(file.Content.Length));
        await late.IsProblemAsync(status, code);

        using var fits = await client.SendAsync(HttpMethod.Post, files, Sample.Pdf(1_000).Content, TusClient.Length(1_000), TusClient.Named("a.pdf"));
        Assert.Equal(HttpStatusCode.Created, fits.StatusCode);
        Assert.Equal(1, (await client.StatusAsync(sessionId, $"/s/{shop.Id}")).GetProperty("fileCount").GetInt32());
    }

    [Fact]
    public async Task Pages_of_a_PDF_are_counted()
    {
        var client = relay.UploadApi();
        var sessionId = await client.CreateAsync();

        await client.SentAsync(sessionId, PdfSamples.OfPages(3));

        var file = (await client.StatusAsync(sessionId)).GetProperty("files")[0];
        Assert.Equal(3, file.GetProperty("pages").GetInt32());
        Assert.False(file.GetProperty("locked").GetBoolean());
    }

    private static Dictionary<string, string> Settings(params (string Name, string Value)[] settings) =>
        settings.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal);
}
