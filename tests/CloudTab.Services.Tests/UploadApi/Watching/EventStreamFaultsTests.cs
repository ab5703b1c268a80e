using System.Net;
using CloudTab.Gateway;
using CloudTab.Testing;
using CloudTab.UploadApi;
using Npgsql;

namespace CloudTab.Services.Tests;

/// <summary>Streams over several replicas, through the gateway, over outages, at their limits, and when a host stops.</summary>
public sealed class EventStreamFaultsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    // Requests that run may take 30 s to finish after SIGTERM. Streams must not take it.
    private static readonly TimeSpan QuickStop = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Streams_on_every_replica_are_told_what_happened_on_another()
    {
        var shop = await relay.ShopAsync();
        await using var other = relay.StartHost<UploadOptions>();
        using var here = relay.UploadApi();
        using var there = other.Client();
        var sessionId = await here.CreateAsync($"/s/{shop.Id}");
        await using var events = await EventClient.OpenAsync(there, EventClient.AddressOf(sessionId, $"/s/{shop.Id}"));
        await events.NextStatusAsync("open");

        using var uploaded = await here.UploadToAsync($"/s/{shop.Id}", sessionId, Sample.Pdf());

        await events.NextStatusAsync("pending");
        await events.NextPlaceAsync(1, 0);
        // A client may go on at any replica with what it knows from another.
        await using var again = await EventClient.OpenAsync(here, EventClient.AddressOf(sessionId, $"/s/{shop.Id}"), events.LastEventId);
        using var withdrawn = await there.DeleteAsync($"/s/{shop.Id}/api/customer/sessions/{sessionId}", Token);
        await again.NextStatusAsync("cancelled");
        await events.NextStatusAsync("cancelled");
    }

    [Fact]
    public async Task Streams_survive_an_outage_of_Postgres_and_are_told_what_they_missed()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        var settings = new NpgsqlConnectionStringBuilder(relay.Environment()["ConnectionStrings__cloudtab"]);
        await using var network = new TcpProxy(settings.Port);
        settings.Port = network.Port;
        await using var replica = relay.StartHost<UploadOptions>(("ConnectionStrings:cloudtab", settings.ConnectionString));
        using var client = replica.Client();
        await using var events = await EventClient.OpenAsync(client, EventClient.AddressOf(given.SessionId, $"/s/{shop.Id}"));
        await events.NextStatusAsync("pending");
        await events.NextPlaceAsync(1, 0);

        network.Cut();
        using var withdrawn = await relay.UploadApi().DeleteAsync($"/s/{shop.Id}/api/customer/sessions/{given.SessionId}", Token);
        using (var refused = await EventClient.AskAsync(client, EventClient.AddressOf(given.SessionId, $"/s/{shop.Id}")))
            await refused.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        network.Restore();

        await events.LastAsync("cancelled");
    }

    [Fact]
    public async Task Streams_are_told_everything_though_the_connections_that_listen_are_killed()
    {
        const int Rounds = 20;
        var shop = await relay.ShopAsync();
        var sessionId = (await relay.AnnounceAsync(shop.Id)).SessionId;
        using var client = relay.UploadApi();
        await using var events = await EventClient.OpenAsync(client, EventClient.AddressOf(sessionId, $"/s/{shop.Id}"));
        await events.NextStatusAsync("pending");
        await events.NextPlaceAsync(1, 0);

        var killed = 0;
        using var shopkeeper = relay.ShopApi(shop.Key);
        for (var i = 0; i < Rounds; i++)
        {
            killed += i % 5 == 2 ? await KillListenersAsync() : 0;
            var verb = i % 2 == 0 ? "claim" : "release";
            using var done = await shopkeeper.PostAsync($"/api/shopkeeper/sessions/{sessionId}/{verb}");
            await events.NextStatusAsync(verb == "claim" ? "processing" : "pending");
        }

        Assert.True(killed > 0, "No listener was there to be killed.");
    }

    [Fact]
    public async Task A_replica_that_stops_ends_its_streams_at_once_and_tells_their_clients_when_to_come_back()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        var replica = relay.StartHost<UploadOptions>();
        using var client = replica.Client();
        await using var events = await EventClient.OpenAsync(client, EventClient.AddressOf(given.SessionId, $"/s/{shop.Id}"));
        await events.NextStatusAsync("pending");
        await events.NextPlaceAsync(1, 0);
        using var other = await EventClient.AskAsync(client, EventClient.AddressOf(given.SessionId, $"/s/{shop.Id}"), events.LastEventId);

        var began = TimeProvider.System.GetTimestamp();
        await replica.DisposeAsync();

        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, QuickStop);
        await events.EndsAsync();
        Assert.Matches(@"^retry: [12]\d{3}\n\nretry: [12]\d{3}\n\n$", await other.Content.ReadAsStringAsync(Token));
    }

    [Fact]
    public async Task Streams_that_are_opened_together_take_no_connections_that_others_need()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);
        using var client = relay.UploadApi();
        using var status = await client.GetAsync(new Uri($"/s/{shop.Id}/api/customer/shopkeeper/status", UriKind.Relative), Token); // with a connection at least
        await using var connection = await relay.Source.OpenConnectionAsync(Token);
        await using var transaction = await connection.BeginTransactionAsync(Token);
        await using (var locking = new NpgsqlCommand("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE", connection, transaction))
            await locking.ExecuteNonQueryAsync(Token);

        var opened = Enumerable.Range(0, 30).Select(_ => EventClient.OpenAsync(client, EventClient.AddressOf(given.SessionId, $"/s/{shop.Id}"))).ToList();
        await UntilAsync(async () => await relay.ScalarAsync<int>("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'sessions'::regclass") >= 2);
        for (var i = 0; i < 10; i++)
        {
            using var answer = await client.GetAsync(new Uri($"/s/{shop.Id}/api/customer/shopkeeper/status", UriKind.Relative), Token);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        await transaction.RollbackAsync(Token);
        foreach (var events in await Task.WhenAll(opened))
        {
            await events.NextStatusAsync("pending");
            await events.DisposeAsync();
        }
    }

    [Fact]
    public async Task At_the_limits_another_stream_is_refused_until_one_has_ended()
    {
        var shop = await relay.ShopAsync();
        var address = EventClient.AddressOf((await relay.AnnounceAsync(shop.Id)).SessionId, $"/s/{shop.Id}");
        await using var few = relay.StartHost<UploadOptions>(("MAX_EVENT_STREAMS", "3"), ("MAX_EVENT_STREAMS_PER_ADDRESS", "2"), ("TRUSTED_PROXIES", "127.0.0.0/8"));
        using var asha = few.Client();
        using var ben = few.Client();
        asha.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.7");
        ben.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.8");

        var first = await EventClient.OpenAsync(asha, address);
        await using var second = await EventClient.OpenAsync(asha, address);
        using (var refused = await EventClient.AskAsync(asha, address))
        {
            await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        await using var third = await EventClient.OpenAsync(ben, address);
        using (var refused = await EventClient.AskAsync(ben, address))
            await refused.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");

        await first.DisposeAsync();
        EventClient? next = null;
        await UntilAsync(async () => (next = await EventClient.TryOpenAsync(ben, address)) is not null);
        await next!.DisposeAsync();
    }

    [Theory]
    [InlineData("Http1", "1.1")]
    [InlineData("Http2", "2.0")]
    public async Task The_gateway_passes_each_event_on_at_once_and_ends_streams_when_it_stops_or_their_client_leaves(string protocols, string version)
    {
        var shop = await relay.ShopAsync();
        var sessionId = (await relay.AnnounceAsync(shop.Id)).SessionId;
        var address = EventClient.AddressOf(sessionId, $"/s/{shop.Id}");
        await using var one = relay.StartHost<UploadOptions>(("MAX_EVENT_STREAMS", "1"));
        var gateway = ServiceHost<GatewayOptions>.Start(
            ((string[])["upload-api", "shop-api", "notifier", "janitor"]).Select(service => KeyValuePair.Create($"services:{service}:http:0", one.Address.ToString()))
                .Append(KeyValuePair.Create("Kestrel:EndpointDefaults:Protocols", protocols)).Append(KeyValuePair.Create("SHUTDOWN_TIMEOUT", "9000")).ToDictionary(StringComparer.Ordinal),
            "Production",
            TimeProvider.System);
        using var client = gateway.Client();
        (client.DefaultRequestVersion, client.DefaultVersionPolicy) = (Version.Parse(version), HttpVersionPolicy.RequestVersionExact);
        using var shopkeeper = relay.ShopApi(shop.Key);
        await using (var events = await EventClient.OpenAsync(client, address))
        {
            await events.NextStatusAsync("pending");
            await events.NextPlaceAsync(1, 0);
            using var claimed = await shopkeeper.PostAsync($"/api/shopkeeper/sessions/{sessionId}/claim");
            await events.NextStatusAsync("processing");
        }

        // Once the service knows that the client has left there is a place again.
        EventClient? next = null;
        await UntilAsync(async () => (next = await EventClient.TryOpenAsync(client, address)) is not null);
        await next!.NextStatusAsync("processing");
        await next.NextPlaceAsync(1, 0);

        var began = TimeProvider.System.GetTimestamp();
        await gateway.DisposeAsync();

        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, QuickStop);
        await Assert.ThrowsAnyAsync<IOException>(next.TryNextAsync);
        await next.DisposeAsync();
    }

    /// <summary>Ends every connection that listens to events, of whichever replica.</summary>
    /// <returns>How many there were.</returns>
    private async Task<int> KillListenersAsync() => await relay.ScalarAsync<int>(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()");
}
