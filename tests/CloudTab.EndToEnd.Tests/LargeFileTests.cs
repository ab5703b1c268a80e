using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using CloudTab.EndToEnd.Tests.Pages;
using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

[Collection(OneRelay.Collection)]
public sealed class LargeFileTests(Browsers browsers) : IClassFixture<Browsers>
{
    private const long Size = 2L << 30;
    private const double MostMemory = 300;
    private const double MostMemoryOfChromium = 500;

    private static readonly Dictionary<string, string> Limits = new(StringComparer.Ordinal)
    {
        ["MAX_FILE_SIZE"] = Size.ToString(CultureInfo.InvariantCulture),
        ["MAX_SESSION_SIZE"] = Size.ToString(CultureInfo.InvariantCulture),
    };

    [Fact]
    public async Task A_file_of_2_GiB_arrives_identical_and_takes_no_more_memory_than_a_small_one()
    {
        var token = TestContext.Current.CancellationToken;
        await using var relay = await RelayProcesses.StartAsync(Limits, token);
        await using var shop = new ShopPc(relay.Origin, relay.Key);
        using var client = new HttpClient { BaseAddress = relay.Address("upload-api"), Timeout = TimeSpan.FromMinutes(10) };

        using var created = await client.PostAsync("/api/customer/sessions/create", content: null, token);
        var session = (await created.Content.ReadFromJsonAsync<JsonElement>(token)).GetProperty("sessionId").GetString()!;
        using var file = new RepeatedContent(Size);
        using var form = new MultipartFormDataContent { { file, "files", "large.pdf" } };
        using var uploaded = await client.PostAsync($"/api/customer/sessions/{session}/upload", form, token);

        Assert.Equal(HttpStatusCode.OK, uploaded.StatusCode);
        var answer = (await uploaded.Content.ReadFromJsonAsync<JsonElement>(token)).GetProperty("files")[0];
        Assert.Equal(Size, answer.GetProperty("size").GetInt64());
        Assert.Equal(Convert.ToHexStringLower(file.Sha256), answer.GetProperty("sha256").GetString());
        Assert.Equal(file.Sha256, await DownloadAsync(relay, $"files/{answer.GetProperty("id").GetString()}", before: 0, token));
        Assert.Equal(file.Sha256, await DownloadAsync(relay, $"sessions/{session}", before: 30 + "large.pdf".Length, token));
        Assert.InRange(PeakMemory(relay.ProcessId("upload-api")), 1, MostMemory);
        Assert.InRange(PeakMemory(relay.ProcessId("shop-api")), 1, MostMemory);
    }

