using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using CloudTab.ServiceDefaults;

namespace CloudTab.Gateway;

/// <summary>A request's body on its way to a service. Its reading fails once the service has answered: then nobody takes the rest.</summary>
/// <param name="length">How many bytes it has, if the client announced it.</param>
internal sealed class SentBody(PipeReader body, long? length) : AsyncStream
{
    private static readonly AsyncLocal<SentBody?> Flow = new();

    private readonly Lock _lock = new();
    private State _state;
    private bool _hasAnswer;
    private long _read;

    private enum State
    {
        NotBegun,
        Sending,
        Sent,
        AnsweredEarly,
    }

    /// <summary>The body of the request that is being forwarded; null if it has none.</summary>
    public static SentBody? Current
    {
        get => Flow.Value;
        set => Flow.Value = value;
    }

    /// <summary>Whether the answer came before the service had all of the body, and HttpClient will not read it.</summary>
    public bool IsAnsweredEarly => _state == State.AnsweredEarly;

    /// <summary>Whether there is more to read of the body.</summary>
    public bool IsUnsent => _state is State.NotBegun or State.Sending;

    /// <summary>The connection that the request is sent over.</summary>
    public ServiceConnection? Connection { get; set; }

    /// <summary>The service has answered: ends the reading, unless all of the body has been read.</summary>
    public void Answered()
    {
        lock (_lock)
        {
            _hasAnswer = true;
            // A body that nobody has begun to read may never be: HttpClient waits for 100 Continue.
            if (_state != State.Sending)
                return;
            _state = State.AnsweredEarly;
        }

        body.CancelPendingRead();
    }

    /// <summary>The service takes no more.</summary>
    public void Refused()
    {
        lock (_lock)
            _state = _hasAnswer ? State.AnsweredEarly : _state;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Begin();
        while (true)
        {
            if (IsAnsweredEarly)
                throw new IOException("The service has answered before it had all of the body.");
            var read = await body.ReadAsync(cancellationToken);
            if (read.IsCanceled)
            {
                body.AdvanceTo(read.Buffer.Start);
                continue;
            }

            var taken = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, buffer.Length));
            var count = (int)taken.Length;
            taken.CopyTo(buffer.Span);
            _read += count;
            // The answer may come before the reader has asked for what follows the last byte.
            if (_read == length || (read.IsCompleted && count == read.Buffer.Length))
                End();
            body.AdvanceTo(taken.End);
            return count;
        }
    }

    private void Begin()
    {
        lock (_lock)
        {
            if (_state == State.NotBegun)
                _state = _hasAnswer ? State.AnsweredEarly : State.Sending;
        }
    }

    private void End()
    {
        lock (_lock)
        {
            if (_state == State.Sending)
                _state = State.Sent;
        }
    }
}
