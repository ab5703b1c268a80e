using System.Net.Http.Json;
using System.Text.Json;
using CloudTab.Testing;

namespace CloudTab.Clients.Tests;

/// <summary>The whole relay, two replicas of each service behind the gateway, and a shop; once for all tests of well-behaved networks.</summary>
public sealed class RunningRelay : IAsyncLifetime
{
    private readonly HttpClient _customer = new();
    private RelayProcesses? _processes;
    private ShopPc? _shop;

    /// <summary>A page of another origin, which the relay allows.</summary>
    public TestPage Page { get; } = new();

    public RelayProcesses Processes => _processes!;

    public async ValueTask InitializeAsync()
    {
        await Page.StartAsync();
        var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["ALLOWED_ORIGINS"] = Page.Origin };
        _processes = await RelayProcesses.StartAsync(settings, Token);
        _shop = new ShopPc(Processes.Origin, Processes.Key);
        _customer.BaseAddress = Processes.Origin;
    }

    /// <summary>Creates a session.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> CreateSessionAsync()
    {
        using var created = await _customer.PostAsync("/api/customer/sessions/create", content: null, Token);
        return (await created.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("sessionId").GetString()!;
    }

    /// <summary>Where tus clients create the uploads of a session.</summary>
    public Uri FilesOf(string sessionId) => new(Processes.Origin, $"/api/customer/sessions/{sessionId}/files");

    /// <summary>Submits the session; the shop then downloads exactly these files of it, as they were sent.</summary>
    internal async Task AssertPrintsAsync(string sessionId, params Document[] documents)
    {
        using var submitted = await _customer.PostAsync($"/api/customer/sessions/{sessionId}/submit", content: null, Token);
        submitted.EnsureSuccessStatusCode();
        var printed = await _shop!.PrintAsync(sessionId, Token);
        Assert.Equal(
            documents.Select(document => Convert.ToHexString(document.Sha256)).Order(StringComparer.Ordinal),
            printed.Select(Convert.ToHexString).Order(StringComparer.Ordinal));
    }

    /// <summary>Changes a byte of the object in S3 that has this content.</summary>
    internal async Task SpoilAsync(byte[] content, CancellationToken cancellationToken)
    {
        using var s3 = Processes.S3.Endpoint.CreateClient();
        foreach (var key in await Processes.ObjectsAsync(cancellationToken))
        {
            using var found = await s3.GetObjectAsync(RelayProcesses.Bucket, key, cancellationToken);
            using var stored = new MemoryStream();
            await found.ResponseStream.CopyToAsync(stored, cancellationToken);
            if (!stored.ToArray().AsSpan().SequenceEqual(content))
                continue;
            var other = content.ToArray();
            other[^1] ^= 1;
            using var spoilt = new MemoryStream(other);
            await s3.PutObjectAsync(new() { BucketName = RelayProcesses.Bucket, Key = key, InputStream = spoilt }, cancellationToken);
            return;
        }

        Assert.Fail("No object has this content.");
    }

    public async ValueTask DisposeAsync()
    {
        if (_shop is not null)
            await _shop.DisposeAsync();
        if (_processes is not null)
            await _processes.DisposeAsync();
        await Page.DisposeAsync();
        _customer.Dispose();
    }
}

/// <summary>Its tests run one after the other, and none beside the network that breaks, whose relay needs the machine.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RelayCollection : ICollectionFixture<RunningRelay>
{
    public const string Name = "One relay";
}
