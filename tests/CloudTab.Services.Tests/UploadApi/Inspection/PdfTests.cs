using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CloudTab.Testing;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>Room for a PDF of 50 MiB, and patience for a busy machine.</summary>
public sealed class PdfFixture(Dependencies dependencies) : UploadFixture(dependencies)
{
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(10);

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["RATE_LIMIT_SESSIONS_PER_MINUTE"] = "1000000",
        ["PDF_TIME_LIMIT"] = TimeLimit.TotalMilliseconds.ToString(CultureInfo.InvariantCulture),
    };
}

public sealed class PdfTests(PdfFixture relay) : IClassFixture<PdfFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    public static TheoryData<string, int?, bool?> Known => new()
    {
        { "1 page", 1, false },
        { "300 pages", 300, false },
        { "text in fonts", 1, false },
        { "an object stream", 1, false },
        { "encrypted, opens without a password", 2, false },
        { "encrypted, its strings literal, opens without a password", 2, false },
        { "encrypted, needs a password", null, true },
        { "encrypted with AES of 128 bits, opens without a password", 1, false },
        { "encrypted with AES of 128 bits, needs a password", null, true },
        { "encrypted with AES of 256 bits, opens without a password", 1, false },
        { "encrypted with AES of 256 bits, needs a password", null, true },
        { "no PDF", null, null },
    };

    [Theory]
    [MemberData(nameof(Known))]
    public async Task Pages_are_counted_and_locked_ones_marked(string kind, int? pages, bool? locked)
    {
        var sample = kind switch
        {
            "1 page" => PdfSamples.OfPages(1),
            "300 pages" => PdfSamples.OfPages(300),
            "text in fonts" => PdfSamples.OfText(),
            "an object stream" => PdfSamples.WithObjectStream(),
            "encrypted, opens without a password" => PdfSamples.Encrypted(""),
            "encrypted, its strings literal, opens without a password" => PdfSamples.Encrypted("", isLiteral: true),
            "encrypted, needs a password" => PdfSamples.Encrypted("secret"),
            "encrypted with AES of 128 bits, opens without a password" => PdfSamples.EncryptedByAes128(""),
            "encrypted with AES of 128 bits, needs a password" => PdfSamples.EncryptedByAes128("secret"),
            "encrypted with AES of 256 bits, opens without a password" => PdfSamples.EncryptedByAes256(""),
            "encrypted with AES of 256 bits, needs a password" => PdfSamples.EncryptedByAes256("secret"),
            _ => Sample.Text(),
        };
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        var sessionId = await _client.CreateAsync(prefix);

        using var answer = await _client.UploadToAsync(prefix, sessionId, sample);

        Assert.Equal((pages, locked), Facts((await answer.JsonAsync()).GetProperty("files")[0]));
        Assert.Equal((pages, locked), Facts((await _client.StatusAsync(sessionId, prefix)).GetProperty("files")[0]));
        using var details = await relay.ShopApi(shop.Key).GetAsync($"/api/shopkeeper/sessions/{sessionId}", Token);
        Assert.Equal((pages, locked), Facts((await details.JsonAsync()).GetProperty("session").GetProperty("files")[0]));
        using var claimed = await relay.ShopApi(shop.Key).PostAsync($"/api/shopkeeper/sessions/{sessionId}/claim", null, Token);
        Assert.Equal((pages, locked), Facts((await claimed.JsonAsync()).GetProperty("session").GetProperty("files")[0]));
    }

    [Fact]
    public async Task The_pages_of_each_PDF_in_a_form_are_counted()
    {
        var sessionId = await _client.CreateAsync();

        var files = await _client.UploadedAsync(
            sessionId, PdfSamples.OfPages(3), Sample.Text(), PdfSamples.Encrypted("secret"), Sample.Pdf(5_000), PdfSamples.OfPages(5));

        Assert.Equal([(3, false), (null, null), (null, true), (null, null), (5, false)], files.Select(Facts));
    }

    [Theory]
    [InlineData(nameof(PdfSamples.Loop))]
    [InlineData(nameof(PdfSamples.Deep))]
    [InlineData(nameof(PdfSamples.Wide))]
    [InlineData(nameof(PdfSamples.ZipBomb))]
    [InlineData(nameof(PdfSamples.Garbage))]
    public async Task A_hostile_PDF_is_stopped_at_the_time_limit_and_later_ones_are_counted(string kind)
    {
        var hostile = kind switch
        {
            nameof(PdfSamples.Loop) => PdfSamples.Loop(),
            nameof(PdfSamples.Deep) => PdfSamples.Deep(),
            nameof(PdfSamples.Wide) => PdfSamples.Wide(),
            nameof(PdfSamples.ZipBomb) => PdfSamples.ZipBomb(),
            _ => PdfSamples.Garbage(),
        };
        var sessionId = await _client.CreateAsync();
        var began = Stopwatch.GetTimestamp();

        var stored = Assert.Single(await _client.UploadedAsync(sessionId, hostile));

        // Besides the limit, the transfer takes time, and so do other tests on a busy machine.
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, PdfFixture.TimeLimit + TimeSpan.FromSeconds(20));
        Assert.Equal(hostile.Sha256, stored.GetProperty("sha256").GetString());
        Assert.NotEqual(true, Facts(stored).Locked);
        await UntilAsync(async () => Facts((await _client.UploadedAsync(sessionId, PdfSamples.OfPages(4)))[0]) == (4, false));
    }

    [Fact]
    public async Task The_PDF_reading_process_ends_when_its_service_is_killed()
    {
        var address = new Uri($"http://127.0.0.1:{ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture)}");
        var environment = relay.Environment();
        environment["ASPNETCORE_URLS"] = address.ToString();
        environment["PDF_TIME_LIMIT"] = PdfFixture.TimeLimit.TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
        await using var service = await ChildProcess.StartAsync("CloudTab.UploadApi", environment, new Uri(address, "/health/ready"), Token);
        using var client = new HttpClient { BaseAddress = address };
        Assert.Equal([(1, false)], (await client.UploadedAsync(await client.CreateAsync(), PdfSamples.OfPages(1))).Select(Facts));
        var id = service.Id.ToString(CultureInfo.InvariantCulture);
        var children = Directory.GetDirectories($"/proc/{id}/task")
            .SelectMany(task => File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .ToArray();
        var child = Assert.Single(children);
        var variables = (await File.ReadAllTextAsync($"/proc/{child}/environ", Token)).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(variables, variable => Assert.StartsWith("DOTNET_", variable, StringComparison.Ordinal));
        Assert.All(Directory.GetDirectories($"/proc/{child}/task"), thread => Assert.Contains("Seccomp:\t2", File.ReadAllText(Path.Combine(thread, "status")), StringComparison.Ordinal));

        service.Kill();

        await UntilAsync(() => !Directory.Exists($"/proc/{child}"));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(int.MaxValue, int.MaxValue)]
    [InlineData(-1, null)]
    [InlineData(int.MaxValue + 1L, null)]
    [InlineData(long.MinValue, null)]
    public void An_impossible_page_count_is_ignored(long reported, int? pages) => Assert.Equal(pages, PdfFacts.From(PdfMessage.Pages, reported)?.Pages);

    private static (int? Pages, bool? Locked) Facts(JsonElement file) => (
        file.TryGetProperty("pages", out var pages) ? pages.GetInt32() : null,
        file.TryGetProperty("locked", out var locked) ? locked.GetBoolean() : null);
}
