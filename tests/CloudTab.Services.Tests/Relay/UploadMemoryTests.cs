using CloudTab.Relay;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace CloudTab.Services.Tests;

/// <summary>The budget alone. Its clock stands still but where a test moves it, so who is slow is for the test to say.</summary>
public sealed class UploadMemoryTests : IDisposable
{
    private const int Part = ObjectUpload.PartSize;
    private const int Block = UploadMemory.BlockSize;

    private readonly FakeTimeProvider _clock = new();
    private readonly List<CancellationTokenSource> _reclaims = [];
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().AddSingleton<RelayTelemetry>().BuildServiceProvider();
    private UploadMemory? _memory;

    private UploadMemory Memory => _memory!;

    public void Dispose()
    {
        _memory?.Dispose();
        _services.Dispose();
        _reclaims.ForEach(reclaim => reclaim.Dispose());
    }

    [Fact]
    public async Task A_part_takes_no_more_blocks_than_it_has_begun()
    {
        Given(bytes: 4 * Part);
        using var part = Begin(Part).Buffer;
        Assert.Equal(0, Memory.InUse);

        await FillAsync(part, 1);
        Assert.Equal(Block, Memory.InUse);
        await FillAsync(part, Block - 1);
        Assert.Equal(Block, Memory.InUse);
        await FillAsync(part, 1);
        Assert.Equal(2 * Block, Memory.InUse);

        part.Dispose();
        Assert.Equal(0, Memory.InUse);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Block - 1)]
    [InlineData(Block)]
    [InlineData(Block + 1)]
    [InlineData(Part)]
    public async Task What_was_written_is_read_again_from_any_place(int size)
    {
        Given(bytes: 2 * Part);
        using var part = Begin(Part).Buffer;
        await FillAsync(part, size, at => (byte)(at * 7));
        var expected = Enumerable.Range(0, size).Select(at => (byte)(at * 7)).ToArray();

        await using var content = part.Content(0, size, isSigned: false)();
        for (var from = 0; from <= size; from += Math.Max(1, size / 3))
        {
            content.Position = from;
            using var read = new MemoryStream();
            await content.CopyToAsync(read, Token);
            Assert.True(read.ToArray().AsSpan().SequenceEqual(expected.AsSpan(from)));
        }
    }

    [Theory]
    [InlineData(Part)]
    [InlineData(Part + Block)]
    [InlineData(2 * Part)]
    [InlineData(5 * Part)]
    public async Task Any_number_of_uploads_come_to_their_end_in_any_budget(int bytes)
    {
        Given(bytes);
        const int seed = 42;
        var random = new Random(seed);
        var sizes = Enumerable.Range(0, 60).Select(_ => random.Next(3) == 0 ? random.Next(1, Part) : Part).ToArray();
        var most = 0L;

        await Task.WhenAll(sizes.Select(size => Task.Run(async () =>
        {
            // Two parts after each other, the first on its way to S3 while the second fills.
            var first = Begin(size).Buffer;
            await FillAsync(first, size);
            var sending = Task.Run(first.Dispose, Token);
            using var second = Begin(size).Buffer;
            for (var left = size; left > 0; left -= Block)
            {
                await FillAsync(second, Math.Min(left, Block));
                InterlockedMax(ref most, Memory.InUse);
                await Task.Yield();
            }

            await sending;
        }, Token))).WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Token);

        Assert.InRange(most, Block, bytes);
        Assert.Equal(0, Memory.InUse);
        Assert.DoesNotContain(_reclaims, reclaim => reclaim.IsCancellationRequested);
    }

    [Fact]
    public async Task Where_somebody_waits_the_slowest_give_back_and_no_more_of_them_than_needed()
    {
        Given(bytes: 4 * Part);
        var slow = new List<Upload>();
        for (var i = 0; i < 4; i++)
        {
            // Each holds half a part, which it took 100, 200, 300, 400 seconds to bring.
            var upload = Begin(Part);
            slow.Add(upload);
            for (var half = 0; half < Part / 2; half += Block)
            {
                await upload.Buffer.GetMemoryAsync(Token);
                _clock.Advance(TimeSpan.FromSeconds((i + 1) * 100.0 / 64));
                upload.Buffer.Advance(Block);
            }
        }

        var first = Begin(Part);
        var second = Begin(Part);
        await FillAsync(first.Buffer, Part - 1);
        await FillAsync(second.Buffer, Part - 1);
        Assert.All(slow, upload => Assert.False(upload.Reclaim.IsCancellationRequested));

        // Half of the budget is given, the other is promised: the third has to wait for the slowest two.
        var third = Begin(Part);
        var waiting = third.Buffer.GetMemoryAsync(Token).AsTask();
        Assert.False(waiting.IsCompleted);
        Assert.Equal([false, false, true, true], slow.Select(upload => upload.Reclaim.IsCancellationRequested));

        slow[3].Buffer.Dispose();
        slow[2].Buffer.Dispose();
        await waiting.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        foreach (var upload in (Upload[])[first, second, third, slow[0], slow[1]])
            upload.Buffer.Dispose();
        Assert.Equal(0, Memory.InUse);
    }

    [Fact]
    public async Task What_S3_is_about_to_give_back_is_waited_for()
    {
        Given(bytes: 2 * Part);
        var slow = await SlowAsync();
        var large = await WholeAsync();
        var small = await WholeAsync(Part - Block);
        var prompt = Begin(Part);
        var waiting = prompt.Buffer.GetMemoryAsync(Token).AsTask();
        Assert.False(waiting.IsCompleted);
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.False(slow.Reclaim.IsCancellationRequested);

        large.Buffer.Dispose();
        await waiting.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        foreach (var upload in (Upload[])[slow, small, prompt])
            upload.Buffer.Dispose();
    }

    [Fact]
    public async Task Who_is_too_young_to_be_called_slow_is_looked_at_again()
    {
        Given(bytes: Part);
        var silent = Begin(Part);
        await FillAsync(silent.Buffer, 1_000);
        await silent.Buffer.GetMemoryAsync(Token);
        var other = Begin(Part);
        var waiting = other.Buffer.GetMemoryAsync(Token).AsTask();

        _clock.Advance(TimeSpan.FromSeconds(4));
        Assert.False(silent.Reclaim.IsCancellationRequested);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(silent.Reclaim.IsCancellationRequested);

        // Whoever was told to give back gets nothing more.
        await FillAsync(silent.Buffer, Block - 1_000);
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await silent.Buffer.GetMemoryAsync(Token));
        silent.Buffer.Dispose();
        await waiting.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        other.Buffer.Dispose();
    }

    [Fact]
    public async Task Slow_uploads_among_themselves_only_wait_and_stand_behind_the_others()
    {
        Given(bytes: 2 * Part);
        var first = await SlowAsync();
        var second = await SlowAsync();
        var large = await WholeAsync(Part - 3 * Block);
        var small = await WholeAsync(Block);
        await FillAsync(first.Buffer, Block); // the other half is promised to it
        await FillAsync(second.Buffer, Block);
        var slowWaits = second.Buffer.GetMemoryAsync(Token).AsTask();
        Assert.False(slowWaits.IsCompleted);
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.False(first.Reclaim.IsCancellationRequested);

        await FillAsync(first.Buffer, Part - first.Buffer.Length); // from now on it depends on S3
        var prompt = Begin(Part);
        var promptWaits = prompt.Buffer.GetMemoryAsync(Token).AsTask();
        small.Buffer.Dispose();

        await promptWaits.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        Assert.False(slowWaits.IsCompleted);
        first.Buffer.Dispose();
        await slowWaits.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        Assert.DoesNotContain(_reclaims, reclaim => reclaim.IsCancellationRequested);
        foreach (var upload in (Upload[])[second, large, prompt])
            upload.Buffer.Dispose();
        Assert.Equal(0, Memory.InUse);
    }

    [Fact]
    public async Task Who_leaves_the_line_lets_the_next_one_pass()
    {
        Given(bytes: Part);
        var holder = await WholeAsync();
        Assert.Equal(Part, Memory.InUse);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var first = Begin(Part);
        var second = Begin(Block);
        var firstWaits = first.Buffer.GetMemoryAsync(leaving.Token).AsTask();
        var secondWaits = second.Buffer.GetMemoryAsync(Token).AsTask();

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => firstWaits);
        Assert.False(secondWaits.IsCompleted);
        holder.Buffer.Dispose();

        await secondWaits.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        second.Buffer.Dispose();
        Assert.Equal(0, Memory.InUse);
    }

    private static void InterlockedMax(ref long most, long value)
    {
        for (var seen = Interlocked.Read(ref most); value > seen;)
            seen = Interlocked.CompareExchange(ref most, value, seen) == seen ? value : Interlocked.Read(ref most);
    }

    private void Given(int bytes) => _memory = new(
        Options.Create(new ObjectStoreOptions { UploadMemory = bytes, MinimumRate = 64 << 10 }), _services.GetRequiredService<RelayTelemetry>(), _clock);

    private Upload Begin(int size)
    {
        var reclaim = new CancellationTokenSource();
        lock (_reclaims)
            _reclaims.Add(reclaim);
        return new(Memory.Begin(size, reclaim), reclaim);
    }

    /// <summary>An upload whose part is complete, and depends on S3 only.</summary>
    private async Task<Upload> WholeAsync(int size = Part)
    {
        var upload = Begin(size);
        await FillAsync(upload.Buffer, size);
        return upload;
    }

    /// <summary>An upload that took a minute for its first block.</summary>
    private async Task<Upload> SlowAsync()
    {
        var upload = Begin(Part);
        await upload.Buffer.GetMemoryAsync(Token);
        _clock.Advance(TimeSpan.FromMinutes(1));
        upload.Buffer.Advance(Block);
        return upload;
    }

    private static async Task FillAsync(UploadBuffer part, int count, Func<int, byte>? content = null)
    {
        for (var at = 0; at < count;)
        {
            var memory = await part.GetMemoryAsync(Token);
            var length = Math.Min(memory.Length, count - at);
            for (var i = 0; content is not null && i < length; i++)
                memory.Span[i] = content(at + i);
            part.Advance(length);
            at += length;
        }
    }

    private sealed record Upload(UploadBuffer Buffer, CancellationTokenSource Reclaim);
}
