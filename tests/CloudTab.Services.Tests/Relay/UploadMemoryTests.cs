using System.Net;
using CloudTab.Relay;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace CloudTab.Services.Tests;

/// <summary>The memory budget alone. Only a test moves its clock, so a test decides which upload is slow.</summary>
public sealed class UploadMemoryTests : IDisposable
{
    private const int Part = ObjectUpload.PartSize;
    private const int Block = UploadMemory.BlockSize;

    private readonly FakeTimeProvider _clock = new();
    private readonly List<CancellationTokenSource> _reclaims = [];
    private int _clients;
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
    public async Task A_part_uses_only_the_blocks_it_has_begun()
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
    public async Task Written_bytes_can_be_read_from_any_position(int size)
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

    public static MatrixTheoryData<int, int> Budgets => new([Part, Part + Block, 2 * Part, 5 * Part, 24 * Part], [1, 3, 60]);

    [Theory]
    [MemberData(nameof(Budgets))]
    public async Task Any_number_of_uploads_of_any_number_of_addresses_finish_within_any_budget(int bytes, int addresses)
    {
        Given(bytes);
        const int seed = 42;
        var random = new Random(seed);
        var sizes = Enumerable.Range(0, 60).Select(_ => random.Next(3) == 0 ? random.Next(1, Part) : Part).ToArray();
        var maximum = 0L;

        await Task.WhenAll(sizes.Select((size, number) => Task.Run(async () =>
        {
            // Two parts in a row: the first is sent to S3 while the second fills.
            var client = Address(number % addresses);
            var first = Begin(size, client).Buffer;
            await FillAsync(first, size);
            first.Seal();
            var sending = Task.Run(first.Dispose, Token);
            using var second = Begin(size, client).Buffer;
            for (var left = size; left > 0; left -= Block)
            {
                await FillAsync(second, Math.Min(left, Block));
                InterlockedMax(ref maximum, Memory.InUse);
                await Task.Yield();
            }

            await sending;
        }, Token))).WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Token);

