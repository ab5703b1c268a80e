using CloudTab.ServiceDefaults;

namespace CloudTab.Services.Tests;

public sealed class IdleMemoryTests
{
    private readonly IdleMemory _memory = new(TimeProvider.System);
    private readonly long _start = GC.GetTotalAllocatedBytes();

    [Fact]
    public void Memory_is_given_back_once_when_a_burst_is_over()
    {
        Assert.False(Look(1));
        Assert.False(Look(300)); // in it
        Assert.True(Look(301));
        Assert.False(Look(302));
        Assert.False(Look(600));
        Assert.True(Look(600));
    }

    [Fact]
    public void A_process_that_works_or_has_done_little_is_not_paused()
    {
        Assert.DoesNotContain(true, Enumerable.Range(0, 100).Select(look => Look(look * 10)).ToArray());

        var little = new IdleMemory(TimeProvider.System);
        Assert.DoesNotContain(true, Enumerable.Range(0, 100).Select(look => little.Look(_start + (look << 20))).ToArray());
    }

    [Fact]
    public void Little_adds_up()
    {
        Assert.Contains(true, Enumerable.Range(0, 200).Select(Look).ToArray());
    }

    /// <param name="mebibytes">Allocated since the test began.</param>
    private bool Look(int mebibytes) => _memory.Look(_start + ((long)mebibytes << 20));
}
