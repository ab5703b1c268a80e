using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using CloudTab.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudTab.Clients.Tests;

/// <summary>CloudTab.Client's calls, each against the real services.</summary>
[Collection(RelayCollection.Name)]
public sealed class CallsTests(RunningRelay relay)
{
    [Fact]
    public async Task A_customer_sends_two_files_changes_one_and_removes_the_other()
    {
        using var client = relay.Client();
        var (letter, photo) = (ClientOf.Pdf(200_000), "A text.\n"u8.ToArray());
        var sent = new List<long>();

        var shop = await client.Customer.GetShopAsync(Token);
        var session = await client.Customer.CreateSessionAsync(new("Asha", new() { Copies = 2, PageRanges = "1-3" }), Token);
        using var content = new MemoryStream(letter);
        using var text = new NotSeekable(photo);
        var files = await client.Customer.UploadAsync(
            session.SessionId,
            [
                new FileToUpload("पत्र.pdf", content) { PrintOptions = new() { ColorMode = ColorModes.Color } },
                new FileToUpload("note.txt", text),
            ],
            new Moved(sent.Add),
            Token);
        var changed = await client.Customer.ChangeOptionsAsync(
            session.SessionId, files[0].Id, new() { PageRanges = PrintOptionsChange.AllPages, Sides = Sides.TwoSidedLongEdge, Media = MediaNames.A4, Scaling = Scalings.None }, Token);
        await client.Customer.RemoveFileAsync(session.SessionId, files[1].Id, Token);
        var status = await client.Customer.GetSessionAsync(session.SessionId, Token);

        Assert.True(shop.Online);
        Assert.Contains("application/pdf", shop.AcceptedTypes);
        Assert.Equal(50 << 20, shop.Limits.FileSize);
        Assert.Equal("default", shop.Shop.Id);
        Assert.Equal(6, session.PickupCode.Length);
        Assert.Equal(letter.Length + photo.Length, sent[^1]);
        Assert.Equal(["पत्र.pdf", "note.txt"], files.Select(file => file.OriginalName));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(letter)), files[0].Sha256);
        Assert.Equal(new PrintOptions(2, ColorModes.Color, Sides.TwoSidedLongEdge, null, MediaNames.A4, Scalings.None), changed.PrintOptions);
        Assert.Equal((SessionStatuses.Pending, 1, letter.LongLength), (status.Status, status.FileCount, status.TotalSize));
        Assert.Equal(["stored", "deleted"], status.Files.Select(file => file.Status));
        // The options of the first file did not hold for the second.
        Assert.Equal(new PrintOptions(2, ColorModes.Monochrome, Sides.OneSided, "1-3", MediaNames.A4, Scalings.Fit), status.Files[1].PrintOptions);
        Assert.InRange(status.Queue!.Token, 1, 999);
        Assert.Equal(status.ExpiresAt, session.ExpiresAt, TimeSpan.FromMinutes(1));

        await client.Customer.WithdrawAsync(session.SessionId, Token);
        Assert.Equal(SessionStatuses.Cancelled, (await client.Customer.GetSessionAsync(session.SessionId, Token)).Status);
    }

    [Fact]
    public async Task A_shop_claims_downloads_and_completes_what_a_customer_submitted()
    {
        using var client = relay.Client();
        var letter = ClientOf.Pdf(200_000);
        var created = await client.Customer.CreateSessionAsync(new("Asha"), Token);
        using var content = new MemoryStream(letter);
        await client.Customer.UploadResumablyAsync(
            created.SessionId,
            new FileToUpload("letter.pdf", content) { Sha256 = Convert.ToHexStringLower(SHA256.HashData(letter)), PrintOptions = new() { Copies = 3 } },
            cancellationToken: Token);
        await client.Customer.SubmitAsync(created.SessionId, Token);

        var pending = Assert.Single(await client.Shop.GetPendingAsync(Token).ToListAsync(Token), session => session.SessionId == created.SessionId);
        var before = await client.Shop.GetSessionAsync(created.PickupCode, Token);
        var claimed = await client.Shop.ClaimAsync(created.PickupCode.ToLowerInvariant(), Token);
        var processing = Assert.Single(await client.Shop.GetProcessingAsync(Token), session => session.SessionId == created.SessionId);
        var renewed = await client.Shop.RenewAsync(created.SessionId, Token);
        using var printed = new MemoryStream();
        await client.Shop.DownloadAsync(claimed.Files[0], printed, cancellationToken: Token);
        var link = await client.Shop.GetLinkAsync(claimed.Files[0].Id, Token);
        using var http = new HttpClient();
        var linked = await http.GetByteArrayAsync(link.DownloadUrl, Token);
        var paid = await client.Shop.MarkPaidAsync(created.SessionId, Token);
        var unpaid = await client.Shop.MarkUnpaidAsync(created.SessionId, Token);
        await client.Shop.ReleaseAsync(created.SessionId, Token);
        var released = await client.Shop.GetSessionAsync(created.SessionId, Token);
        await client.Shop.ClaimAsync(created.SessionId, Token);
        await client.Shop.CompleteAsync(created.SessionId, Token);
        var completed = await client.Customer.GetSessionAsync(created.SessionId, Token);

        Assert.Equal(("Asha", 1, letter.LongLength), (pending.CustomerName, pending.FileCount, pending.TotalSize));
        Assert.Equal(3, Assert.Single(pending.PrintOptions).Copies);
        Assert.NotNull(pending.SubmittedAt);
        Assert.Equal((pending.SubmittedAt, pending.SubmittedAt), (before.SubmittedAt, processing.SubmittedAt));
        Assert.Null(before.ClaimedBy);
        Assert.Equal((SessionStatuses.Processing, created.SessionId), (claimed.Status, claimed.SessionId));
        Assert.True(processing.ClaimedByYou);
        Assert.Equal(claimed.ClaimedBy, renewed.ClaimedBy);
        Assert.Equal(letter, printed.ToArray());
        Assert.True(claimed.Files[0].IsStored);
        Assert.Equal(letter, linked);
        Assert.Equal((claimed.Files[0].Sha256, claimed.Files[0].Size), (link.Sha256, link.Size));
        Assert.NotNull(paid.PaidAt);
        Assert.Null(unpaid.PaidAt);
        Assert.Equal(SessionStatuses.Pending, released.Status);
        Assert.Equal(SessionStatuses.Completed, completed.Status);
        Assert.Equal("deleted", Assert.Single(completed.Files).Status);
    }

    [Fact]
    public async Task A_shop_marks_a_job_as_paid_if_it_costs_what_was_shown()
    {
        using var client = relay.Client();
        var offer = await client.Shop.GetOfferAsync(Token);
        await client.Shop.SetOfferAsync(offer with { Prices = [new(MediaNames.A4, ColorModes.Monochrome, 200)] }, Token);
        // A photo is a page.
        var session = await client.SubmittedAsync([0xFF, 0xD8, 0xFF, 0xC2, 0, 11, 8, 0, 9, 0, 9, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 2], Token);

        var refused = await Assert.ThrowsAsync<CloudTabException>(() => client.Shop.MarkPaidAsync(session.SessionId, amount: 100, Token));
        var before = await client.Shop.GetSessionAsync(session.SessionId, Token);
        var paid = await client.Shop.MarkPaidAsync(session.SessionId, amount: 200, Token);
        await client.Shop.SetOfferAsync(offer, Token);

        Assert.Equal("price_changed", refused.Code);
        Assert.Null(before.PaidAt);
        Assert.NotNull(paid.PaidAt);
        Assert.Equal(200, paid.PaidAmount);
    }

    [Fact]
    public async Task The_pending_list_has_as_many_pages_as_it_needs()
    {
        using var client = relay.Client();
        var sessions = new List<string>();
        for (var i = 0; i < 3; i++)
            sessions.Add((await client.SubmittedAsync(ClientOf.Pdf(100), Token)).SessionId);

        var first = await client.Shop.GetPendingPageAsync(limit: 2, cancellationToken: Token);
        var second = await client.Shop.GetPendingPageAsync(limit: 1, after: first.Next, cancellationToken: Token);

        Assert.Equal((2, 1), (first.Count, second.Count));
        Assert.Equal(sessions.AsEnumerable().Reverse(), first.Sessions.Concat(second.Sessions).Select(session => session.SessionId));
        Assert.Superset(sessions.ToHashSet(), (await client.Shop.GetPendingAsync(Token).Select(session => session.SessionId).ToListAsync(Token)).ToHashSet());
    }

    [Fact]
    public async Task A_shop_has_keys_tickets_settings_and_an_offer()
    {
        using var client = relay.Client();

        var key = await client.Shop.CreateKeyAsync("Counter 2", cancellationToken: Token);
        using (var second = relay.Client(key: key.Key))
            Assert.Contains(await second.Shop.GetKeysAsync(Token), listed => listed.Current && listed.Id == key.Id && listed.Name == "Counter 2");
        await client.Shop.RevokeKeyAsync(key.Id, Token);
        var revoked = Assert.Single(await client.Shop.GetKeysAsync(Token), listed => listed.Id == key.Id);
        var ticket = await client.Shop.CreateTicketAsync(Token);
        var before = await client.Shop.GetSettingsAsync(Token);
        var renamed = await client.Shop.ChangeSettingsAsync(new(Name: "Corner Print"), Token);
        await client.Shop.ChangeSettingsAsync(new(Name: before.Name), Token);
        var offer = await client.Shop.GetOfferAsync(Token);
        var changed = await client.Shop.SetOfferAsync(offer with { Currency = "EUR", Prices = [new(MediaNames.A4, ColorModes.Color, 50), new(MediaNames.Photo, ColorModes.Color, null)] }, Token);
        await client.Shop.SetOfferAsync(offer, Token);

        Assert.NotNull(revoked.RevokedAt);
        Assert.Equal((TimeSpan.FromSeconds(30), false), (ticket.Lifetime, string.IsNullOrEmpty(ticket.Value)));
        Assert.True(before.AcceptsUploads);
        Assert.Equal(("Corner Print", before.CustomerUrl), (renamed.Name, renamed.CustomerUrl));
        Assert.Equal([new OfferedPrice(MediaNames.A4, ColorModes.Color, 50), new(MediaNames.Photo, ColorModes.Color, null)], changed.Prices);
    }

    [Fact]
    public async Task A_refusal_is_an_exception_with_the_relay_s_code()
    {
        using var client = relay.Client();

        var unknown = await Assert.ThrowsAsync<CloudTabException>(() => client.Shop.ClaimAsync("ZZZZZZ", Token));
        using var program = new MemoryStream([.. "\u007FELF"u8, .. new byte[40 << 20]]);
        var session = await client.Customer.CreateSessionAsync(cancellationToken: Token);
        var program1 = await Assert.ThrowsAsync<CloudTabException>(
            () => client.Customer.UploadAsync(session.SessionId, [new FileToUpload("letter.pdf", program)], cancellationToken: Token));
        var program2 = await Assert.ThrowsAsync<CloudTabException>(
            () => client.Customer.UploadResumablyAsync(session.SessionId, new FileToUpload("letter.pdf", program), cancellationToken: Token));
        using var wrong = relay.Client(key: "ctk_0123456789012345678901234567890123456789");
        var key = await Assert.ThrowsAsync<CloudTabException>(() => wrong.Shop.GetPendingPageAsync(cancellationToken: Token));

        Assert.Equal((HttpStatusCode.NotFound, "session_not_found", null), (unknown.Status, unknown.Code, unknown.RetryAfter));
        Assert.NotEmpty(unknown.Message);
        Assert.Equal((HttpStatusCode.UnsupportedMediaType, "type_not_accepted"), (program1.Status, program1.Code));
        Assert.Equal((HttpStatusCode.UnsupportedMediaType, "type_not_accepted"), (program2.Status, program2.Code));
        Assert.Equal((HttpStatusCode.Unauthorized, "api_key_invalid"), (key.Status, key.Code));
    }

    [Theory]
    [InlineData(null, false, 100, 200)]
    [InlineData(0, false, 100, 200)]
    [InlineData(2, false, 2_000, 2_000)]
    [InlineData(5, true, 4_000, 5_000)]
    [InlineData(-3_600, true, 100, 200)] // by a clock that is an hour fast
    public void A_call_is_made_again_after_the_pause_that_was_asked_for_and_never_without_one(int? seconds, bool isDate, int least, int most)
    {
        var clock = TimeProvider.System;
        var asked = seconds is not { } given ? null
            : isDate ? new RetryConditionHeaderValue(clock.GetUtcNow().AddSeconds(given)) : new RetryConditionHeaderValue(TimeSpan.FromSeconds(given));

        var pause = new Retries(new()).Next(new CloudTabException(HttpStatusCode.ServiceUnavailable, null, "", Problem.After(asked, clock)));

        Assert.InRange(pause!.Value.TotalMilliseconds, least, most);
    }

    [Fact]
    public async Task Calls_outlast_the_restart_of_a_service()
    {
        using var client = relay.Client(maxRetries: 30);
        var restarting = Task.WhenAll(relay.Processes.KillAndRestartAsync("shop-api", 0, Token), relay.Processes.KillAndRestartAsync("shop-api", 1, Token));

        var calls = 0;
        for (; !restarting.IsCompleted || calls == 0; calls++)
            await client.Shop.GetPendingPageAsync(cancellationToken: Token);

        await restarting;
        Assert.InRange(calls, 1, int.MaxValue);
    }

    [Fact]
    public async Task A_call_is_given_up_after_the_retries_that_the_options_allow()
    {
        using var recorder = new Recorder();
        var nobody = new Uri($"http://127.0.0.1:{Testing.ChildProcess.FreePort()}");
        using var client = new CloudTabClient(new() { Address = nobody, ApiKey = "ctk_any", MaxRetries = 2, MaxRetryDelay = TimeSpan.FromMilliseconds(1) }, recorder);

        await Assert.ThrowsAsync<HttpRequestException>(() => client.Shop.CompleteAsync("ABCDEF", Token));
        Assert.Equal(3, recorder.Requests.Count);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.Customer.CreateSessionAsync(cancellationToken: Token));
        Assert.Equal(4, recorder.Requests.Count); // It may have been opened: it is not repeated.
    }

    [Fact]
    public async Task A_call_without_an_answer_ends_in_time()
    {
        await using var silent = new Testing.TcpProxy(relay.Processes.Origin.Port);
        silent.Hold();
        using var client = new CloudTabClient(new()
        {
            Address = new Uri($"http://127.0.0.1:{silent.Port}"),
            ApiKey = relay.Processes.Key,
            MaxRetries = 0,
            Timeout = TimeSpan.FromMilliseconds(300),
        });

        await Assert.ThrowsAsync<TimeoutException>(() => client.Shop.GetKeysAsync(Token));
    }

    [Fact]
    public async Task An_application_s_container_gives_the_client()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Services.AddCloudTabClient(options => (options.Address, options.ApiKey) = (relay.Processes.Origin, relay.Processes.Key));
        using var host = builder.Build();
        await host.StartAsync(Token);

        var client = host.Services.GetRequiredService<CloudTabClient>();

        Assert.Same(client, host.Services.GetRequiredService<CloudTabClient>());
        Assert.NotEmpty(await client.Shop.GetKeysAsync(Token));
    }

    [Theory]
    [InlineData(null, null, "Address")]
    [InlineData("/relative", null, "Address")]
    [InlineData("ftp://print.example", null, "Address")]
    [InlineData("https://print.example/path", null, "Address")]
    [InlineData("https://print.example", "two words", "ApiKey")]
    [InlineData("https://print.example", "", "ApiKey")]
    public async Task Options_that_cannot_work_stop_the_application_s_start(string? address, string? key, string named)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Services.AddCloudTabClient(options => (options.Address, options.ApiKey) = (address is null ? null : new Uri(address, UriKind.RelativeOrAbsolute), key));
        using var host = builder.Build();

        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));

        Assert.StartsWith(named, Assert.Single(refused.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_for_a_shop_needs_a_key()
    {
        using var client = new CloudTabClient(new() { Address = relay.Processes.Origin });

        Assert.True((await client.Customer.GetShopAsync(Token)).Online);
        await Assert.ThrowsAsync<InvalidOperationException>(() => client.Shop.GetKeysAsync(Token));
    }

    private sealed class NotSeekable(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();
    }
}
