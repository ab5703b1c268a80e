using System.Net;
using CloudTab.Janitor;
using CloudTab.Notifier;
using CloudTab.ServiceDefaults;
using CloudTab.ShopApi;
using CloudTab.Testing;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace CloudTab.Services.Tests;

/// <summary>
/// Every service while Postgres or S3 is away. The times are a tenth of real ones: outages of 5, 20 and 60 s, UPLOAD_LEASE, and (rounded
/// down to Npgsql's second) the keep-alive by which an idle connection notices. <see cref="LongOutageTests"/> has a minute with those of production,
/// and OutageTests of EndToEnd.Tests 5 and 20 s with real processes.
/// </summary>
public sealed class OutagesTests(OutagesTests.Fixture relay) : IClassFixture<OutagesTests.Fixture>
{
    [Theory]
    [InlineData("Postgres")]
    [InlineData("S3")]
    public Task Every_service_works_again_after_an_outage_whether_it_was_busy_or_idle(string dependency) =>
        SurviveAsync(relay, dependency, keepAlive: 1, pause: TimeSpan.Zero, 0.5, 2, 6);

    /// <summary>Takes a dependency away from replicas of every service that are busy, and from others that are idle, and sees each of them work again.</summary>
    /// <param name="keepAlive">Seconds between signs of life on an idle connection to Postgres; null: as in production.</param>
    /// <param name="pause">Between two requests of the busy ones.</param>
    /// <param name="outages">Seconds.</param>
    internal static async Task SurviveAsync(RelayFixture relay, string dependency, int? keepAlive, TimeSpan pause, params double[] outages)
    {
        var postgres = new NpgsqlConnectionStringBuilder(relay.Environment()["ConnectionStrings__cloudtab"]);
        await using var toPostgres = new TcpProxy(postgres.Port);
        await using var toS3 = relay.NetworkToS3();
        (postgres.Host, postgres.Port) = ("127.0.0.1", toPostgres.Port);
        if (keepAlive is { } seconds)
            postgres.KeepAlive = seconds;
        (string, string)[] networks = [("ConnectionStrings:cloudtab", postgres.ConnectionString), ("AWS_ENDPOINT_URL_S3", $"http://127.0.0.1:{toS3.Port}")];
        var shop = await relay.ShopAsync();
        await using var busy = await Replicas.StartAsync(relay, shop, networks);
        await using var idle = await Replicas.StartAsync(relay, shop, networks);
        var network = dependency == "Postgres" ? toPostgres : toS3;

        foreach (var outage in outages)
        {
            using var end = new CancellationTokenSource();
            var load = busy.UploadUntilAsync(pause, end.Token);
            network.Cut();
            await Task.Delay(TimeSpan.FromSeconds(outage), TimeProvider.System, Token);
            network.Restore();
            await end.CancelAsync();
            await load;

            foreach (var replicas in (Replicas[])[idle, busy])
                await replicas.WorkAsync(relay);
        }
    }

