using System.Net;

namespace CloudTab.Services.Tests;

/// <summary>The core protocol of tus 1.0.0, and how a file that came with it ends up in its session.</summary>
public sealed class TusTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task HEAD_returns_offset_length_and_metadata_and_is_not_cached()
    {
        var file = Sample.Pdf(1_000);
        var metadata = TusClient.Metadata(("filename", "रसीद.pdf"), ("empty", ""), ("anything", "else"));
        var upload = await _client.BeginAsync(await _client.CreateAsync(), file, metadata);
        using var patched = await _client.PatchAsync(upload, 0, file.Content[..400]);

        using var head = await _client.HeadAsync(upload);

        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.Equal(400, head.Number("Upload-Offset"));
        Assert.Equal(1_000, head.Number("Upload-Length"));
        Assert.Equal(metadata.Value, head.Header("Upload-Metadata"));
        Assert.True(head.Headers.CacheControl!.NoStore);
        Assert.False(head.Headers.Contains("Upload-Defer-Length"));
        Assert.False(head.Headers.Contains("Upload-Concat"));
    }

    [Fact]
    public async Task Another_version_is_refused_with_412_and_changes_nothing()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);

        using var answer = await _client.PatchAsync(upload, 0, file.Content, ("Tus-Resumable", "0.2.2"));
        await answer.IsProblemAsync(HttpStatusCode.PreconditionFailed, "tus_version");
        Assert.Equal("1.0.0", answer.Header("Tus-Version"));
        using var silent = await _client.PostAsync($"/api/customer/sessions/{sessionId}/files", null, Token);
        await silent.IsProblemAsync(HttpStatusCode.PreconditionFailed, "tus_version");

        Assert.Equal(0, await _client.OffsetAsync(upload));
        Assert.Equal(1, await relay.ScalarAsync<int>(
            "SELECT count(*) FROM uploads JOIN sessions ON sessions.id = session WHERE sessions.session_id = @sessionId", new { sessionId }));
    }

    [Fact]
    public async Task A_malformed_PATCH_is_refused_and_changes_nothing()
    {
        var file = Sample.Pdf();
        var upload = await _client.BeginAsync(await _client.CreateAsync(), file);
        using var begun = await _client.PatchAsync(upload, 0, file.Content[..100]);

        using var type = await _client.PatchAsync(upload, 100, file.Content[100..], ("Content-Type", "application/octet-stream"));
        await type.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "unsupported_media_type");
        using var nowhere = await _client.SendAsync(HttpMethod.Patch, upload, file.Content[100..]);
        await nowhere.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        foreach (var offset in (string[])["-1", "1e2", "0x64", ""])
        {
            using var unreadable = await _client.SendAsync(HttpMethod.Patch, upload, file.Content[100..], ("Upload-Offset", offset));
            await unreadable.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        }

        foreach (var offset in (int[])[0, 99, 101, 1_000, 2_000])
        {
            using var elsewhere = await _client.PatchAsync(upload, offset, file.Content[..1]);
            await elsewhere.IsProblemAsync(HttpStatusCode.Conflict, "offset_conflict");
        }

        Assert.Equal(100, await _client.OffsetAsync(upload));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_PATCH_beyond_the_length_is_refused_and_none_of_it_is_kept(bool chunked)
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);
        using var begun = await _client.PatchAsync(upload, 0, file.Content[..100]);
        using var request = TusClient.Request(HttpMethod.Patch, upload, new byte[901], ("Upload-Offset", "100"));
        request.Headers.TransferEncodingChunked = chunked;

        using var answer = await _client.SendAsync(request, Token);

        await answer.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "upload_too_long");
        Assert.Equal(100, await _client.OffsetAsync(upload));
        await _client.CompletedAsync(upload, file, from: 100);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task An_empty_PATCH_changes_nothing()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);

        foreach (var end in (int[])[0, 500, 1_000])
        {
            using var some = await _client.PatchAsync(upload, Math.Max(0, end - 500), file.Content[Math.Max(0, end - 500)..end]);
            using var none = await _client.PatchAsync(upload, end, []);
            Assert.Equal(HttpStatusCode.NoContent, none.StatusCode);
            Assert.Equal(end, none.Number("Upload-Offset"));
        }

        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [InlineData("/api/customer/sessions/0123456789abcdefghjkmnpqrs/files")]
    [InlineData("/api/customer/uploads/0123456789abcdefghjkmnpqrs")]
    [InlineData("/s/default/api/customer/uploads/0123456789abcdefghjkmnpqrs")]
    public async Task OPTIONS_lists_version_extensions_and_limits(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, path);

        using var answer = await _client.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("1.0.0", answer.Header("Tus-Version"));
        Assert.Equal(UploadFixture.MaxFileSize, answer.Number("Tus-Max-Size"));
        Assert.Equal("sha256,sha1,crc32", answer.Header("Tus-Checksum-Algorithm"));
        Assert.Equal(
            "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation,checksum-trailer",
            answer.Header("Tus-Extension"));

        // Proxies drop the trailers of the clients behind them.
        using var forwarded = new HttpRequestMessage(HttpMethod.Options, path);
        forwarded.Headers.Add("X-Forwarded-For", "192.0.2.1");
        using var behindProxy = await _client.SendAsync(forwarded, Token);
        Assert.DoesNotContain("checksum-trailer", behindProxy.Header("Tus-Extension"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task X_HTTP_Method_Override_sets_the_method()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunAsync(file);

        using var patched = await _client.SendAsync(
            HttpMethod.Post, upload, file.Content[..600], ("Upload-Offset", "0"), ("X-HTTP-Method-Override", "PATCH"));
        Assert.Equal(600, patched.Number("Upload-Offset"));
        using var head = await _client.SendAsync(HttpMethod.Post, upload, null, ("X-HTTP-Method-Override", "head"));
        Assert.Equal(600, head.Number("Upload-Offset"));
        using var deleted = await _client.SendAsync(HttpMethod.Post, upload, null, ("X-HTTP-Method-Override", "DELETE"));
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await relay.AssertNothingLeftAsync(sessionId);

        // On other addresses requests keep their method.
        using var answer = await _client.SendAsync(HttpMethod.Get, $"/api/customer/sessions/{sessionId}/status", null, ("X-HTTP-Method-Override", "DELETE"));
        Assert.Equal("open", (await answer.JsonAsync()).GetProperty("session").GetProperty("status").GetString());
        using var cancelled = await _client.SendAsync(HttpMethod.Post, $"/api/customer/sessions/{sessionId}", null, ("X-HTTP-Method-Override", "DELETE"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, cancelled.StatusCode);
    }

    [Fact]
    public async Task Pages_of_an_allowed_origin_can_read_the_tus_headers()
    {
        await using var host = relay.StartHost<UploadApi.UploadOptions>(("ALLOWED_ORIGINS", "https://shop.example"));
        using var client = host.Client();
        var sessionId = await client.CreateAsync();
        using var preflight = new HttpRequestMessage(HttpMethod.Options, $"/api/customer/sessions/{sessionId}/files");
        preflight.Headers.Add("Origin", "https://shop.example");
        preflight.Headers.Add("Access-Control-Request-Method", "POST");
        preflight.Headers.Add("Access-Control-Request-Headers", "tus-resumable,upload-length,upload-metadata");
        using var allowed = await client.SendAsync(preflight, Token);
        using var created = await client.CreateUploadAsync(sessionId, null, TusClient.Length(10), ("Origin", "https://shop.example"));

        Assert.Equal("https://shop.example", allowed.Header("Access-Control-Allow-Origin"));
        Assert.Contains("upload-metadata", allowed.Header("Access-Control-Allow-Headers"), StringComparison.OrdinalIgnoreCase);
        var exposed = created.Headers.GetValues("Access-Control-Expose-Headers").SelectMany(list => list.Split(',')).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.Superset(
            new HashSet<string>(["Upload-Offset", "Location", "Upload-Length", "Tus-Version", "Tus-Resumable", "Tus-Max-Size", "Tus-Extension", "Upload-Metadata", "Upload-Expires"],
                StringComparer.OrdinalIgnoreCase),
            exposed);
    }
}
