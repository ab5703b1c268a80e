using System.Diagnostics.Metrics;
using System.Net.Sockets;
using CloudTab.Notifier;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

public sealed class SocketSlowReaderTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    [Fact]
    public async Task A_slow_reader_is_closed_with_4409_and_does_not_delay_others()
    {
        const int Events = 200; // half of what may wait for a socket
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id, string.Concat(Enumerable.Repeat("😀", 200)));
        // A small window, so that unread frames do not disappear in the network's buffers.
        using var handler = new SocketsHttpHandler { ConnectCallback = ConnectWithSmallBufferAsync };
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        using var slow = await SocketClient.AuthenticatedAsync(relay.SocketAddress, shop.Key, invoker);
        using var quick = await SocketClient.ReadyAsync(relay.SocketAddress, shop.Key);
        using var overflow = new Overflow(relay.Host<SocketOptions>().Services.GetRequiredService<IMeterFactory>());

        // The fast reader keeps up, round after round, until the slow one's queue is full.
        for (var round = 0; round < 150 && !overflow.Happened; round++)
        {
            await relay.ExecuteAsync(
                """
                INSERT INTO events (shop_id, session, type, status, file_count, total_size, created_at)
                SELECT @shop, @session, 'new_session', 'pending', 1, 1, now() FROM generate_series(1, @events)
                """,
                new { shop = shop.Id, session = given.Id, events = Events });
            for (var received = 0; received < Events; received++)
                Assert.Equal("new_session", (await quick.NextAsync()).Text("type"));
        }

        Assert.True(overflow.Happened);
        Assert.Equal(4409, await slow.CloseCodeAsync());
        await UntilAsync(async () =>
            await relay.ScalarAsync<int>("SELECT sum(sockets) FROM connected_sockets WHERE shop_id = @Id", shop) == 1);
        Assert.Equal("pong", (await quick.AskAsync(new { type = "ping" })).Text("type"));
    }

    internal static async ValueTask<Stream> ConnectWithSmallBufferAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 8 * 1024, NoDelay = true };
        await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>Watches the Notifier's own count of sockets that it closed as too slow.</summary>
    private sealed class Overflow : IDisposable
    {
        private readonly MeterListener _listener = new();

        public Overflow(IMeterFactory meters)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == meters && instrument.Name == "cloudtab.notify.closes")
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((_, _, tags, _) => Happened |= tags[0].Value is 4409);
            _listener.Start();
        }

        public bool Happened { get; private set; }

        public void Dispose() => _listener.Dispose();
    }
}
