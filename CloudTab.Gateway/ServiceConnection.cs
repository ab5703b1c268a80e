using System.Buffers;
using System.Runtime.CompilerServices;
using CloudTab.ServiceDefaults;

namespace CloudTab.Gateway;

/// <summary>
/// A connection to a service, on which an answer is noticed while the request's body is still being sent. HttpClient would first send all
/// of the body (https://github.com/dotnet/yarp/issues/2731). While a body is on its way, there is always a read: that of HttpClient, which
/// reads from an idle connection to learn of its end, or one of our own. What comes is kept, so that the answer can be read from its
/// beginning by another client.
/// </summary>
internal sealed class ServiceConnection(Stream inner) : AsyncStream
{
    private const int ReadSize = 4 << 10;
    private const int StatusLength = 12; // HTTP/1.1 200
    private const int MostKept = 64 << 10;

    // A write fails as soon as the service has closed the connection; the answer that came before may not have been noticed yet.
    private static readonly TimeSpan TimeToNotice = TimeSpan.FromMilliseconds(100);

    private readonly ArrayBufferWriter<byte> _came = new();
    private SentBody? _body;
    private TaskCompletionSource? _looked;
    private Task? _ahead;
    private int _taken;
    private bool _isReading;
    private bool _isReplayed;

    public override bool CanWrite => true;

    /// <summary>Lets another client read the answer from its beginning. What that writes goes nowhere; it closes the connection.</summary>
    public Stream Replay()
    {
        _isReplayed = true;
        _taken = 0;
        return this;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isReplayed)
            return ValueTask.CompletedTask;
        if (SentBody.Current is not { } body)
            return inner.WriteAsync(buffer, cancellationToken);
        if (body != _body)
            Begin(body);
        var writing = inner.WriteAsync(buffer, cancellationToken);
        return writing.IsCompletedSuccessfully ? writing : WriteAsync(writing);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _isReplayed ? ReplayAsync(buffer, cancellationToken)
        : _ahead is { } ahead ? TakeAsync(ahead, buffer, cancellationToken)
        : ReceiveAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => inner.Flush();

    /// <summary>Closes the connection, unless HttpClient gives it up although there is an answer to read.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing && (_isReplayed || _body?.IsAnsweredEarly != true))
            inner.Dispose();
        base.Dispose(disposing);
    }

    private void Begin(SentBody body)
    {
        body.Connection = this;
        _body = body;
        _came.ResetWrittenCount();
        _taken = 0;
        _looked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_isReading)
            _ahead = ReadAheadAsync();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteAsync(ValueTask writing)
    {
        try
        {
            await writing;
        }
        catch (IOException)
        {
            await Task.WhenAny(_looked!.Task, Task.Delay(TimeToNotice, TimeProvider.System));
            _body!.Refused();
            throw;
        }
    }

    private async Task ReadAheadAsync()
    {
        try
        {
            int count;
            do
            {
                count = await inner.ReadAsync(_came.GetMemory(ReadSize));
                _came.Advance(count);
            }
            while (count > 0 && _came.WrittenCount < StatusLength);
            Look();
        }
        finally
        {
            _looked!.TrySetResult();
        }
    }

    private async ValueTask<int> TakeAsync(Task ahead, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        await ahead.WaitAsync(cancellationToken);
        ThrowIfAnsweredEarly();
        var count = TakeKept(buffer.Span);
        if (_taken == _came.WrittenCount)
            _ahead = null;
        return count;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        ThrowIfAnsweredEarly();
        _isReading = true;
        try
        {
            var count = await inner.ReadAsync(buffer, cancellationToken);
            if (_body is { IsUnsent: true } && _came.WrittenCount < MostKept)
            {
                _came.Write(buffer.Span[..count]);
                Look();
            }

            return count;
        }
        finally
        {
            _isReading = false;
            _looked?.TrySetResult();
        }
    }

    private async ValueTask<int> ReplayAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        _taken < _came.WrittenCount ? TakeKept(buffer.Span) : await inner.ReadAsync(buffer, cancellationToken);

    private int TakeKept(Span<byte> buffer)
    {
        var kept = _came.WrittenSpan[_taken..];
        var count = Math.Min(kept.Length, buffer.Length);
        kept[..count].CopyTo(buffer);
        _taken += count;
        return count;
    }

    // An interim response is none: HttpClient has asked for it (Expect: 100-continue), and reads on by itself.
    private void Look()
    {
        if (IsFinal(_came.WrittenSpan))
            _body!.Answered();
    }

    private static bool IsFinal(ReadOnlySpan<byte> answer)
    {
        while (answer.Length >= StatusLength && answer.StartsWith("HTTP/1."u8) && answer[9] == '1' && answer.IndexOf("\r\n\r\n"u8) is >= 0 and var end)
            answer = answer[(end + 4)..];
        return answer.Length >= StatusLength && answer.StartsWith("HTTP/1."u8) && answer[9] != '1';
    }

    // HttpClient is told that the connection has failed: another client reads the answer.
    private void ThrowIfAnsweredEarly()
    {
        if (_body?.IsAnsweredEarly == true)
            throw new IOException("The service has answered before it had all of the body.");
    }
}
