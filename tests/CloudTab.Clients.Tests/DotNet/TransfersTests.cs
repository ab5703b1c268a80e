using System.Globalization;
using System.Net;
using System.Net.Sockets;
using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.Clients.Tests;

/// <summary>CloudTab.Client's downloads and resumable uploads over a network that breaks.</summary>
[Collection(RelayCollection.Name)]
public sealed class TransfersTests(RunningRelay relay)
{
    private const int Size = 24 << 20;

    [Fact]
    public async Task A_download_that_breaks_goes_on_where_it_broke()
    {
        await using var network = new TcpProxy(relay.Processes.Origin.Port);
        using var recorder = new Recorder();
        using var client = relay.Client(network, recorder);
        var content = ClientOf.Pdf(Size);
        var session = await relay.Client().ClaimedAsync(content, Token);
        using var printed = new MemoryStream();

        await client.Shop.DownloadAsync(session.Files[0], printed, Breaking(network, 1 << 20, 9 << 20, 17 << 20), Token);

        Assert.Equal(content, printed.ToArray());
        Assert.Equal([null, 1 << 20, 9 << 20, 17 << 20], recorder.Requests.Select(request => Rounded(request.From)));
    }

    [Fact]
    public async Task A_download_that_moves_no_more_is_given_up()
    {
        await using var network = new TcpProxy(relay.Processes.Origin.Port);
        using var recorder = new Recorder();
        using var client = relay.Client(network, recorder, maxRetries: 2);
        var session = await relay.Client().ClaimedAsync(ClientOf.Pdf(Size), Token);
        using var printed = new MemoryStream();

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.Shop.DownloadAsync(session.Files[0], printed, new Moved(_ => network.Cut()), Token));

        Assert.Equal(3, recorder.Requests.Count);
        Assert.InRange(printed.Length, 1, Size - 1);
    }

    [Fact]
    public async Task A_connection_that_is_reset_while_it_is_opened_is_a_network_that_fails()
    {
        using var handler = new SocketsHttpHandler { ConnectCallback = ConnectAndLoseAsync };
        using var client = relay.Client(handler: handler, maxRetries: 0);

        var failure = await Assert.ThrowsAsync<HttpRequestException>(() => client.Shop.GetPendingPageAsync(cancellationToken: Token));

        Assert.Equal(HttpRequestError.ConnectionError, failure.HttpRequestError);
    }

    [Fact]
    public async Task A_file_that_is_not_what_was_sent_is_refused()
    {
        using var client = relay.Client();
        var content = ClientOf.Pdf(100_000);
        var session = await client.ClaimedAsync(content, Token);
        await relay.SpoilAsync(content, Token);
        using var printed = new MemoryStream();

        await Assert.ThrowsAsync<InvalidDataException>(() => client.Shop.DownloadAsync(session.Files[0], printed, cancellationToken: Token));

        Assert.Equal(content.Length, printed.Length); // All of it came, and one byte was another one.
        await client.Customer.WithdrawAsync(session.SessionId, Token);
    }

    [Fact]
    public async Task A_destination_that_fails_is_not_written_again()
    {
        using var recorder = new Recorder();
        using var client = relay.Client(handler: recorder);
        var session = await relay.Client().ClaimedAsync(ClientOf.Pdf(100_000), Token);

        await Assert.ThrowsAsync<IOException>(() => client.Shop.DownloadAsync(session.Files[0], new FullDisk(), cancellationToken: Token));

        Assert.Single(recorder.Requests);
    }

    [Fact]
    public async Task An_upload_that_breaks_goes_on_with_what_is_missing()
    {
        await using var network = new TcpProxy(relay.Processes.Origin.Port);
        using var recorder = new Recorder();
        using var client = relay.Client(network, recorder, maxRetries: 30);
        using var document = new Document(Size);
        var sessionId = await relay.CreateSessionAsync();
        await using var content = File.OpenRead(document.Path);

        await client.Customer.UploadResumablyAsync(sessionId, new FileToUpload("letter.pdf", content), Breaking(network, 10 << 20, 20 << 20), Token);

        await relay.AssertPrintsAsync(sessionId, document);
        var offsets = recorder.Requests.Where(request => request.Method == "PATCH").Select(request => long.Parse(request.From!, CultureInfo.InvariantCulture)).ToList();
        Assert.InRange(offsets.Count, 3, int.MaxValue);
        Assert.InRange(offsets[^1], 1, Size);
        Assert.Equal(offsets.Order(), offsets);
    }

    [Fact]
    public async Task An_upload_goes_on_in_a_program_that_was_started_again()
    {
        using var document = new Document(Size);
        var sessionId = await relay.CreateSessionAsync();
        await using var content = File.OpenRead(document.Path);
        Uri upload;
        using (var first = relay.Client())
        {
            upload = await first.Customer.BeginUploadAsync(sessionId, new FileToUpload("letter.pdf", content), Token);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var progress = new Moved(sent =>
            {
                if (sent > 12 << 20)
                    ended.Cancel();
            });
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.Customer.ContinueUploadAsync(upload, content, progress, ended.Token));
        }

        using var recorder = new Recorder();
        using var second = relay.Client(handler: recorder, maxRetries: 30);
        await second.Customer.ContinueUploadAsync(upload, content, cancellationToken: Token);

        await relay.AssertPrintsAsync(sessionId, document);
        Assert.InRange(long.Parse(recorder.Requests.Last(request => request.Method == "PATCH").From!, CultureInfo.InvariantCulture), 1, Size);
    }

    /// <summary>Cuts every connection each time that so many bytes have moved.</summary>
    private static Moved Breaking(TcpProxy network, params int[] at)
    {
        var broken = 0;
        return new(moved =>
        {
            if (broken == at.Length || moved < at[broken])
                return;
            broken++;
            network.Cut();
            network.Restore();
        });
    }

    /// <summary>Where a request began, in whole MiB: what a connection still held when it was cut has come too.</summary>
    private static int? Rounded(string? range) =>
        range is null ? null : int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture) >> 20 << 20;

    private static async ValueTask<Stream> ConnectAndLoseAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndpoint, cancellationToken);
        using (var other = await listener.AcceptSocketAsync(cancellationToken))
            other.LingerState = new LingerOption(enable: true, seconds: 0); // so that its end is a reset
        socket.Poll(Timeout.InfiniteTimeSpan, SelectMode.SelectRead);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private sealed class FullDisk : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("No space left on device");
    }
}
