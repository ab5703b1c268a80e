using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using CloudTab.Relay;
using CloudTab.ShopApi;

namespace CloudTab.Services.Tests;

public sealed class DownloadTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    [Theory]
    [InlineData("report.pdf")]
    [InlineData("रिपोर्ट.pdf")]
    [InlineData("资料.pdf")]
    [InlineData("😀.pdf")]
    [InlineData("תמונה.pdf")]
    [InlineData("a \"quoted\"; name=%41.pdf")]
    public async Task A_download_is_an_attachment_with_the_file_s_name(string name)
    {
        var file = new GivenFile(name, RandomNumberGenerator.GetBytes(100_000));
        var (client, address) = await GivenFileAsync(file);

        using var response = await client.GetAsync(address, Token);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(file.Content, await response.Content.ReadAsByteArrayAsync(Token));
        var disposition = response.Content.Headers.ContentDisposition!;
        Assert.Equal("attachment", disposition.DispositionType);
        Assert.Equal(name, disposition.FileNameStar);
        Assert.NotNull(disposition.FileName);
        Assert.Equal("application/pdf", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(file.Content.Length, response.Content.Headers.ContentLength);
        Assert.Equal($"\"{file.Sha256}\"", response.Headers.ETag?.ToString());
        Assert.Equal("bytes", response.Headers.AcceptRanges.Single());
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.True(response.Headers.CacheControl?.NoStore);
    }

    [Fact]
    public async Task HEAD_returns_the_headers_without_the_bytes()
    {
        var file = new GivenFile();
        var (client, address) = await GivenFileAsync(file);
        using var request = new HttpRequestMessage(HttpMethod.Head, address);

        using var response = await client.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(file.Content.Length, response.Content.Headers.ContentLength);
        Assert.Equal($"\"{file.Sha256}\"", response.Headers.ETag?.ToString());
        Assert.Empty(await response.Content.ReadAsByteArrayAsync(Token));
    }

    [Fact]
    public async Task HEAD_ignores_a_range()
    {
        var file = new GivenFile();
        var (client, address) = await GivenFileAsync(file);
        using var request = new HttpRequestMessage(HttpMethod.Head, address) { Headers = { { "Range", "bytes=0-1" } } };

        using var response = await client.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(file.Content.Length, response.Content.Headers.ContentLength);
    }

    [Theory]
    [InlineData("bytes=0-0", 0, 0)]
    [InlineData("bytes=1-3", 1, 3)]
    [InlineData("bytes=5-", 5, 9)]
    [InlineData("bytes=5-1000", 5, 9)]
    [InlineData("bytes=-4", 6, 9)]
    [InlineData("bytes=-1000", 0, 9)]
    [InlineData("bytes=9-9", 9, 9)]
    public async Task One_range_is_honoured(string range, int first, int last)
    {
        var file = new GivenFile("ten.bin", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        var (client, address) = await GivenFileAsync(file);

        using var response = await GetAsync(client, address, ("Range", range));

        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal($"bytes {first}-{last}/10", response.Content.Headers.ContentRange?.ToString());
        Assert.Equal(file.Content[first..(last + 1)], await response.Content.ReadAsByteArrayAsync(Token));
        Assert.Equal($"\"{file.Sha256}\"", response.Headers.ETag?.ToString());
    }

    [Theory]
    [InlineData("bytes=0-1,3-4")]
    [InlineData("bytes=4-1")]
    [InlineData("bytes=x")]
    [InlineData("pages=0-1")]
    public async Task Several_ranges_or_an_unreadable_one_get_the_whole_file(string range)
    {
        var file = new GivenFile("ten.bin", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        var (client, address) = await GivenFileAsync(file);

        using var response = await GetAsync(client, address, ("Range", range));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(file.Content, await response.Content.ReadAsByteArrayAsync(Token));
    }

    [Theory]
    [InlineData("bytes=10-")]
    [InlineData("bytes=10-20")]
    [InlineData("bytes=-0")]
    public async Task A_range_beyond_the_file_is_refused_with_416(string range)
    {
        var (client, address) = await GivenFileAsync(new GivenFile("ten.bin", new byte[10]));

        using var response = await GetAsync(client, address, ("Range", range));

        await response.IsProblemAsync(HttpStatusCode.RequestedRangeNotSatisfiable, "range_not_satisfiable");
        Assert.Equal("bytes */10", response.Content.Headers.ContentRange?.ToString());
    }

    [Fact]
    public async Task If_Range_decides_between_the_range_and_the_whole_file()
    {
        var file = new GivenFile();
        var (client, address) = await GivenFileAsync(file);

        using var same = await GetAsync(client, address, ("Range", "bytes=0-1"), ("If-Range", $"\"{file.Sha256}\""));
        using var another = await GetAsync(client, address, ("Range", "bytes=0-1"), ("If-Range", "\"another\""));
        using var weak = await GetAsync(client, address, ("Range", "bytes=0-1"), ("If-Range", $"W/\"{file.Sha256}\""));
        using var date = await GetAsync(client, address, ("Range", "bytes=0-1"), ("If-Range", "Wed, 21 Oct 2026 07:28:00 GMT"));

        Assert.Equal(
            [HttpStatusCode.PartialContent, HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.OK],
            [same.StatusCode, another.StatusCode, weak.StatusCode, date.StatusCode]);
    }

    [Fact]
    public async Task Conditions_on_the_tag_are_honoured()
    {
        var file = new GivenFile();
        var (client, address) = await GivenFileAsync(file);

        using var notModified = await GetAsync(client, address, ("If-None-Match", $"\"x\", W/\"{file.Sha256}\""));
        using var notModifiedAtAll = await GetAsync(client, address, ("If-None-Match", "*"));
        using var modified = await GetAsync(client, address, ("If-None-Match", "\"x\""));
        using var matches = await GetAsync(client, address, ("If-Match", $"\"{file.Sha256}\""));
        using var matchesNot = await GetAsync(client, address, ("If-Match", "\"x\""));

        Assert.Equal(HttpStatusCode.NotModified, notModified.StatusCode);
        Assert.Equal($"\"{file.Sha256}\"", notModified.Headers.ETag?.ToString());
        Assert.Equal(HttpStatusCode.NotModified, notModifiedAtAll.StatusCode);
        Assert.Equal(HttpStatusCode.OK, modified.StatusCode);
        Assert.Equal(HttpStatusCode.OK, matches.StatusCode);
        await matchesNot.IsProblemAsync(HttpStatusCode.PreconditionFailed, "precondition_failed");
    }

    [Fact]
    public async Task A_file_of_several_parts_is_downloaded_unchanged()
    {
        var file = new GivenFile("large.pdf", RandomNumberGenerator.GetBytes(ObjectUpload.PartSize * 2 + 1));
        var (client, address) = await GivenFileAsync(file);

        var bytes = await client.GetByteArrayAsync(address, Token);

        Assert.Equal(file.Sha256, Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }

    [Fact]
    public async Task Unknown_files_and_other_shops_files_are_not_found()
    {
        var (_, address) = await GivenFileAsync(new GivenFile());
        var other = await relay.ShopAsync();
        using var client = relay.ShopApi(other.Key);

        foreach (var path in (string[])[address, $"/api/shopkeeper/files/{Guid.NewGuid()}/download", "/api/shopkeeper/files/x/download"])
        {
            using var bytes = await client.GetAsync(path, Token);
            await bytes.IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
            using var link = await GetAsync(client, path, ("Accept", "application/json"));
            await link.IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
        }
    }

    [Fact]
    public async Task A_file_that_S3_has_lost_is_deleted()
    {
        var (client, address) = await GivenFileAsync(new GivenFile());
        var file = address.Split('/')[^2];
        var key = (await relay.ObjectsAsync()).Single(key => key.EndsWith(file, StringComparison.Ordinal));
        await relay.S3.DeleteObjectAsync(relay.Bucket, key, Token);

        using var response = await GetAsync(client, address, ("Accept", "application/pdf"));

        await response.IsProblemAsync(HttpStatusCode.Gone, "file_deleted");
        Assert.Null(response.Content.Headers.ContentDisposition);
    }

    [Fact]
    public async Task The_files_of_an_expired_session_are_gone_before_the_Janitor_runs()
    {
        var (client, address) = await GivenFileAsync(new GivenFile());
        await relay.ExecuteAsync(
            "UPDATE sessions SET expires_at = now() - interval '1 s' WHERE id = (SELECT session FROM files WHERE id = @file)",
            new { file = Guid.Parse(address.Split('/')[^2]) });

        using var response = await client.GetAsync(address, Token);

        await response.IsProblemAsync(HttpStatusCode.Gone, "file_deleted");
    }

    [Fact]
    public async Task Downloading_renews_only_the_claim_of_the_same_key()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id);
        using var client = relay.ShopApi(shop.Key);
        using var other = relay.ShopApi(await relay.KeyAsync(shop.Id));
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
        var claimed = await LeaseAsync(given);
        relay.Clock.Advance(TimeSpan.FromMinutes(1));

        await other.GetByteArrayAsync($"/api/shopkeeper/files/{given.Files[0]}/download", Token);
        Assert.Equal(claimed, await LeaseAsync(given));

        await client.GetByteArrayAsync($"/api/shopkeeper/files/{given.Files[0]}/download", Token);
        Assert.True(await LeaseAsync(given) - claimed >= TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_client_that_prefers_JSON_gets_a_presigned_link()
    {
        var file = new GivenFile("资料.pdf", RandomNumberGenerator.GetBytes(1_000));
        var (client, address) = await GivenFileAsync(file);
        var asked = relay.Clock.GetUtcNow();

        using var response = await GetAsync(client, address, ("Accept", "text/html;q=0.1, application/json"));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var answer = await response.JsonAsync();
        Assert.True(answer.GetProperty("success").GetBoolean());
        var view = answer.GetProperty("file");
        Assert.Equal(["id", "name", "type", "size", "sha256", "downloadUrl"], view.Fields());
        Assert.Equal("资料.pdf", view.Text("name"));
        Assert.Equal(file.Sha256, view.Text("sha256"));
        Assert.Equal(file.Content.Length, view.GetProperty("size").GetInt64());

        using var anybody = new HttpClient();
        var link = view.Text("downloadUrl")!;
        using var linked = await anybody.GetAsync(link, Token);
        Assert.Equal(file.Content, await linked.Content.ReadAsByteArrayAsync(Token));
        Assert.Equal("attachment", linked.Content.Headers.ContentDisposition?.DispositionType);
        Assert.Equal("资料.pdf", linked.Content.Headers.ContentDisposition?.FileNameStar);

        // The expiry of five minutes is part of the signature; both of its times are of the SDK's clock, which follows that of S3.
        var query = System.Web.HttpUtility.ParseQueryString(new Uri(link).Query);
        var signed = DateTimeOffset.ParseExact(query["X-Amz-Date"]!, "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        var lifetime = query["X-Amz-Expires"]!;
        Assert.InRange((signed.AddSeconds(int.Parse(lifetime, CultureInfo.InvariantCulture)) - asked).TotalSeconds, 290, 302);
        using var longer = await anybody.GetAsync(
            link.Replace($"X-Amz-Expires={lifetime}", "X-Amz-Expires=86400", StringComparison.Ordinal), Token);
        Assert.Equal(HttpStatusCode.Forbidden, longer.StatusCode);
        using var otherFile = await anybody.GetAsync(
            link.Replace(view.Text("id")!, Guid.NewGuid().ToString(), StringComparison.Ordinal), Token);
        Assert.Equal(HttpStatusCode.Forbidden, otherFile.StatusCode);
    }

    [Fact]
    public async Task A_download_cut_by_S3_is_truncated_for_the_client()
    {
        var shop = await relay.ShopAsync();
        var file = new GivenFile("large.pdf", RandomNumberGenerator.GetBytes(4 << 20));
        var given = await relay.SubmitAsync(shop.Id, "Asha", file);
        await using var network = relay.NetworkToS3();
        await using var replica = relay.StartHost<ApiKeyAuthentication>(network);
        using var client = replica.Client();
        client.DefaultRequestHeaders.Add("X-API-Key", shop.Key);
        var address = $"/api/shopkeeper/files/{given.Files[0]}/download";
        Assert.Equal(file.Content, await client.GetByteArrayAsync(address, Token));

        network.CutAfter(1 << 20);
        using var cut = await client.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal(file.Content.Length, cut.Content.Headers.ContentLength);
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => cut.Content.ReadAsByteArrayAsync(Token));
        Assert.True(failure is HttpRequestException or IOException, failure.ToString());

        network.Restore();
        Assert.Equal(file.Content, await client.GetByteArrayAsync(address, Token));

        network.Cut();
        using var unavailable = await client.GetAsync(address, Token);
        await unavailable.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.NotNull(unavailable.Headers.RetryAfter);
    }

    private static async Task<HttpResponseMessage> GetAsync(HttpClient client, string address, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await client.SendAsync(request, Token);
    }

    private async Task<(HttpClient Client, string Address)> GivenFileAsync(GivenFile file)
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id, "Asha", file);
        return (relay.ShopApi(shop.Key), $"/api/shopkeeper/files/{given.Files[0]}/download");
    }

    private Task<DateTime> LeaseAsync(GivenSession session) =>
        relay.ScalarAsync<DateTime>("SELECT claimed_until FROM sessions WHERE id = @Id", session);
}
