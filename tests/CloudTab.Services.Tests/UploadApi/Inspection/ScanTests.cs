using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using CloudTab.Testing;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>A relay with a clamd that knows EICAR's test file, and takes files of up to 12 MiB.</summary>
public sealed class ScanFixture(Dependencies dependencies) : UploadFixture(dependencies)
{
    public const int LongestStream = 12 << 20;

    private readonly int _port = ChildProcess.FreePort();
    private ClamdServer? _clamd;

    protected override IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>(base.Settings, StringComparer.Ordinal)
    {
        ["CLAMD_ADDRESS"] = $"127.0.0.1:{_port}",
    };

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        if (ClamdServer.IsInstalled)
            _clamd = await ClamdServer.StartAsync(_port, LongestStream, CancellationToken.None);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_clamd is not null)
            await _clamd.DisposeAsync();
    }
}

/// <summary>Files are shown to clamd before anybody is told of them.</summary>
public sealed class ScanTests(ScanFixture relay) : IClassFixture<ScanFixture>, IAsyncLifetime
{
    private readonly HttpClient _client = relay.UploadApi();

    public static TheoryData<Way> Ways => new(Enum.GetValues<Way>());

    public ValueTask InitializeAsync()
    {
        Assert.SkipUnless(ClamdServer.IsInstalled, "clamd is not installed (Debian: clamav-daemon).");
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task An_infected_file_is_named_to_customer_and_shop_and_never_downloaded(Way way)
    {
        var shop = await relay.ShopAsync();
        var client = UploadClient.Of(way, _client, $"/s/{shop.Id}");
        var sessionId = await _client.CreateAsync(client.Prefix);
        using var socket = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);

        await client.SentAsync(sessionId, Infected(9 << 20));
        await client.SentAsync(sessionId, Sample.Pdf(2_000, "clean.pdf"));
        using var submitted = client.SubmitsSession ? null : await _client.PostAsync($"{client.Prefix}/api/customer/sessions/{sessionId}/submit");

        var told = (await _client.StatusAsync(sessionId, client.Prefix)).GetProperty("files").EnumerateArray().ToList();
        Assert.Equal(["infected", "clean"], told.Select(Scan));
        var announced = (await socket.NextAsync(client.SubmitsSession ? "session_updated" : "new_session")).GetProperty("files").EnumerateArray().ToList();
        Assert.Equal(told.Select(file => (file.Text("id"), Scan(file))), announced.Select(file => (file.Text("id"), Scan(file))));
        var keeper = relay.ShopApi(shop.Key);
        using var details = await keeper.GetAsync($"/api/shopkeeper/sessions/{sessionId}", Token);
        Assert.Equal(["infected", "clean"], (await details.JsonAsync()).GetProperty("session").GetProperty("files").EnumerateArray().Select(Scan));
        foreach (var accept in (string[])["*/*", "application/json"])
        {
            using var refused = await DownloadAsync(keeper, told[0], accept);
            await refused.IsProblemAsync(HttpStatusCode.Forbidden, "file_infected");
            using var downloaded = await DownloadAsync(keeper, told[1], accept);
            Assert.Equal(HttpStatusCode.OK, downloaded.StatusCode);
        }
    }

    [Fact]
    public async Task A_virus_over_the_seam_of_a_concatenation_is_found()
    {
        var content = Infected(1_000).Content;
        var sessionId = await _client.CreateAsync();
        var parts = new List<string>();
        foreach (var part in (byte[][])[content[..970], content[970..]])
        {
            using var created = await _client.CreateUploadAsync(sessionId, part, TusClient.Length(part.Length), ("Upload-Concat", "partial"));
            parts.Add(created.Headers.Location!.ToString());
        }

        using var joined = await _client.CreateUploadAsync(sessionId, null, ("Upload-Concat", $"final;{string.Join(' ', parts)}"), TusClient.Named("a.pdf"));

        Assert.Equal(HttpStatusCode.Created, joined.StatusCode);
        Assert.Equal("infected", Scan((await _client.StatusAsync(sessionId)).GetProperty("files")[0]));
    }

