using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>
/// Postgres and S3 stopped and started: clear 503s, then recovery, and nothing acknowledged is lost. One replica of each service is busy and
/// one idle. It is mostly waiting, so other relays run beside it. OutagesTests of Services.Tests has longer outages, scaled down.
/// </summary>
public sealed class OutageTests
{
    private static readonly Dictionary<string, string> Settings = new(StringComparer.Ordinal)
    {
        ["UPLOAD_LEASE"] = "3000",
        ["JANITOR_INTERVAL"] = "500",
        ["JANITOR_LISTING_INTERVAL"] = "1000",
    };

    // Shorter and longer than the keep-alive of an idle connection.
    private static readonly TimeSpan[] Outages = [TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(20)];

    [Fact]
    public async Task An_outage_is_answered_with_503_and_nothing_acknowledged_is_lost()
    {
        var token = TestContext.Current.CancellationToken;
        await using var relay = await RelayProcesses.StartAsync(Settings, token);
        await using var shop = new ShopPc(relay.Origin, relay.Key);
        using var customers = new Customers(relay.Address("upload-api"));

        customers.Start(4);
        foreach (var (dependency, outage) in ((string[])["Postgres", "S3"]).SelectMany(dependency => Outages.Select(outage => (dependency, outage))))
        {
            await UploadsGoOnAsync(customers, token);
            var refused = customers.Refused;
            await StopAsync(relay, dependency);
            await Task.Delay(outage, TimeProvider.System, token);
            Assert.True(customers.Refused >= refused + outage.TotalSeconds, $"{customers.Refused - refused} refused while {dependency} was away for {outage}");
            await StartAsync(relay, dependency, token);
            using var idle = new Customers(relay.Address("upload-api", replica: 1));
            idle.Start(1);
            await UploadsGoOnAsync(idle, token);
            await idle.StopAsync();
            Assert.Empty(idle.Mistakes);
            Assert.All(relay.Processes, process => Assert.False(process.HasExited, process.Output));
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
