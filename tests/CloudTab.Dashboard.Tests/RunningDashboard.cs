using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using CloudTab.DevHost.Dashboard;
using CloudTab.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Npgsql;

namespace CloudTab.Dashboard.Tests;

/// <summary>
/// The real application with its dashboard, and a browser, once for all tests: a customer has sent files, and the shop has printed them.
/// </summary>
public sealed class RunningDashboard : IAsyncLifetime
{
    private readonly DirectoryInfo _data = TemporaryData.New();
    private DistributedApplication? _app;
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public DistributedApplication App => _app!;

    /// <summary>Where the dashboard listens.</summary>
    public Uri Address => Dashboard.Address!;

    /// <summary>The key that the default shop was given; it is a secret of the migrator's environment.</summary>
    public string ShopKey { get; private set; } = "";

    /// <summary>What the customer and the shop did.</summary>
    public Journey Journey { get; private set; } = null!;

    private DashboardServer Dashboard => App.Services.GetRequiredService<DashboardServer>();

    public async ValueTask InitializeAsync()
    {
        if (Chromium.Path is null)
            return;

        var launching = LaunchBrowserAsync();
        await StartAsync();
        await launching;
    }

    /// <summary>A page of a new browser session that has followed the printed link, and then an address within the page.</summary>
    /// <param name="proxyPort">Where a bad network stands in between.</param>
    public async Task<DashboardPage> OpenAsync(
        string hash = "", ColorScheme theme = ColorScheme.Light, bool isPhone = false, int? proxyPort = null)
    {
        Chromium.Require();
        var address = new UriBuilder(Dashboard.Link!) { Port = proxyPort ?? Address.Port };
        var context = await _browser!.NewContextAsync(new()
        {
            ColorScheme = theme,
            ViewportSize = isPhone ? new() { Width = 390, Height = 844 } : new() { Width = 1440, Height = 900 },
            AcceptDownloads = true,
        });
        var page = new DashboardPage(await context.NewPageAsync());
        await page.Page.GotoAsync(address.Uri.AbsoluteUri + hash);
        return page;
    }

    /// <summary>Has Postgres write a line to its log, as it does of a failed statement.</summary>
    public async Task WriteToServersLogAsync(string line)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var database = NpgsqlDataSource.Create((await App.GetConnectionStringAsync("cloudtab", cancellationToken))!);
        await using var log = database.CreateCommand($"DO $$ BEGIN RAISE LOG '{line}'; END $$");
        await log.ExecuteNonQueryAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
        if (_app is not null)
            await _app.DisposeAsync();
        _data.Delete(recursive: true);
    }

    private async Task LaunchBrowserAsync()
    {
        Assertions.SetDefaultExpectTimeout(20_000);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments });
    }

    private async Task StartAsync()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.CloudTab_AppHost>(
            [$"CLOUDTAB_DATA={_data.FullName}", "--dashboard", "Replicas=2"], cancellationToken);
        _app = await builder.BuildAsync(cancellationToken);
        await _app.StartAsync(cancellationToken);
        await _app.ResourceNotifications.WaitForResourceHealthyAsync("gateway", cancellationToken);
        var key = _app.Services.GetRequiredService<DistributedApplicationModel>().Resources.OfType<ParameterResource>()
            .Single(parameter => parameter.Name == "shopkeeper-key");
        ShopKey = "ctk_" + await key.GetValueAsync(cancellationToken);
        Journey = await Journey.MakeAsync(_app.GetEndpoint("gateway"), ShopKey, cancellationToken);
    }
}

/// <summary>Every test looks at the same application, one at a time.</summary>
[CollectionDefinition(Name)]
public sealed class DashboardCollection : ICollectionFixture<RunningDashboard>
{
    public const string Name = "One application";
}