    [Fact]
    public async Task The_customers_page_says_which_file_has_a_virus()
    {
        var sessionId = await _client.CreateAsync();
        using var answer = await _client.UploadAsync(sessionId, Infected(1_000));
        Assert.Contains("A virus was found in one file", (await answer.JsonAsync()).Text("message"), StringComparison.Ordinal);

        Assert.Contains("contains a virus", await _client.GetStringAsync($"/sessions/{sessionId}", Token), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task While_clamd_is_away_files_are_unscanned_or_refused_as_SCAN_REQUIRED_says(Way way)
    {
        var port = ChildProcess.FreePort();
        await using var lenient = relay.StartHost<UploadOptions>(("CLAMD_ADDRESS", $"127.0.0.1:{port}"));
        await using var strict = relay.StartHost<UploadOptions>(("CLAMD_ADDRESS", $"127.0.0.1:{port}"), ("SCAN_REQUIRED", "true"));
        using var unscanned = lenient.Client();
        var sessionId = await unscanned.CreateAsync();

        await UploadClient.Of(way, unscanned).SentAsync(sessionId, Sample.Pdf());
        Assert.Equal("unscanned", Scan((await unscanned.StatusAsync(sessionId)).GetProperty("files")[0]));

        using var required = strict.Client();
        sessionId = await required.CreateAsync();
        using var refused = await UploadClient.Of(way, required).SendAsync(sessionId, Sample.Pdf(9 << 20));
        await refused.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Empty((await required.StatusAsync(sessionId)).GetProperty("files").EnumerateArray());
        Assert.Equal("Unhealthy: clamd", await (await required.GetAsync("/health/ready", Token)).Content.ReadAsStringAsync(Token));

        await using var clamd = await ClamdServer.StartAsync(port, ScanFixture.LongestStream, Token);
        await UploadClient.Of(way, required).SentAsync(sessionId, Sample.Pdf());
        Assert.Equal("clean", Scan(Assert.Single((await required.StatusAsync(sessionId)).GetProperty("files").EnumerateArray())));
    }

    [Theory]
    [InlineData(Way.Tus)]
    [InlineData(Way.TusInPieces)]
    [InlineData(Way.IetfInPieces)]
    public async Task An_upload_that_could_not_be_scanned_is_finished_without_sending_it_again(Way way)
    {
        var port = ChildProcess.FreePort();
        await using var strict = relay.StartHost<UploadOptions>(("CLAMD_ADDRESS", $"127.0.0.1:{port}"), ("SCAN_REQUIRED", "true"));
        using var client = strict.Client();
        var sessionId = await client.CreateAsync();
        var file = Sample.Pdf(9 << 20);
        using var refused = await UploadClient.Of(way, client).SendAsync(sessionId, file);
        await refused.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        var upload = Assert.Single(await relay.ColumnAsync<string>(
            "SELECT upload_id FROM uploads JOIN sessions ON sessions.id = uploads.session WHERE session_id = @sessionId", new { sessionId }));

        await using var clamd = await ClamdServer.StartAsync(port, ScanFixture.LongestStream, Token);
        using var head = await client.HeadAsync($"/api/customer/uploads/{upload}");

        Assert.Equal(file.Content.Length, head.Number("Upload-Offset"));
        Assert.Equal("clean", Scan(Assert.Single((await client.StatusAsync(sessionId)).GetProperty("files").EnumerateArray())));
    }

    [Fact]
    public async Task A_file_that_clamd_does_not_take_is_unscanned()
    {
        var sessionId = await _client.CreateAsync();

        await _client.UploadedAsync(sessionId, Sample.Pdf(ScanFixture.LongestStream + 1));

        Assert.Equal("unscanned", Scan((await _client.StatusAsync(sessionId)).GetProperty("files")[0]));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_file_that_must_be_scanned_and_that_clamd_cannot_scan_is_refused_for_good(Way way)
    {
        await using var strict = relay.StartHost<UploadOptions>(("SCAN_REQUIRED", "true"));
        using var client = strict.Client();
        var sessionId = await client.CreateAsync();

        await UploadClient.Of(way, client).RefusedAsync(
            sessionId, Sample.Pdf(ScanFixture.LongestStream + 1), HttpStatusCode.UnprocessableEntity, "not_scannable");

        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task A_file_beyond_clamd_s_limits_is_neither_clean_nor_infected()
    {
        var port = ChildProcess.FreePort();
        await using var clamd = await ClamdServer.StartAsync(port, ScanFixture.LongestStream, Token, "MaxFileSize 1M", "AlertExceedsMax yes");
        await using var strict = relay.StartHost<UploadOptions>(("CLAMD_ADDRESS", $"127.0.0.1:{port}"), ("SCAN_REQUIRED", "true"));
        using var client = strict.Client();
        var sessionId = await client.CreateAsync();

        await UploadClient.Of(Way.Tus, client).RefusedAsync(sessionId, Sample.Pdf(2 << 20), HttpStatusCode.UnprocessableEntity, "not_scannable");
        await UploadClient.Of(Way.Tus, client).SentAsync(sessionId, Sample.Pdf(1_000));

        Assert.Equal("clean", Scan(Assert.Single((await client.StatusAsync(sessionId)).GetProperty("files").EnumerateArray())));
    }

    [Fact]
    public async Task What_clamd_answers_in_the_middle_of_a_file_is_heard()
    {
        await using var strict = relay.StartHost<UploadOptions>(("SCAN_REQUIRED", "true"));
        using var client = strict.Client();

        // More than the sockets' buffers hold behind the limit: sending breaks off.
        await UploadClient.Of(Way.Form, client).RefusedAsync(
            await client.CreateAsync(), Sample.Pdf(UploadFixture.MaxFileSize), HttpStatusCode.UnprocessableEntity, "not_scannable");
    }

    /// <summary>A PDF that ends with EICAR's test file.</summary>
    private static Sample Infected(int size)
    {
        var file = Sample.Pdf(size, "infected.pdf");
        ClamdServer.Eicar.CopyTo(file.Content.AsSpan(size - ClamdServer.Eicar.Length));
        return file;
    }

    private static string? Scan(JsonElement file) => file.Text("scan");

    private static async Task<HttpResponseMessage> DownloadAsync(HttpClient shopkeeper, JsonElement file, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/shopkeeper/files/{file.Text("id")}/download");
        request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(accept));
        return await shopkeeper.SendAsync(request, Token);
    }
}
