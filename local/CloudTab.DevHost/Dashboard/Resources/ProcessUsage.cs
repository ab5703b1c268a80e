using System.ComponentModel;
using System.Diagnostics;

namespace CloudTab.DevHost.Dashboard.Resources;

/// <summary>CPU and memory of the resources' processes, looked up at most once a second, and only when somebody asks.</summary>
internal sealed class ProcessUsage(TimeProvider time)
{
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<int, Sample> _samples = [];

    /// <summary>Cores and bytes; cores are null for the first second. Both are null where the process has ended.</summary>
    public (double? Cores, long? Memory) Of(int processId)
    {
        lock (_lock)
        {
            var known = _samples.GetValueOrDefault(processId);
            if (known is null || time.GetElapsedTime(known.At) >= Freshness)
                known = Look(processId, known);
            return (known?.Cores, known?.Memory);
        }
    }

    private Sample? Look(int processId, Sample? before)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            var cpu = process.TotalProcessorTime;
            double? cores = before is null ? null : Math.Round((cpu - before.Cpu) / time.GetElapsedTime(before.At), 3);
            return _samples[processId] = new Sample(time.GetTimestamp(), cpu, cores, process.WorkingSet64);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // It ended between the question and the look.
            _samples.Remove(processId);
            return null;
        }
    }

    private sealed record Sample(long At, TimeSpan Cpu, double? Cores, long Memory);
}
