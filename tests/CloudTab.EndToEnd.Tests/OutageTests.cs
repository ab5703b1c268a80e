using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>Postgres and S3 stopped and started under load: clear 503s, then recovery, and nothing acknowledged is lost.</summary>
[Collection("One relay at a time")] // each is a dozen processes
public sealed class OutageTests
{
    private static readonly Dictionary<string, string> Settings = new(StringComparer.Ordinal)
    {
        ["UPLOAD_LEASE"] = "3000",
        ["JANITOR_INTERVAL"] = "500",
        ["JANITOR_LISTING_INTERVAL"] = "1000",
    };

    [Theory]
    [InlineData("Postgres")]
    [InlineData("S3")]
    public async Task An_outage_is_answered_with_503_and_nothing_acknowledged_is_lost(string dependency)
    {
        var token = TestContext.Current.CancellationToken;
        await using var relay = await RelayProcesses.StartAsync(Settings, token);
        await using var shop = new ShopPc(relay.Origin, relay.Key);
        using var customers = new Customers(relay.Origin);

        customers.Start(4);
        for (var outage = 0; outage < 2; outage++)
        {
            await UploadsGoOnAsync(customers, token);
            var refused = customers.Refused;
            await StopAsync(relay, dependency);
            await Eventually.HoldsAsync(() => Task.FromResult(customers.Refused >= refused + 20), "customers are refused", TimeSpan.FromSeconds(60), token);
            await StartAsync(relay, dependency, token);
        }

        await UploadsGoOnAsync(customers, token);
        await customers.StopAsync();
        await Aftermath.CheckAsync(relay, shop, customers, token);
    }

    private static async Task UploadsGoOnAsync(Customers customers, CancellationToken cancellationToken)
    {
        var before = customers.Acknowledged.Count;
        await Eventually.HoldsAsync(() => Task.FromResult(customers.Acknowledged.Count >= before + 20), "uploads go on", TimeSpan.FromSeconds(60), cancellationToken);
    }

    private static Task<int> StopAsync(RelayProcesses relay, string dependency) =>
        dependency == "S3" ? relay.S3.StopAsync() : relay.Postgres.StopAsync();

    private static Task StartAsync(RelayProcesses relay, string dependency, CancellationToken cancellationToken) =>
        dependency == "S3" ? relay.S3.StartAsync(cancellationToken) : relay.Postgres.StartAsync(cancellationToken);
}
