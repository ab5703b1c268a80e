using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using System.Threading.Channels;
using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>
/// One socket: a loop that reads messages and a loop that writes what is queued, which alone sends and in the end closes. An idle
/// one holds no buffer. Putting something into its queue never waits for its peer.
/// </summary>
internal sealed class ShopSocket(
    WebSocket socket, IPAddress client, OpenSockets sockets, Commands commands, Telemetry telemetry, TimeProvider clock, CancellationToken aborted) : IDisposable
{
    /// <summary>Most bytes of a message.</summary>
    public const int LongestMessage = 64 * 1024;

    /// <summary>Most bytes of a message before the socket has authenticated: enough for the longest key.</summary>
    public const int LongestUnauthenticated = 1024;

    /// <summary>Most frames that may come in a second, pings and empty ones included.</summary>
    public const int MostFrames = 20;

    /// <summary>
    /// Most bytes that wait for the peer: about 4,000 events. A peer that cannot take a burst of more connects again and gets the pending
    /// list. An answer of more than that is sent if nothing else waits.
    /// </summary>
    public const int MostWaiting = 1024 * 1024;

    // For the peer to take what is queued and to answer the close.
    private static readonly TimeSpan CloseLimit = TimeSpan.FromSeconds(5);

    private readonly Channel<Queued> _queue = Channel.CreateUnbounded<Queued>(); // by bytes it is bounded

    // For each session the newest update that waits.
    private readonly ConcurrentDictionary<Guid, Queued> _updates = new(concurrencyLevel: 1, capacity: 1);
    private readonly CancellationTokenSource _ending = clock.Limit(Timeout.InfiniteTimeSpan, aborted);

    // Nobody may acquire another lock while holding _closeGate: a socket that queues something may close any other.
    private readonly Lock _gate = new();
    private readonly Lock _closeGate = new();
    private List<Queued>? _held;
    private volatile CloseReason? _closing;
    private long _second;
    private int _frames;
    private long _waiting;
    private int _pendingLists;

    /// <summary>What limits count the client by.</summary>
    public IPAddress Client => client;

    /// <summary>The key that the socket has authenticated with, or null.</summary>
    public ShopKey? Key { get; set; }

    /// <summary>Whether the peer has sent its key and waits for the answer.</summary>
    public bool IsAuthenticating { get; set; }

    /// <summary>Bytes that wait for the peer.</summary>
    public long Waiting => Interlocked.Read(ref _waiting);

    /// <summary>Whether a pending list waits to be sent: another one would tell nothing more.</summary>
    public bool HasPendingList => Volatile.Read(ref _pendingLists) > 0;

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
            DropEvents();
            DropQueue();
        }
    }

    /// <summary>Counts a frame that comes in.</summary>
    public void CountFrame()
    {
        if (_frames == 0 || clock.GetElapsedTime(_second) >= TimeSpan.FromSeconds(1))
            (_second, _frames) = (clock.GetTimestamp(), 0);
        if (++_frames > MostFrames)
            Close(CloseReason.TooManyMessages);
    }

    /// <summary>Queues an answer.</summary>
    public void Send(Outgoing message)
    {
        telemetry.CountIfRefusal(message);
        Enqueue(Frame.Of(message));
    }

    /// <summary>
    /// Queues an event, or keeps it while events are held. If an update of the same session still waits, it is dropped: the newer one tells all
    /// of it, and behind what was queued in between.
    /// </summary>
    public void Deliver(Frame frame)
    {
        lock (_gate)
        {
            if (frame.Updates is { } changed && _updates.TryGetValue(changed, out var waiting))
                Drop(waiting);
            if (!TryReserve(frame))
                return;
            var queued = new Queued(frame);
            if (frame.Updates is { } session)
                _updates[session] = queued;
            if (_held is null)
                Write(queued);
            else
                _held.Add(queued);
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
            foreach (var queued in _held ?? [])
                Write(queued);
            _held = null;
        }
    }

    /// <summary>Forgets the events that were held: they were not for this socket.</summary>
    public void DropEvents()
    {
        lock (_gate)
        {
            foreach (var queued in _held ?? [])
                Drop(queued);
            _held = null;
        }
    }

    /// <summary>Closes the socket after what is queued; only the first reason counts.</summary>
    public void Close(CloseReason reason)
    {
        lock (_closeGate)
        {
            if (_closing is not null)
                return;
            _closing = reason;
            telemetry.CountClose(reason);
            _queue.Writer.TryComplete();
            _ending.CancelAfter(CloseLimit);
        }

        if (reason.DropsQueue)
            DropQueue();
    }

    public void Dispose()
    {
        lock (_closeGate)
            _closing ??= CloseReason.Fault;
        _ending.Dispose();
    }

    private void Enqueue(Frame frame)
    {
        if (TryReserve(frame))
            Write(new(frame));
    }

    /// <summary>Counts a frame among what waits, or closes the socket because too much does.</summary>
    private bool TryReserve(Frame frame)
    {
        var waiting = Interlocked.Add(ref _waiting, frame.Text.Length);
        sockets.Reserve(frame.Text.Length);
        if (waiting <= MostWaiting || waiting == frame.Text.Length)
            return true;
        Settle(frame);
        Close(CloseReason.TooSlow);
        return false;
    }

    /// <summary>Counts a frame no more: it is sent or dropped.</summary>
    private void Settle(Frame frame)
    {
        Interlocked.Add(ref _waiting, -frame.Text.Length);
        sockets.Settle(frame.Text.Length);
    }

    private void Write(Queued queued)
    {
        if (queued.IsPendingList)
            Interlocked.Increment(ref _pendingLists);
        if (!_queue.Writer.TryWrite(queued))
            Drop(queued); // It is closing.
    }

    private void DropQueue()
    {
        while (_queue.Reader.TryRead(out var queued))
            Drop(queued);
    }

    private void Drop(Queued queued)
    {
        if (Take(queued) is { } frame)
            Settle(frame);
    }

    /// <summary>Takes a frame out of its place; null if it was dropped meanwhile.</summary>
    private Frame? Take(Queued queued)
    {
        var frame = queued.Take();
        if (frame?.Updates is { } session)
            _updates.TryRemove(KeyValuePair.Create(session, queued));
        return frame;
    }

    private async Task SendAsync()
    {
        try
        {
            await foreach (var queued in _queue.Reader.ReadAllAsync(_ending.Token))
            {
                if (Take(queued) is { } frame)
                    await SendAsync(frame);
            }

            await socket.CloseOutputAsync((_closing ?? CloseReason.Fault).Status, _closing?.Description, _ending.Token);
        }
        catch (Exception gone) when (IsGone(gone))
        {
            socket.Abort();
        }
    }

    private async Task SendAsync(Frame frame)
    {
        try
        {
            if (frame.IsPendingList)
                Interlocked.Decrement(ref _pendingLists);
            if (_closing is { DropsQueue: true })
                return;
            using var delivery = Telemetry.StartDelivery(frame);
            await socket.SendAsync(frame.Text, WebSocketMessageType.Text, endOfMessage: true, _ending.Token);
            telemetry.RecordDelivery(frame);
        }
        finally
        {
            Settle(frame);
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
        var longest = Key is null ? LongestUnauthenticated : LongestMessage;
        var buffer = ArrayPool<byte>.Shared.Rent(longest);
        try
        {
            var (length, ended) = (0, begun.EndOfMessage);
            while (!ended && length < longest)
            {
                var part = await socket.ReceiveAsync(buffer.AsMemory(length, longest - length), _ending.Token);
                (length, ended) = (length + part.Count, part.EndOfMessage);
            }

            // What still comes after the close was asked for is read, so that the peer's own close can be seen, and ignored.
            if (_closing is not null)
                return;
            if (!ended)
                Close(longest == LongestMessage ? CloseReason.MessageTooLarge : CloseReason.MessageTooLargeUnauthenticated);
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

    private static bool IsGone(Exception exception) =>
        exception is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException;

    /// <summary>The place of a frame in the queue. One whose frame was dropped is empty, so that it holds no memory.</summary>
    private sealed class Queued(Frame frame)
    {
        private Frame? _frame = frame;

        public bool IsPendingList { get; } = frame.IsPendingList;

        public Frame? Take() => Interlocked.Exchange(ref _frame, null);
    }
}

/// <summary>Why the server closes a socket: the code and text of the close frame.</summary>
/// <param name="DropsQueue">Whether what is queued is not sent any more.</param>
internal sealed record CloseReason(WebSocketCloseStatus Status, string Description, bool DropsQueue = false)
{
    public static readonly CloseReason ByPeer = new(WebSocketCloseStatus.NormalClosure, "", DropsQueue: true);
    public static readonly CloseReason GoingAway = new(WebSocketCloseStatus.EndpointUnavailable, "Going away: connect again");
    public static readonly CloseReason MessageTooLarge = new(WebSocketCloseStatus.MessageTooBig, "Message over 64 KiB");
    public static readonly CloseReason MessageTooLargeUnauthenticated = new(WebSocketCloseStatus.MessageTooBig, "Message over 1 KiB before authentication");
    public static readonly CloseReason Fault = new(WebSocketCloseStatus.InternalServerError, "Something went wrong on our side");
    public static readonly CloseReason BadKey = new((WebSocketCloseStatus)4401, "Bad API key");
    public static readonly CloseReason TooManyWrongKeys = new((WebSocketCloseStatus)4429, "Too many wrong API keys from this address");
    public static readonly CloseReason NotInTime = new((WebSocketCloseStatus)4408, "Did not authenticate in time");
    public static readonly CloseReason TooSlow = new((WebSocketCloseStatus)4409, "Too slow: connect again", DropsQueue: true);
    public static readonly CloseReason TooManyMessages = new((WebSocketCloseStatus)4429, "Too many messages");
    public static readonly CloseReason TooManySockets = new((WebSocketCloseStatus)4429, "Too many sockets of this shop");
    public static readonly CloseReason TooManyOfAddress = new((WebSocketCloseStatus)4429, "Too many sockets of this address");
    public static readonly CloseReason TooManyInAll = new((WebSocketCloseStatus)4429, "Too many sockets: try again later");
}
