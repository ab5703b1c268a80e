using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace CloudTab.Clients.Tests.Chaos;

/// <summary>One connection of a client: request by request, each with its own fault.</summary>
internal sealed class ChaosLink : IAsyncDisposable
{
    // What a middlebox keeps of a request to replay it.
    private const int MostKept = 4 << 20;
    private const int Slice = 16 << 10;

    private static readonly TimeSpan Tunnel = TimeSpan.FromSeconds(20);

    private readonly ChaosNetwork _network;
    private readonly Socket _client;
    private readonly IPEndPoint _relay;
    private readonly CancellationToken _ending;
    private readonly double _bytesPerSecond;
    private readonly List<Task> _left = [];
    private readonly byte[] _buffer = new byte[64 << 10];

    private Upstream? _upstream;
    private int _start;
    private int _end;

    public ChaosLink(ChaosNetwork network, Socket client, IPEndPoint relay, CancellationToken ending)
    {
        (_network, _client, _relay, _ending) = (network, client, relay, ending);
        client.NoDelay = true;
        // 6 to 32 Mbit/s.
        _bytesPerSecond = (3 << 18) * Math.Pow(2, 2.4 * network.NextChance().NextDouble());
    }

    /// <summary>Passes requests and answers on until somebody closes the connection, or a fault does.</summary>
    public async Task RunAsync()
    {
        _upstream = await Upstream.ConnectAsync(_network, _client, _relay, _ending);
        while (await ReadHeadAsync() is { } request)
        {
            var fault = PlannedFault.Draw(_network.NextChance(), request.ContentLength);
            if (fault.Kind != Fault.None)
                _network.Count(fault.Kind);
            if (!await PassAsync(request, fault))
                return;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (_upstream is not null)
            await _upstream.DisposeAsync();
        await Task.WhenAll(_left);
    }

    /// <returns>Whether the connection stays open.</returns>
    private async Task<bool> PassAsync(MessageHead request, PlannedFault fault)
    {
        var kept = new MemoryStream();
        kept.Write(request.Bytes);
        _upstream!.Expect(request, losesAnswer: fault.Kind == Fault.LoseAnswer);
        await _upstream.SendAsync(request.Bytes);
        await PassBodyAsync(request, 0, fault.At, kept);
        switch (fault.Kind)
        {
            case Fault.Cut:
                _upstream.Close();
                _client.Shutdown(SocketShutdown.Both);
                return false;
            case Fault.Reset:
                _upstream.Reset();
                _client.Close(0);
                return false;
            case Fault.Vanish:
                LeaveOpen(_upstream, Tunnel);
                _upstream = null;
                _client.Close(0);
                return false;
            case Fault.Stall:
                await Task.Delay(fault.Pause, TimeProvider.System, _ending);
                break;
            case Fault.Duplicate when kept.Length == request.Bytes.Length + fault.At:
                LeaveOpen(_upstream, fault.Pause);
                _upstream = await Upstream.ConnectAsync(_network, _client, _relay, _ending);
                _upstream.Expect(request, losesAnswer: false);
                await _upstream.SendAsync(kept.ToArray());
                break;
        }

        await PassBodyAsync(request, fault.At, request.ContentLength, null);
        return true;
    }

    private async Task PassBodyAsync(MessageHead request, long from, long to, MemoryStream? kept)
    {
        var clock = Stopwatch.StartNew();
        for (var position = from; position < to;)
        {
            var piece = await ReadAsync((int)Math.Min(Slice, to - position));
            if (kept?.Length < MostKept)
                kept.Write(piece.Span);
            await _upstream!.SendAsync(piece);
            if (request.Method == "PATCH")
                _network.Traffic.HaveSent(piece.Length);
            position += piece.Length;
            var early = TimeSpan.FromSeconds((position - from) / _bytesPerSecond) - clock.Elapsed;
            if (early > TimeSpan.FromMilliseconds(2))
                await Task.Delay(early, TimeProvider.System, _ending);
        }
    }

    // The relay receives nothing more on this connection, not even its end.
    private void LeaveOpen(Upstream upstream, TimeSpan forHowLong)
    {
        upstream.Forget();
        _left.Add(CloseLaterAsync());

        async Task CloseLaterAsync()
        {
            await using (upstream)
                await Task.Delay(forHowLong, TimeProvider.System, _ending).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private async Task<MessageHead?> ReadHeadAsync()
    {
        while (true)
        {
            if (MessageHead.Read(_buffer.AsSpan(_start, _end - _start)) is { } head)
            {
                _start += head.Bytes.Length;
                return head;
            }

            if (!await FillAsync())
                return null;
        }
    }

    private async Task<ReadOnlyMemory<byte>> ReadAsync(int most)
    {
        if (_start == _end && !await FillAsync())
            throw new IOException("The client has closed the connection.");
        var piece = _buffer.AsMemory(_start, Math.Min(most, _end - _start));
        _start += piece.Length;
        return piece;
    }

    private async Task<bool> FillAsync()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        var count = await _client.ReceiveAsync(_buffer.AsMemory(_end, Math.Min(Slice, _buffer.Length - _end)), SocketFlags.None, _ending);
        _end += count;
        return count > 0;
    }
}
