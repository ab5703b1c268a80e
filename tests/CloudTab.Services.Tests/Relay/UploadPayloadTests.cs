using CloudTab.Relay;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>What S3 is sent, whether or not its signature covers the bytes: S3 itself refuses a wrong signature.</summary>
public sealed class UploadPayloadTests(UploadPayloadTests.Fixture relay) : IClassFixture<UploadPayloadTests.Fixture>
{
    private const int FiveParts = 5 * ObjectUpload.PartSize;

    [Theory]
    [InlineData(1_000, "true")]
    [InlineData(1_000, "false")]
    [InlineData(FiveParts, "true")]
    [InlineData(FiveParts, "false")]
    [InlineData(FiveParts + 1, "true")]
    [InlineData(FiveParts + 1, "false")]
    public async Task Parts_sent_in_parallel_become_the_file(int size, string signPayloads)
    {
        var file = Sample.Pdf(size);
        await using var host = relay.StartHost<UploadOptions>(("S3_SIGN_PAYLOADS", signPayloads));
        using var client = host.Client();

        var stored = Assert.Single(await client.UploadedAsync(await client.CreateAsync(), file));

        Assert.Equal(file.Sha256, stored.GetProperty("sha256").GetString());
        Assert.Equal(file.Content, await relay.ContentAsync(stored.GetProperty("id").GetGuid()));
        Assert.Empty(await relay.OpenUploadsAsync());
    }

    [Fact]
    public void Five_GiB_fit_into_the_1000_parts_that_some_stores_take() => Assert.InRange(5L << 30, 1, 1_000L * ObjectUpload.PartSize);

    /// <summary>With room for files of more parts than are ever sent at once.</summary>
    public sealed class Fixture(Dependencies dependencies) : UploadFixture(dependencies)
    {
        protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RATE_LIMIT_SESSIONS_PER_MINUTE"] = "1000000",
            ["MAX_FILE_SIZE"] = "104857600",
        };
    }
}
