using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>kill -9 of each service under load: what was acknowledged arrives, what became pending is announced, nothing is left over.</summary>
[Collection(OneRelay.Collection)]
public sealed class CrashTests
{
    // The bucket is listed as seldom as ever: what a killed process leaves is found by its lease.
    private static readonly Dictionary<string, string> Settings = new(StringComparer.Ordinal)
    {
        ["UPLOAD_LEASE"] = "3000",
        ["JANITOR_INTERVAL"] = "500",
    };

    [Fact]
    public async Task Nothing_acknowledged_is_lost_when_services_are_killed()
    {
        var token = TestContext.Current.CancellationToken;
        await using var relay = await RelayProcesses.StartAsync(Settings, token);
        await using var shop = new ShopPc(relay.Origin, relay.Key);
        using var customers = new Customers(relay.Origin);

        customers.Start(4);
        for (var kill = 0; kill < 4; kill++)
        {
            foreach (var service in (string[])["upload-api", "shop-api", "notifier", "janitor"])
                await SurvivesAsync(relay, customers, service, kill % 2, token);
        }

        await customers.StopAsync();
        await Aftermath.CheckAsync(relay, shop, customers, token);
    }

    [Fact]
    public async Task Nothing_acknowledged_is_lost_when_the_only_process_is_killed()
    {
        var token = TestContext.Current.CancellationToken;
        await using var relay = await RelayProcesses.StartStandaloneAsync(Settings, token);
        await using var shop = new ShopPc(relay.Origin, relay.Key);
        using var customers = new Customers(relay.Origin);

        customers.Start(2);
        for (var kill = 0; kill < 2; kill++)
            await SurvivesAsync(relay, customers, RelayProcesses.Standalone, 0, token);

        await customers.StopAsync();
        await Aftermath.CheckAsync(relay, shop, customers, token);
    }

    private static async Task SurvivesAsync(RelayProcesses relay, Customers customers, string service, int replica, CancellationToken cancellationToken)
    {
        var before = customers.Acknowledged.Count;
        await relay.KillAndRestartAsync(service, replica, cancellationToken);
        await Eventually.HoldsAsync(
            () => Task.FromResult(customers.Acknowledged.Count >= before + 10), "uploads go on", TimeSpan.FromSeconds(60), cancellationToken);
    }
}
