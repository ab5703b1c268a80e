using System.Buffers;
using System.Net.WebSockets;
using System.Threading.Channels;
using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>
/// One socket: a loop that reads messages and a loop that writes what is queued, which alone sends and in the end closes. An idle
/// one holds no buffer. Putting something into its queue never waits for its peer.
/// </summary>
internal sealed class ShopSocket(WebSocket socket, Commands commands, Telemetry telemetry, TimeProvider clock, CancellationToken aborted)
    : IDisposable
{
    /// <summary>Most bytes of a message.</summary>
    public const int LongestMessage = 64 * 1024;

    /// <summary>Most messages that may come in a second.</summary>
    public const int MostMessages = 20;

    // Twice what the listener reads at once, so that a burst alone never makes a reader "too slow".
    private const int QueueLength = 2_000;

    // For the peer to take what is queued and to answer the close.
    private static readonly TimeSpan CloseLimit = TimeSpan.FromSeconds(5);

    private readonly Channel<Frame> _queue = Channel.CreateBounded<Frame>(new BoundedChannelOptions(QueueLength) { SingleReader = true });
    private readonly CancellationTokenSource _ending = clock.Limit(Timeout.InfiniteTimeSpan, aborted);
    private readonly Lock _gate = new();
    private List<Frame>? _held;
    private CloseReason? _closing;
    private long _second;
    private int _messages;

    /// <summary>The key that the socket has authenticated with, or null.</summary>
    public ShopKey? Key { get; set; }

    /// <summary>Runs the socket to its end.</summary>
    public async Task RunAsync()
    {
        var sending = SendAsync();
        try
        {
            await ReceiveAsync();
        }
        finally
        {
            Close(CloseReason.Fault);
            await sending;
        }
    }

    /// <summary>Queues an answer.</summary>
    public void Send(Outgoing message)
    {
        telemetry.CountIfRefusal(message);
        Enqueue(Frame.Of(message));
    }

    /// <summary>Queues an event, or keeps it while events are held.</summary>
    public void Deliver(Frame frame)
    {
        lock (_gate)
        {
            if (_held is null)
                Enqueue(frame);
            else if (_held.Count < QueueLength)
                _held.Add(frame);
            else
                Close(CloseReason.TooSlow);
        }
    }

    /// <summary>From now on events wait: the pending list comes first.</summary>
    public void HoldEvents()
    {
        lock (_gate)
            _held ??= [];
    }

    /// <summary>Queues what comes first, and then the events that were held.</summary>
    public void ReleaseEvents(params ReadOnlySpan<Outgoing> first)
    {
        lock (_gate)
        {
            foreach (var message in first)
                Send(message);
            foreach (var frame in _held ?? [])
                Enqueue(frame);
            _held = null;
        }
    }

    /// <summary>Forgets the events that were held: they were not for this socket.</summary>
    public void DropEvents()
    {
        lock (_gate)
            _held = null;
    }

    /// <summary>Closes the socket after what is queued; only the first reason counts.</summary>
    public void Close(CloseReason reason)
    {
        lock (_gate)
        {
            if (_closing is not null)
                return;
            _closing = reason;
            telemetry.CountClose(reason);
            _queue.Writer.TryComplete();
            _ending.CancelAfter(CloseLimit);
        }
    }

    public void Dispose()
    {
        lock (_gate)
            _closing ??= CloseReason.Fault;
        _ending.Dispose();
    }

    private void Enqueue(Frame frame)
    {
        if (!_queue.Writer.TryWrite(frame))
            Close(CloseReason.TooSlow); // or it is closing already
    }

    private async Task SendAsync()
    {
        try
        {
            await foreach (var frame in _queue.Reader.ReadAllAsync(_ending.Token))
            {
                if (_closing is { DropsQueue: true })
                    break;
                using var delivery = Telemetry.StartDelivery(frame);
                await socket.SendAsync(frame.Text, WebSocketMessageType.Text, endOfMessage: true, _ending.Token);
                telemetry.RecordDelivery(frame);
            }

            await socket.CloseOutputAsync((_closing ?? CloseReason.Fault).Status, _closing?.Description, _ending.Token);
        }
        catch (Exception gone) when (IsGone(gone))
        {
            socket.Abort();
        }
    }

    private async Task ReceiveAsync()
    {
        try
        {
            while (true)
            {
                // A receive into nothing returns when something has come: only then a buffer is taken.
                var begun = await socket.ReceiveAsync(Memory<byte>.Empty, _ending.Token);
                if (begun.MessageType == WebSocketMessageType.Close)
                    break;
                await ReceiveMessageAsync(begun);
            }

            Close(CloseReason.ByPeer);
        }
        catch (Exception gone) when (IsGone(gone))
        {
            Close(CloseReason.ByPeer);
        }
    }

    private async Task ReceiveMessageAsync(ValueWebSocketReceiveResult begun)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(LongestMessage);
        try
        {
            var (length, ended) = (0, begun.EndOfMessage);
            while (!ended && length < LongestMessage)
            {
                var part = await socket.ReceiveAsync(buffer.AsMemory(length, LongestMessage - length), _ending.Token);
                (length, ended) = (length + part.Count, part.EndOfMessage);
            }

            // What still comes after the close was asked for is read, so that the peer's own close can be seen, and ignored.
            if (_closing is not null)
                return;
            if (!ended)
                Close(CloseReason.MessageTooLarge);
            else if (IsOverRate())
                Close(CloseReason.TooManyMessages);
            else if (begun.MessageType == WebSocketMessageType.Binary)
                Send(Error.InvalidFormat);
            else
                await commands.HandleAsync(this, buffer.AsMemory(0, length), _ending.Token);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true); // An API key may have been in it.
        }
    }

    private bool IsOverRate()
    {
        if (_messages == 0 || clock.GetElapsedTime(_second) >= TimeSpan.FromSeconds(1))
            (_second, _messages) = (clock.GetTimestamp(), 0);
        return ++_messages > MostMessages;
    }

    private static bool IsGone(Exception exception) =>
        exception is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException;
}

/// <summary>Why the server closes a socket: the code and text of the close frame.</summary>
/// <param name="DropsQueue">Whether what is queued is not sent any more.</param>
internal sealed record CloseReason(WebSocketCloseStatus Status, string Description, bool DropsQueue = false)
{
    public static readonly CloseReason ByPeer = new(WebSocketCloseStatus.NormalClosure, "", DropsQueue: true);
    public static readonly CloseReason GoingAway = new(WebSocketCloseStatus.EndpointUnavailable, "Going away: connect again");
    public static readonly CloseReason MessageTooLarge = new(WebSocketCloseStatus.MessageTooBig, "Message over 64 KiB");
    public static readonly CloseReason Fault = new(WebSocketCloseStatus.InternalServerError, "Something went wrong on our side");
    public static readonly CloseReason BadKey = new((WebSocketCloseStatus)4401, "Bad API key");
    public static readonly CloseReason NotInTime = new((WebSocketCloseStatus)4408, "Did not authenticate in time");
    public static readonly CloseReason TooSlow = new((WebSocketCloseStatus)4409, "Too slow: connect again", DropsQueue: true);
    public static readonly CloseReason TooManyMessages = new((WebSocketCloseStatus)4429, "Too many messages");
    public static readonly CloseReason TooManySockets = new((WebSocketCloseStatus)4429, "Too many sockets of this shop");
}