    [Theory]
    [InlineData("CloudTab.UploadApi")]
    [InlineData("CloudTab.ShopApi")]
    [InlineData("CloudTab.Notifier")]
    [InlineData("CloudTab.Janitor")]
    public async Task A_service_that_starts_before_Postgres_is_alive_and_becomes_ready_with_it(string project)
    {
        var postgres = new NpgsqlConnectionStringBuilder(relay.Environment()["ConnectionStrings__cloudtab"]);
        await using var toPostgres = new TcpProxy(postgres.Port);
        toPostgres.Cut();
        (postgres.Host, postgres.Port) = ("127.0.0.1", toPostgres.Port);

        var (process, address) = await relay.StartProcessAsync(project, ("ConnectionStrings__cloudtab", postgres.ConnectionString));

        await using var alive = process;
        using var client = new HttpClient { BaseAddress = address };
        using (var early = await client.GetAsync(new Uri("/health/ready", UriKind.Relative), Token))
            Assert.Equal("Unhealthy: postgres", await early.Content.ReadAsStringAsync(Token));
        toPostgres.Restore();
        await UntilAsync(async () =>
        {
            using var ready = await client.GetAsync(new Uri("/health/ready", UriKind.Relative), Token);
            return ready.StatusCode == HttpStatusCode.OK;
        });
        // It is Kestrel's heartbeat that ends connections which are too slow or silent.
        Assert.DoesNotContain("Heartbeat", process.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(typeof(InvalidOperationException), 70)]
    [InlineData(typeof(TaskCanceledException), 70)] // of its own: a limit that nobody caught
    [InlineData(null, 0)]
    public async Task A_host_that_a_fault_stops_exits_with_70(Type? fault, int exitCode)
    {
        foreach (var builder in (IHostApplicationBuilder[])[Microsoft.AspNetCore.Builder.WebApplication.CreateBuilder(), Host.CreateApplicationBuilder()])
        {
            builder.Configuration["URLS"] = "http://127.0.0.1:0";
            builder.Services.AddHostedService(services => new Ends(services.GetRequiredService<IHostApplicationLifetime>(), fault));
            using var host = builder is HostApplicationBuilder plain ? plain.Build() : (IHost)((Microsoft.AspNetCore.Builder.WebApplicationBuilder)builder).Build();

            Assert.Equal(exitCode, await host.RunOrExplainAsync());
        }
    }

    /// <summary>Fails; or lets the host stop, and fails then.</summary>
    private sealed class Ends(IHostApplicationLifetime lifetime, Type? fault) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var starting = lifetime.ApplicationStarted.Register(() => started.TrySetResult());
            await started.Task;
            if (fault is null)
            {
                lifetime.StopApplication();
                stoppingToken.WaitHandle.WaitOne();
            }

            throw (Exception)Activator.CreateInstance(fault ?? typeof(InvalidOperationException))!;
        }
    }

    /// <summary>One replica of every service, on networks that can be cut, and a shop's PC.</summary>
    private sealed class Replicas(
        ServiceHost<UploadOptions> uploadApi, ServiceHost<ApiKeyAuthentication> shopApi, ServiceHost<SocketOptions> notifier, ServiceHost<JanitorOptions> janitor,
        TestShop shop, SocketClient socket) : IAsyncDisposable
    {
        private readonly HttpClient _customer = uploadApi.Client();

        public static async Task<Replicas> StartAsync(RelayFixture relay, TestShop shop, (string, string)[] networks)
        {
            var notifier = relay.StartHost<SocketOptions>(networks);
            return new(
                relay.StartHost<UploadOptions>(networks), relay.StartHost<ApiKeyAuthentication>(networks), notifier, relay.StartHost<JanitorOptions>(networks),
                shop, await SocketClient.ReadyAsync(new UriBuilder(notifier.Address) { Scheme = "ws", Path = "/ws" }.Uri, shop.Key));
        }

        /// <summary>Customers upload and the shop looks at its list, whatever they are answered, as long as it is an answer for an outage.</summary>
        public Task UploadUntilAsync(TimeSpan pause, CancellationToken end) => Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            using var shopkeeper = Shopkeeper();
            while (!end.IsCancellationRequested)
            {
                await TryUploadAsync();
                using var pending = await shopkeeper.GetAsync(new Uri("/api/shopkeeper/sessions/pending", UriKind.Relative), Token);
                Assert.True(pending.StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, $"{pending.StatusCode}");
                await Task.Delay(pause, TimeProvider.System, Token);
            }
        })));

        /// <summary>A file goes its whole way through these replicas, each of which is tried until it works again.</summary>
        public async Task WorkAsync(RelayFixture relay)
        {
            string? sessionId = null;
            await UntilAsync(async () => (sessionId = await TryUploadAsync()) is not null);
            while ((await socket.NextAsync("new_session")).Text("sessionId") != sessionId)
            {
            }

            using var shopkeeper = Shopkeeper();
            foreach (var verb in (string[])["claim", "complete"])
            {
                await UntilAsync(async () =>
                {
                    using var answer = await shopkeeper.PostAsync($"/api/shopkeeper/sessions/{sessionId}/{verb}");
                    Assert.True(answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, $"{answer.StatusCode}");
                    return answer.StatusCode == HttpStatusCode.OK;
                });
            }

            foreach (var services in (IServiceProvider[])[uploadApi.Services, shopApi.Services, notifier.Services, janitor.Services])
            {
                Assert.False(services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
                Assert.All(services.GetServices<IHostedService>().OfType<BackgroundService>(), service => Assert.False(service.ExecuteTask!.IsCompleted));
            }

            // The Janitor of either one, if the other is still asleep.
            var opened = await relay.OpenSessionAsync(shop.Id);
            await relay.ExecuteAsync("UPDATE sessions SET expires_at = '2000-01-01' WHERE id = @Id", new { opened.Id });
            await UntilAsync(async () => await relay.ScalarAsync<string>("SELECT status FROM sessions WHERE id = @Id", new { opened.Id }) == "expired");
        }

        public async ValueTask DisposeAsync()
        {
            socket.Dispose();
            _customer.Dispose();
            foreach (var host in (IAsyncDisposable[])[uploadApi, shopApi, notifier, janitor])
                await host.DisposeAsync();
        }

        private async Task<string?> TryUploadAsync()
        {
            using var created = await _customer.PostAsync($"/s/{shop.Id}/api/customer/sessions/create", null, Token);
            Assert.True(created.StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, $"{created.StatusCode}");
            if (created.StatusCode != HttpStatusCode.OK)
                return null;
            var sessionId = (await created.JsonAsync()).Text("sessionId")!;
            using var uploaded = await _customer.UploadToAsync($"/s/{shop.Id}", sessionId, Sample.Pdf());
            Assert.True(uploaded.StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, await uploaded.Content.ReadAsStringAsync(Token));
            return uploaded.StatusCode == HttpStatusCode.OK ? sessionId : null;
        }

        private HttpClient Shopkeeper()
        {
            var client = shopApi.Client();
            client.DefaultRequestHeaders.Add("X-API-Key", shop.Key);
            return client;
        }
    }

    public sealed class Fixture(Dependencies dependencies) : RelayFixture(dependencies)
    {
        protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RATE_LIMIT_SESSIONS_PER_MINUTE"] = "1000000",
            ["RATE_LIMIT_SHOP_SESSIONS_PER_MINUTE"] = "1000000",
            ["RATE_LIMIT_UPLOADS_PER_MINUTE"] = "1000000",
            ["UPLOAD_LEASE"] = "6000",
            ["JANITOR_INTERVAL"] = "500",
        };
    }
}