        Assert.InRange(maximum, Block, bytes);
        Assert.Equal(0, Memory.InUse);
        Assert.DoesNotContain(_reclaims, reclaim => reclaim.IsCancellationRequested);
    }

    [Fact]
    public async Task The_slowest_uploads_are_reclaimed_when_another_waits_but_no_more_than_needed()
    {
        Given(bytes: 4 * Part);
        var slow = new List<Upload>();
        for (var i = 0; i < 4; i++)
        {
            // Each has half a part, which took it 100, 200, 300, 400 seconds.
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

        // Half of the budget is used, the other half reserved: the third has to wait for the slowest two.
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
    public async Task A_waiting_upload_waits_for_parts_on_their_way_to_S3_before_any_is_reclaimed()
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
    public async Task An_upload_too_young_to_be_judged_slow_is_judged_again_later()
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

        // A reclaimed upload gets no more memory.
        await FillAsync(silent.Buffer, Block - 1_000);
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await silent.Buffer.GetMemoryAsync(Token));
        silent.Buffer.Dispose();
        await waiting.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        other.Buffer.Dispose();
    }

    [Fact]
    public async Task Slow_uploads_do_not_reclaim_from_each_other_and_queue_behind_fast_ones()
    {
        Given(bytes: 2 * Part);
        var first = await SlowAsync();
        var second = await SlowAsync();
        var large = await WholeAsync(Part - 3 * Block);
        var small = await WholeAsync(Block);
        await FillAsync(first.Buffer, Block); // the other half is reserved for it
        await FillAsync(second.Buffer, Block);
        var slowWaits = second.Buffer.GetMemoryAsync(Token).AsTask();
        Assert.False(slowWaits.IsCompleted);
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.False(first.Reclaim.IsCancellationRequested);

        await FillAsync(first.Buffer, Part - first.Buffer.Length); // from now on it waits for S3 only
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
    public async Task A_waiter_that_cancels_does_not_block_the_next_one()
    {
        Given(bytes: Part);
        var full = await WholeAsync();
        Assert.Equal(Part, Memory.InUse);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var first = Begin(Part);
        var second = Begin(Block);
        var firstWaits = first.Buffer.GetMemoryAsync(leaving.Token).AsTask();
        var secondWaits = second.Buffer.GetMemoryAsync(Token).AsTask();

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => firstWaits);
        Assert.False(secondWaits.IsCompleted);
        full.Buffer.Dispose();

        await secondWaits.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        second.Buffer.Dispose();
        Assert.Equal(0, Memory.InUse);
    }

    [Fact]
    public async Task An_address_holds_an_eighth_of_the_memory_and_others_do_not_wait_for_it()
    {
        Given(bytes: 24 * Part);
        var greedy = new List<Upload>();
        for (var i = 0; i < 3; i++)
        {
            greedy.Add(await WholeAsync(Part, Address(1)));
            Assert.Equal((i + 1) * Part, Memory.InUse);
        }

        var next = Begin(Part, Address(1));
        var waiting = next.Buffer.GetMemoryAsync(Token).AsTask();
        Assert.False(waiting.IsCompleted);
        var other = await WholeAsync(Part, Address(2)).WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);

        greedy[0].Buffer.Dispose();
        await waiting.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        foreach (var upload in (Upload[])[greedy[1], greedy[2], next, other])
            upload.Buffer.Dispose();
        Assert.Equal(0, Memory.InUse);
    }

    [Fact]
    public async Task Slow_connections_of_one_address_leave_all_memory_but_eight_blocks_to_others_and_take_turns()
    {
        Given(bytes: 8 * Part);
        var slow = Enumerable.Range(0, 300).Select(_ => Begin(Part, Address(1))).ToList();
        var asked = slow.ConvertAll(upload => upload.Buffer.GetMemoryAsync(Token).AsTask());
        Assert.Equal(8, asked.Count(wait => wait.IsCompleted));
        Assert.Equal(8 * Block, Memory.InUse);

        // A photo of somebody else never waits.
        for (var part = 0; part < 3; part++)
        {
            var photo = Begin(Part, Address(2));
            for (var block = 0; block < Part / Block; block++)
            {
                var memory = photo.Buffer.GetMemoryAsync(Token);
                Assert.True(memory.IsCompleted);
                await memory;
                photo.Buffer.Advance(Block);
            }

            photo.Buffer.Dispose();
        }

        // One that is complete makes room for the next, and so does one that is too slow, while others of its address wait.
        Assert.DoesNotContain(_reclaims, reclaim => reclaim.IsCancellationRequested);
        slow[0].Buffer.Advance(1);
        slow[0].Buffer.Seal();
        await asked[8].WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        _clock.Advance(TimeSpan.FromSeconds(6));
        var reclaimed = Assert.Single(slow, upload => upload.Reclaim.IsCancellationRequested);
        reclaimed.Buffer.Dispose();
        await asked[9].WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        Assert.False(asked[10].IsCompleted);
    }

    [Fact]
    public async Task Addresses_that_wait_are_served_in_turn()
    {
        Given(bytes: Part);
        var full = await WholeAsync();
        var crowd = Enumerable.Range(0, 6).Select(_ => Begin(Part, Address(1))).ToList();
        var crowdWaits = crowd.ConvertAll(upload => upload.Buffer.GetMemoryAsync(Token).AsTask());
        var late = Begin(Part, Address(2));
        var lateWaits = late.Buffer.GetMemoryAsync(Token).AsTask();

        full.Buffer.Dispose();
        await crowdWaits[0].WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        crowd[0].Buffer.Dispose();

        await lateWaits.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Token);
        Assert.False(crowdWaits[1].IsCompleted);
    }

    [Fact]
    public async Task Memory_that_no_upload_holds_for_twenty_seconds_is_given_back()
    {
        Given(bytes: 4 * Part);
        var first = await WholeAsync();
        first.Buffer.Dispose();
        Assert.Equal(Part, Memory.Spare);

        // One that comes in between puts it off.
        _clock.Advance(TimeSpan.FromSeconds(19));
        var second = await WholeAsync();
        _clock.Advance(TimeSpan.FromSeconds(19));
        second.Buffer.Dispose();
        _clock.Advance(TimeSpan.FromSeconds(19));
        Assert.Equal(Part, Memory.Spare);

        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, Memory.Spare);
        Assert.Equal(0, Memory.InUse);
    }

    private static void InterlockedMax(ref long maximum, long value)
    {
        for (var seen = Interlocked.Read(ref maximum); value > seen;)
            seen = Interlocked.CompareExchange(ref maximum, value, seen) == seen ? value : Interlocked.Read(ref maximum);
    }

    private void Given(int bytes) => _memory = new(
        Options.Create(new ObjectStoreOptions { UploadMemory = bytes, MinimumRate = 64 << 10 }), _services.GetRequiredService<RelayTelemetry>(), _clock);

    /// <param name="client">Its address; one of its own if that is null.</param>
    private Upload Begin(int size, IPAddress? client = null)
    {
        var reclaim = new CancellationTokenSource();
        lock (_reclaims)
            _reclaims.Add(reclaim);
        return new(Memory.Begin(client ?? Address(1_000_000 + Interlocked.Increment(ref _clients)), size, reclaim), reclaim);
    }

    private static IPAddress Address(int number) => new(number);

    /// <summary>An upload whose part is complete, and depends on S3 only.</summary>
    private async Task<Upload> WholeAsync(int size = Part, IPAddress? client = null)
    {
        var upload = Begin(size, client);
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
