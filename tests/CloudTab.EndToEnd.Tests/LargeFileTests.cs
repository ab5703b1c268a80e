using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

[Collection("One relay at a time")] // each is a dozen processes
public sealed class LargeFileTests
{
    private const long Size = 2L << 30;
    private const double MostMemory = 300;

    [Fact]
    public async Task A_file_of_2_GiB_arrives_identical_and_takes_no_more_memory_than_a_small_one()
    {
        var token = TestContext.Current.CancellationToken;
        await using var relay = await RelayProcesses.StartAsync(
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["MAX_FILE_SIZE"] = Size.ToString(CultureInfo.InvariantCulture),
                ["MAX_SESSION_SIZE"] = Size.ToString(CultureInfo.InvariantCulture),
            },
            token);
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
