using System.IO.Pipelines;
using CloudTab.UploadApi;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace CloudTab.Services.Tests;

/// <summary>How long a read of a body waits.</summary>
public sealed class MeteredBodyTests
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    private readonly LateClock _clock = new();
    private readonly Pipe _client = new(new PipeOptions(readerScheduler: PipeScheduler.Inline, useSynchronizationContext: false));
    private readonly byte[] _buffer = new byte[100];

    [Fact]
    public async Task A_timer_that_fires_late_does_not_end_the_next_read()
    {
        using var body = Body();
        var first = body.ReadAsync(_buffer, Token);
        _clock.Advance(Silence);
        await _client.Writer.WriteAsync(new byte[10], Token);
        Assert.Equal(10, await first);

        var second = body.ReadAsync(_buffer, Token);
        _clock.Fire(); // because of the first read
        Assert.False(second.IsCompleted);
        await _client.Writer.WriteAsync(new byte[20], Token);
        Assert.Equal(20, await second);
    }

    [Fact]
    public async Task A_timer_that_fires_early_does_not_make_a_read_endless()
    {
        using var body = Body();
        var read = body.ReadAsync(_buffer, Token).AsTask();
        _clock.Advance(Silence - TimeSpan.FromMilliseconds(1));
        _clock.Fire();
        Assert.Equal(TimeSpan.FromMilliseconds(1), _clock.Due);

        _clock.Advance(TimeSpan.FromMilliseconds(1));
        _clock.Fire();

        var silent = await Assert.ThrowsAsync<BadHttpRequestException>(() => read);
        Assert.Equal(StatusCodes.Status408RequestTimeout, silent.StatusCode);
    }

    [Fact]
    public async Task A_body_that_takes_longer_than_a_file_lives_is_read_no_further()
    {
        using var body = Body();
        _clock.Advance(Longest);
        await _client.Writer.WriteAsync(new byte[10], Token);
        Assert.Equal(10, await body.ReadAsync(_buffer, Token));

        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await _client.Writer.WriteAsync(new byte[10], Token);

        var late = await Assert.ThrowsAsync<BadHttpRequestException>(async () => Assert.Fail($"{await body.ReadAsync(_buffer, Token)} bytes"));
        Assert.Equal(StatusCodes.Status408RequestTimeout, late.StatusCode);
    }

    private MeteredBody Body() => new(_client.Reader, _clock, Silence, Longest, (_, _) => { });

    /// <summary>A clock whose timer fires when the test says so.</summary>
    private sealed class LateClock : FakeTimeProvider
    {
        private Action? _fire;

        /// <summary>In what time the timer is to fire.</summary>
        public TimeSpan Due { get; private set; }

        public void Fire() => _fire!();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _fire = () => callback(state);
            return new Timer(this);
        }

        private sealed class Timer(LateClock clock) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                clock.Due = dueTime;
                return true;
            }

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
