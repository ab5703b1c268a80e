using System.Buffers;
using System.Net;
using System.Net.WebSockets;
using CloudTab.Relay;
using Microsoft.AspNetCore.Http.Features;

namespace CloudTab.Notifier;

/// <summary>
/// One socket. Nothing waits for an idle one but its receive: it has no buffer, no queue, no timer and no task that sends. What is queued is sent
/// by one that ends when nothing is left. Putting something into the queue never waits for the peer.
/// </summary>
internal sealed class ShopSocket(
    WebSocket socket, IHttpRequestLifetimeFeature connection, IPAddress client, OpenSockets sockets, Commands commands, Telemetry telemetry, TimeProvider clock)
    : IThreadPoolWorkItem
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

    // For the peer of a key that is not right, or not any more, to take what is under way. With the time until a revocation is seen it is less than a second.
    private static readonly TimeSpan BadKeyLimit = TimeSpan.FromMilliseconds(300);

    // Guards what follows. Nobody may acquire another lock while holding it: a socket that reserves memory may close any other.
    private readonly Lock _gate = new();
    private Queue<Queued>? _queue; // by bytes it is bounded
    private Dictionary<Guid, Queued>? _updates; // for each session the newest update that waits
    private List<Queued>? _held;
    private int _pendingLists;
    private Frame? _underWay;
    private bool _isSending;
    private volatile CloseReason? _closing;
    private TaskCompletionSource? _sentAll;

    private ShopKey? _key;
    private bool _isAuthenticating;
    private long _since = clock.GetTimestamp(); // when it began to close, or to be unauthenticated
    private long _second;
    private int _frames;
    private long _waiting;

    /// <summary>What limits count the client by.</summary>
    public IPAddress Client => client;

    /// <summary>The key that the socket has authenticated with, or null.</summary>
    public ShopKey? Key
    {
        get => _key;
        set => (_since, _key) = (clock.GetTimestamp(), value);
    }

    /// <summary>Whether the peer has sent its key and waits for the answer.</summary>
    public bool IsAuthenticating
    {
        get => _isAuthenticating;
        set => (_since, _isAuthenticating) = (clock.GetTimestamp(), value);
    }

    /// <summary>Bytes that wait for the peer; 0 once they were dropped, though a frame may still be under way.</summary>
    public long Waiting => Interlocked.Read(ref _waiting);

    /// <summary>Whether a pending list waits to be sent: another one would tell nothing more.</summary>
    public bool HasPendingList => Volatile.Read(ref _pendingLists) > 0;

    /// <summary>Reads messages to the end of the socket.</summary>
    public async Task RunAsync()
    {
        try
        {
            while (true)
            {
                // A receive into nothing returns when something has come: only then a buffer is taken.
                var begun = await socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None);
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
        finally
        {
            Close(CloseReason.Fault);
            await SentAll.Task;
            DropEvents();
            lock (_gate)
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
        if (TryReserve(message) is not { } queued)
            return;
        lock (_gate)
            Write(queued);
    }

    /// <summary>
    /// Queues an event, or keeps it while events are held. If an update of the same session still waits, it is dropped: the newer one tells all
    /// of it, and behind what was queued in between. Not for concurrent use.
    /// </summary>
    public void Deliver(Frame frame)
    {
        lock (_gate)
        {
            if (frame.Updates is { } changed && _updates?.GetValueOrDefault(changed) is { } waiting)
                Drop(waiting);
        }

        if (TryReserve(frame) is not { } queued)
            return;
        lock (_gate)
        {
            if (frame.Updates is { } session)
                (_updates ??= [])[session] = queued;
            if (_held is null || _closing is not null)
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
        var queue = new List<Queued>();
        foreach (var message in first)
        {
            if (TryReserve(message) is { } queued)
                queue.Add(queued);
        }

        lock (_gate)
        {
            foreach (var queued in queue.Concat(_held ?? []))
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

    /// <summary>Closes the socket after what is queued, or instead of it; only the first reason is told.</summary>
    /// <param name="last">What the peer is told before, whatever else is dropped.</param>
    public void Close(CloseReason reason, Outgoing? last = null)
    {
        lock (_gate)
            DropQueueFor(reason);
        var farewell = last is null ? null : TryReserve(last);
        // Also if it closes for another reason already.
        if (reason == CloseReason.BadKey)
            _ = AbortIfStuckAsync();
        lock (_gate)
        {
            DropQueueFor(reason); // what has come since
            if (farewell is not null)
                Write(farewell);
            if (_closing is not null)
                return;
            (_since, _closing) = (clock.GetTimestamp(), reason);
            BeginSending();
        }

        telemetry.CountClose(reason);
    }

    /// <summary>Whether it has had its time to authenticate in, or for its peer to take what is queued and to answer the close.</summary>
    public bool IsOverdue(TimeSpan toAuthenticate) => _closing is not null
        ? clock.GetElapsedTime(_since) >= CloseLimit
        : Key is null && !IsAuthenticating && clock.GetElapsedTime(_since) >= toAuthenticate;

    /// <summary>Ends one that is overdue.</summary>
    public void End()
    {
        if (_closing is null)
            Close(CloseReason.NotInTime);
        else
            connection.Abort();
    }

    /// <summary>Sends what is queued; on a thread of the pool.</summary>
    void IThreadPoolWorkItem.Execute() => _ = SendAsync();

    private Queued? TryReserve(Outgoing message)
    {
        telemetry.CountIfRefusal(message);
        return TryReserve(Frame.Of(message));
    }

    /// <summary>Counts a frame among what waits, or closes the socket because too much does.</summary>
    private Queued? TryReserve(Frame frame)
    {
        var waiting = Interlocked.Add(ref _waiting, frame.Text.Length);
        sockets.Reserve(frame.Text.Length);
        if (waiting <= MostWaiting || waiting == frame.Text.Length)
            return new(frame);
        Settle(frame);
        Close(CloseReason.TooSlow);
        return null;
    }

    /// <summary>Counts a frame no more: it is sent or dropped.</summary>
    private void Settle(Frame frame)
    {
        Interlocked.Add(ref _waiting, -frame.Text.Length);
        sockets.Settle(frame.Text.Length);
    }

    private void Write(Queued queued)
    {
        if (_closing is not null)
        {
            Drop(queued);
            return;
        }

        if (queued.IsPendingList)
            _pendingLists++;
        (_queue ??= new()).Enqueue(queued);
        BeginSending();
    }

    private void BeginSending()
    {
        if (_isSending)
            return;
        _isSending = true;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Drops what waits, unless that is the last word of a close that has dropped the rest.</summary>
    private void DropQueueFor(CloseReason reason)
    {
        if (reason.DropsQueue && _closing is not { DropsQueue: true })
            DropQueue();
    }

    /// <summary>Drops all that waits. A frame that is under way cannot be dropped; it counts no more, or its socket would go on being the slowest.</summary>
    private void DropQueue()
    {
        while (_queue?.TryDequeue(out var queued) == true)
            Drop(queued);
        foreach (var queued in _held ?? [])
            Drop(queued);
        _held?.Clear();
        SettleUnderWay();
    }

    private void SettleUnderWay()
    {
        if (_underWay is { } frame)
            Settle(frame);
        _underWay = null;
    }

    private void Drop(Queued queued)
    {
        if (Take(queued) is { } frame)
            Settle(frame);
    }

    /// <summary>Takes a frame out of its place; null if it was dropped meanwhile.</summary>
    private Frame? Take(Queued queued)
    {
        var frame = queued.Frame;
        queued.Frame = null;
        if (frame?.Updates is { } session && _updates?.GetValueOrDefault(session) == queued)
            _updates.Remove(session);
        return frame;
    }

    /// <summary>Takes what is to be sent next: a frame, or none if that is the close. If nothing is, the next thing that comes starts the sending again.</summary>
    private bool TryTake(out Frame? frame)
    {
        lock (_gate)
        {
            while (_queue?.TryDequeue(out var queued) == true)
            {
                if (queued.IsPendingList)
                    _pendingLists--;
                frame = _underWay = Take(queued);
                if (frame is not null)
                    return true;
            }

            (frame, _queue) = (null, null);
            if (_updates is { Count: 0 })
                _updates = null;
            return _isSending = _closing is not null;
        }
    }

    private async Task SendAsync()
    {
        try
        {
            while (TryTake(out var frame))
            {
                if (frame is null)
                {
                    await socket.CloseOutputAsync(_closing!.Status, _closing.Description, CancellationToken.None);
                    SentAll.SetResult();
                    return;
                }

                await SendAsync(frame);
            }
        }
        catch (Exception gone)
        {
            connection.Abort();
            if (IsGone(gone))
                SentAll.SetResult();
            else
                SentAll.SetException(gone);
        }
    }

    private TaskCompletionSource SentAll
    {
        get
        {
            lock (_gate)
                return _sentAll ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private async Task SendAsync(Frame frame)
    {
        try
        {
            using var delivery = Telemetry.StartDelivery(frame);
            await socket.SendAsync(frame.Text, WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
            telemetry.RecordDelivery(frame);
        }
        finally
        {
            lock (_gate)
                SettleUnderWay();
        }
    }

    private async Task AbortIfStuckAsync()
    {
        await Task.WhenAny(SentAll.Task, Task.Delay(BadKeyLimit, clock));
        if (!SentAll.Task.IsCompleted)
            connection.Abort();
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
                var part = await socket.ReceiveAsync(buffer.AsMemory(length, longest - length), CancellationToken.None);
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
                await commands.HandleAsync(this, buffer.AsMemory(0, length), connection.RequestAborted);
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
        public Frame? Frame { get; set; } = frame;

        public bool IsPendingList { get; } = frame.IsPendingList;
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
    public static readonly CloseReason BadKey = new((WebSocketCloseStatus)4401, "Bad API key", DropsQueue: true);
    public static readonly CloseReason TooManyWrongKeys = new((WebSocketCloseStatus)4429, "Too many wrong API keys from this address");
    public static readonly CloseReason NotInTime = new((WebSocketCloseStatus)4408, "Did not authenticate in time");
    public static readonly CloseReason TooSlow = new((WebSocketCloseStatus)4409, "Too slow: connect again", DropsQueue: true);
    public static readonly CloseReason TooManyMessages = new((WebSocketCloseStatus)4429, "Too many messages");
    public static readonly CloseReason TooManySockets = new((WebSocketCloseStatus)4429, "Too many sockets of this shop");
    public static readonly CloseReason TooManyOfAddress = new((WebSocketCloseStatus)4429, "Too many sockets of this address");
    public static readonly CloseReason TooManyInAll = new((WebSocketCloseStatus)4429, "Too many sockets: try again later");
}
