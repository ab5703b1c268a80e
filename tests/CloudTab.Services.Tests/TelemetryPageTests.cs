using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using CloudTab.Janitor;
using CloudTab.Notifier;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using CloudTab.ShopApi;
using CloudTab.Testing;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>docs/operations.md has every metric that the services register, and no other.</summary>
public sealed partial class TelemetryPageTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    [Fact]
    public async Task The_page_lists_exactly_the_services_metrics_with_their_units()
    {
        Register<UploadOptions, UploadApi.Telemetry>();
        Register<ApiKeyAuthentication, ShopApi.Telemetry>();
        Register<SocketOptions, Notifier.Telemetry>();
        Register<JanitorOptions, Janitor.Telemetry>();

        var registered = new SortedSet<string>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Name.StartsWith("CloudTab.", StringComparison.Ordinal))
                registered.Add($"{instrument.Name} {instrument.Unit}");
        };
        listener.Start(); // reports the instruments that exist already

        var page = await File.ReadAllTextAsync(Repository.PathOf("docs/operations.md"), Token);
        var documented = Row.Matches(page).Select(row => $"{row.Groups["name"].Value} {row.Groups["unit"].Value}").Order(StringComparer.Ordinal);

        Assert.Equal(registered, documented);
    }

    private void Register<TOptions, TTelemetry>()
        where TOptions : class
        where TTelemetry : class
    {
        var services = relay.Host<TOptions>().Services;
        services.GetRequiredService<TTelemetry>();
        services.GetRequiredService<RelayTelemetry>();
        services.GetRequiredService<Refusals>();
    }

    [GeneratedRegex(@"^\| `(?<name>cloudtab\.[a-z._]+)` \| `(?<unit>[^`]+)` \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Row { get; }
}
