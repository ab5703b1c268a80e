using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;

namespace CloudTab.UploadApi;

/// <summary>
/// One open stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). For a client that reads slowly
/// only the newest state waits, however many there were. If it does not read at all, Kestrel's minimum data rate ends it. One that has nothing to
/// tell holds no timer and no task but its request. The framework's own result for such streams can write neither comments nor anything before the
/// first event.
/// </summary>
/// <param name="known">What the client has been told before.</param>
/// <param name="stopping">Cancelled when the host stops: what then waits for its client is not sent.</param>
internal sealed class SessionStream(KnownState known, TimeProvider clock, CancellationToken stopping) : IThreadPoolWorkItem
{
    /// <summary>How often something is sent: proxies cut connections that are silent, and a client that is gone is noticed.</summary>
    public static readonly TimeSpan BeatInterval = TimeSpan.FromSeconds(15);

    private readonly TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private PipeWriter? _body;
    private KnownState _known = known;
    private SessionState? _next;
    private long _beat = clock.GetTimestamp();
    private bool _hasBegun;
    private bool _isOver;
    private int? _return;
    private bool _isBeatDue;
    private bool _isWriting = true; // The request itself writes first.

    /// <summary>Tells the client what it does not know yet. A place alone is for those that have been told of their session.</summary>
    public void Deliver(SessionState state)
    {
        lock (_gate)
        {
            if (state.Status is null && !_hasBegun)
                return;
            _hasBegun = true;
            _next = state.Status is null && _next is not null ? _next with { Queue = state.Queue } : state;
            BeginWriting();
        }
    }

    /// <summary>Ends the stream: nobody knows of its session any more, the client has left, or the host stops and it connects to another replica.</summary>
    /// <param name="after">When the client is to connect again, in milliseconds, if not as it was told in the beginning.</param>
    public void End(int? after = null)
    {
        lock (_gate)
        {
            (_isOver, _return) = (true, after ?? _return);
            BeginWriting();
        }
    }

    /// <summary>Sends something if it is time to.</summary>
    public void Beat()
    {
        lock (_gate)
        {
            if (clock.GetElapsedTime(_beat) < BeatInterval)
                return;
            (_beat, _isBeatDue) = (clock.GetTimestamp(), true);
            BeginWriting();
        }
    }

    /// <summary>Writes until all is told, or the client has left.</summary>
    public async Task RunAsync(HttpResponse response, CancellationToken aborted)
    {
        response.ContentType = "text/event-stream";
        // Not to be kept back by a proxy such as nginx until it has gathered enough.
        response.Headers["X-Accel-Buffering"] = "no";
        _body = response.BodyWriter;
        // If the line breaks, or the process, not all clients connect again at the same moment.
        WriteReturn(_body, Random.Shared.Next(1_000, 3_000));
        await using var leaving = aborted.UnsafeRegister(static stream => ((SessionStream)stream!).End(), this);
        await WriteAsync(_body);
        await _written.Task;
    }

    /// <summary>Writes what there is to tell; on a thread of the pool.</summary>
    void IThreadPoolWorkItem.Execute() => _ = WriteAsync(_body!);

    private void BeginWriting()
    {
        if (_isWriting)
            return;
        _isWriting = true;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private async Task WriteAsync(PipeWriter body)
    {
        try
        {
            bool isOver;
            do
            {
                isOver = WriteNext(body);
                await body.FlushAsync(stopping);
            }
            while (!isOver && IsMoreToWrite());
            if (isOver)
                _written.TrySetResult();
        }
        catch (OperationCanceledException)
        {
            _written.TrySetResult();
        }
        catch (Exception failure)
        {
            _written.TrySetException(failure);
        }
    }

    /// <summary>If there is nothing, what comes next begins to write again.</summary>
    private bool IsMoreToWrite()
    {
        lock (_gate)
            return _isWriting = _next is not null || _isBeatDue || _isOver;
    }

    /// <returns>Whether that was the last.</returns>
    private bool WriteNext(PipeWriter body)
    {
        SessionState? next;
        int? after;
        bool isBeatDue, isOver;
        lock (_gate)
        {
            (next, isBeatDue, isOver, after) = (_next, _isBeatDue, _isOver, _return);
            (_next, _isBeatDue) = (null, false);
        }

        if (isBeatDue)
            Write(body, ":\n\n");
        if (next is not null)
            Write(body, next);
        if (isOver && after is { } time)
            WriteReturn(body, time);
        return isOver || next is { IsGone: true };
    }

    private void Write(PipeWriter body, SessionState state)
    {
        if (state.Status is { } status && state.Fingerprint != _known.Fingerprint)
            Write(body, "status", _known = _known with { Fingerprint = state.Fingerprint }, status);
        if (state.Queue is { } place && place != _known.Queue)
            Write(body, "queue", _known = _known with { Queue = place }, JsonSerializer.SerializeToUtf8Bytes(place, JsonContext.Default.QueuePlace));
        if (state.IsGone)
            Write(body, "deleted", _known = _known with { IsDeleted = true }, JsonSerializer.SerializeToUtf8Bytes(new DeletedSession(state.Receipt), JsonContext.Default.DeletedSession));
    }

    private static void Write(PipeWriter body, string type, KnownState id, byte[] json)
    {
        Write(body, $"event: {type}\nid: {id}\ndata: ");
        body.Write(json);
        Write(body, "\n\n");
    }

    private static void WriteReturn(PipeWriter body, int after) => Write(body, string.Create(CultureInfo.InvariantCulture, $"retry: {after}\n\n"));

    private static void Write(PipeWriter body, string text) => Encoding.UTF8.GetBytes(text, body);
}

/// <summary>The data of the last event: all files of the session are gone.</summary>
/// <param name="Receipt">Address of the receipt for the deletion; null if the session never held a file, or ended before there were receipts.</param>
internal sealed record DeletedSession(string? Receipt);
