using System.Net;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>Limits of one shop: those that the operator has set for it, and the sum of its live files.</summary>
public sealed class ShopLimitsTests(SmallLimitsFixture relay) : IClassFixture<SmallLimitsFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task The_page_shows_the_shop_s_own_limits()
    {
        var prefix = await relay.ShopWithAsync("max_files = 4, max_file_size = 5242880");

        var page = await _client.GetStringAsync($"{prefix}/", Token);

        Assert.Contains("4 files", page, StringComparison.Ordinal);
        Assert.Contains("5 MB", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shop_has_no_larger_forms_than_an_address_may_send_in_a_minute()
    {
        var prefix = await relay.ShopWithAsync("max_files = 4");
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_UPLOADS_PER_MINUTE", "3"));
        using var client = host.Client();
        var sessionId = await client.CreateAsync(prefix);

        using var refused = await client.UploadToAsync(prefix, sessionId, Sample.Pdf(10), Sample.Pdf(10), Sample.Pdf(10), Sample.Pdf(10));

        await refused.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "too_many_files");
        Assert.Contains("3 files", await client.GetStringAsync($"{prefix}/", Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_protocols_report_the_shop_s_own_limits()
    {
        var prefix = await relay.ShopWithAsync("max_file_size = 5000");
        var creation = $"{prefix}{IetfClient.Creation(await _client.CreateAsync(prefix))}";

        using var request = new HttpRequestMessage(HttpMethod.Options, creation);
        using var options = await _client.SendAsync(request, Token);
        Assert.Equal(5_000, options.Number("Tus-Max-Size"));
        Assert.StartsWith("max-size=5000, ", options.Header("Upload-Limit"), StringComparison.Ordinal);

        using var refused = await _client.IetfAsync(HttpMethod.Post, creation, [], [IetfClient.Complete(false), TusClient.Length(5_001)]);
        await refused.IsRefusalAsync(HttpStatusCode.RequestEntityTooLarge, "file_too_large", isFinal: true);
        Assert.StartsWith("max-size=5000, ", refused.Header("Upload-Limit"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_files_of_one_form_count_together_against_the_shop_s_limit()
    {
        var prefix = await relay.ShopWithAsync("max_outstanding = 500");
        var sessionId = await _client.CreateAsync(prefix);

        using var full = await _client.UploadToAsync(prefix, sessionId, Sample.Pdf(250), Sample.Pdf(251));
        await full.IsProblemAsync(HttpStatusCode.InsufficientStorage, "shop_full");
        await relay.AssertNothingLeftAsync(sessionId);

        using var fits = await _client.UploadToAsync(prefix, sessionId, Sample.Pdf(250), Sample.Pdf(250));
        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);
    }

    [Fact]
    public async Task Ending_a_session_makes_room_in_its_shop_and_other_shops_do_not_count()
    {
        var prefix = await relay.ShopWithAsync("max_outstanding = 1000");
        var other = await relay.ShopWithAsync("max_outstanding = 1000");
        var first = await _client.CreateAsync(prefix);
        using var stored = await _client.UploadToAsync(prefix, first, Sample.Pdf(1_000));
        using var elsewhere = await _client.UploadToAsync(other, await _client.CreateAsync(other), Sample.Pdf(1_000));
        Assert.Equal(HttpStatusCode.OK, elsewhere.StatusCode);
        var second = await _client.CreateAsync(prefix);
        using var full = await _client.UploadToAsync(prefix, second, Sample.Pdf(10));
        await full.IsProblemAsync(HttpStatusCode.InsufficientStorage, "shop_full");

        using var withdrawn = await _client.DeleteAsync($"{prefix}/api/customer/sessions/{first}", Token);

        using var fits = await _client.UploadToAsync(prefix, second, Sample.Pdf(1_000));
        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);
    }

    [Fact]
    public async Task Racing_uploads_to_one_shop_do_not_exceed_its_limit()
    {
        for (var round = 0; round < 5; round++)
        {
            var prefix = await relay.ShopWithAsync("max_outstanding = 1000");
            var sessions = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _client.CreateAsync(prefix)));

            var answers = await Task.WhenAll(sessions.Select(sessionId => _client.UploadToAsync(prefix, sessionId, Sample.Pdf(600))));

            Assert.Single(answers, answer => answer.StatusCode == HttpStatusCode.OK);
            foreach (var answer in answers.Where(answer => answer.StatusCode != HttpStatusCode.OK))
                await answer.IsProblemAsync(HttpStatusCode.InsufficientStorage, "shop_full");
        }
    }

    [Fact]
    public async Task Uploads_of_unknown_length_do_not_exceed_the_session_s_limit_together()
    {
        var sessionId = await _client.CreateAsync();
        for (var count = 1; count <= 3; count++)
        {
            using var begun = await _client.CreateUploadAsync(sessionId, null, ("Upload-Defer-Length", "1"), ("Upload-Concat", "partial"));
            using var patched = await _client.PatchAsync(begun.Headers.Location!.ToString(), 0, new byte[900]);
            if (count < 3)
                Assert.Equal(HttpStatusCode.NoContent, patched.StatusCode);
            else
                await patched.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "session_too_large");
        }
    }

    [Fact]
    public async Task What_has_come_of_unfinished_uploads_counts_against_the_shop_s_limit_and_what_they_announce_does_not()
    {
        var prefix = await relay.ShopWithAsync("max_outstanding = 1000");
        var first = await _client.CreateAsync(prefix);
        using var begun = await _client.SendAsync(
            HttpMethod.Post, $"{prefix}/api/customer/sessions/{first}/files", Sample.Pdf(100).Content, TusClient.Length(800), TusClient.Named("a.pdf"));
        Assert.Equal(HttpStatusCode.Created, begun.StatusCode);
        var second = await _client.CreateAsync(prefix);

        using var full = await _client.UploadToAsync(prefix, second, Sample.Pdf(901));

        await full.IsProblemAsync(HttpStatusCode.InsufficientStorage, "shop_full");
        using var fits = await _client.UploadToAsync(prefix, second, Sample.Pdf(900));
        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);
        using var late = await _client.PatchAsync(begun.Headers.Location!.ToString(), 100, new byte[700]);
        await late.IsProblemAsync(HttpStatusCode.InsufficientStorage, "shop_full");
    }

    [Fact]
    public async Task The_page_s_form_is_held_to_the_shop_s_limits()
    {
        var prefix = await relay.ShopWithAsync("max_outstanding = 1000");
        using var form = Customer.Form(Sample.Pdf(1_000), Sample.Pdf(10));

        using var answer = await _client.PostAsync($"{prefix}/send", form, Token);

        Assert.Equal(HttpStatusCode.InsufficientStorage, answer.StatusCode);
        Assert.Contains("queue is full", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }
}