    [Fact]
    public async Task A_file_of_2_GiB_is_sent_by_the_page_in_no_more_memory_than_a_small_one()
    {
        var token = TestContext.Current.CancellationToken;
        await using var relay = await RelayProcesses.StartAsync(Limits, token);
        var folder = Directory.CreateTempSubdirectory("cloudtab-");
        var path = Path.Combine(folder.FullName, "large.pdf");
        try
        {
            var sha256 = await WriteSparseAsync(path, token);
            var page = await browsers.OpenAsync(relay.Origin);
            await page.GotoAsync("/");
            await page.Locator(".chooser input[type=file]").First.SetInputFilesAsync(path);
            await page.Locator(".file.ready").WaitForAsync();
            await page.Locator("ct-send button[type=submit]").ClickAsync();
            await page.WaitForURLAsync("**/sessions/*", new() { Timeout = 240_000 });

            using var shop = new HttpClient { BaseAddress = relay.Origin, DefaultRequestHeaders = { { "X-API-Key", relay.Key } } };
            var details = await shop.GetFromJsonAsync<JsonElement>($"/api/shopkeeper/sessions/{page.Url.Split('/')[^1]}", token);
            var file = Assert.Single(details.GetProperty("session").GetProperty("files").EnumerateArray());
            Assert.Equal(Size, file.GetProperty("size").GetInt64());
            Assert.Equal(Convert.ToHexStringLower(sha256), file.GetProperty("sha256").GetString());
            Assert.All((int[])[0, 1], replica => Assert.InRange(PeakMemory(relay.ProcessId("upload-api", replica)), 1, MostMemory));
            Assert.InRange(PeakMemory(relay.ProcessId("gateway")), 1, MostMemory);
            var browser = ProcessesOfChromium().Select(PeakMemory).ToList();
            TestContext.Current.TestOutputHelper?.WriteLine($"Chromium's processes: {string.Join(", ", browser.Select(peak => $"{peak:F0} MiB"))}");
            Assert.NotEmpty(browser);
            Assert.All(browser, peak => Assert.InRange(peak, 1, MostMemoryOfChromium));
        }
        finally
        {
            await browsers.CloseAsync();
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A PDF by its first bytes, with some noise in its middle and at its end: the rest takes no room on the disk.</summary>
    private static async Task<byte[]> WriteSparseAsync(string path, CancellationToken cancellationToken)
    {
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 20);
        file.SetLength(Size);
        await file.WriteAsync("%PDF-1.7\n"u8.ToArray(), cancellationToken);
        foreach (var offset in (long[])[Size / 2 - 7, Size - (1 << 20)])
        {
            file.Position = offset;
            await file.WriteAsync(RandomNumberGenerator.GetBytes(1 << 20), cancellationToken);
        }

        file.Position = 0;
        return await SHA256.HashDataAsync(file, cancellationToken);
    }

    /// <summary>The browser of this test: descendants of this process.</summary>
    private static List<int> ProcessesOfChromium()
    {
        var parents = new Dictionary<int, int>();
        var chromium = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id))
                continue;
            try
            {
                // proc(5): pid (comm) state ppid …
                var stat = File.ReadAllText(Path.Combine(folder, "stat"));
                parents[id] = int.Parse(stat[(stat.LastIndexOf(')') + 4)..].Split(' ')[0], CultureInfo.InvariantCulture);
                if (stat.Contains("(chrom", StringComparison.Ordinal) && File.ReadAllText(Path.Combine(folder, "status")).Contains("VmHWM", StringComparison.Ordinal))
                    chromium.Add(id);
            }
            catch (IOException)
            {
                // It has just ended.
            }
        }

        return [.. chromium.Where(IsOurs)];

        bool IsOurs(int id) => id == Environment.ProcessId || (parents.TryGetValue(id, out var parent) && IsOurs(parent));
    }

    /// <param name="before">Bytes before the file's: of a ZIP file the header of its first entry.</param>
    private static async Task<byte[]> DownloadAsync(RelayProcesses relay, string address, int before, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = relay.Address("shop-api"), Timeout = TimeSpan.FromMinutes(10), DefaultRequestHeaders = { { "X-API-Key", relay.Key } } };
        await using var stream = await client.GetStreamAsync($"/api/shopkeeper/{address}/download", cancellationToken);
        await stream.ReadExactlyAsync(new byte[before], cancellationToken);
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var block = new byte[1 << 20];
        for (var left = Size; left > 0;)
        {
            var count = await stream.ReadAtLeastAsync(block.AsMemory(0, (int)Math.Min(left, block.Length)), 1, throwOnEndOfStream: true, cancellationToken);
            sha256.AppendData(block.AsSpan(0, count));
            left -= count;
        }

        while (await stream.ReadAsync(block, cancellationToken) > 0)
        {
        }

        return sha256.GetHashAndReset();
    }

    // Largest resident set so far, MiB: VmHWM of proc(5).
    private static double PeakMemory(int processId)
    {
        var line = File.ReadLines(FormattableString.Invariant($"/proc/{processId}/status")).First(text => text.StartsWith("VmHWM:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
    }

    /// <summary>A PDF by its first bytes, then one random block over and over: too large to be held.</summary>
    private sealed class RepeatedContent(long size) : HttpContent
    {
        private readonly byte[] _block = RandomNumberGenerator.GetBytes(1 << 20);

        public byte[] Sha256 { get; private set; } = [];

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            "%PDF-1.7\n"u8.CopyTo(_block);
            for (var left = size; left > 0; left -= _block.Length)
            {
                var piece = _block.AsMemory(0, (int)Math.Min(left, _block.Length));
                sha256.AppendData(piece.Span);
                await stream.WriteAsync(piece);
            }

            Sha256 = sha256.GetHashAndReset();
        }

        protected override bool TryComputeLength(out long length)
        {
            length = size;
            return true;
        }
    }
}
