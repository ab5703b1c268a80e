using System.Runtime.InteropServices;

namespace CloudTab.PrintAgent;

/// <summary>
/// Gives memory back to the system when no job is left. By themselves the collector and the C library keep what the busiest minute of the day took, and
/// the agent is idle most of the day, beside the shop's own programs.
/// </summary>
internal sealed class IdleMemory(ShopPrinters printers, TimeProvider clock) : BackgroundService
{
    // Allocated since the last time: less is not worth it.
    private const long Worth = 4 << 20;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        for (var collectedAt = 0L; await timer.WaitForNextTickAsync(stoppingToken);)
        {
            if (printers.HaveJobs || GC.GetTotalAllocatedBytes() - collectedAt < Worth)
                continue;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers(); // they free what the C library has given
            if (OperatingSystem.IsLinux())
                TrimHeap();
            collectedAt = GC.GetTotalAllocatedBytes();
        }
    }

    private static void TrimHeap()
    {
        try
        {
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library than glibc, which keeps less.
        }
    }

    // malloc_trim(3)
    [DllImport("libc", EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Trim(nuint pad);
}
