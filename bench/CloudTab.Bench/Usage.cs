using System.Diagnostics;
using System.Globalization;

namespace CloudTab.Bench;

/// <summary>CPU seconds and memory of a process, as the kernel counts them.</summary>
internal static class Usage
{
    public static TimeSpan Cpu(int processId)
    {
        using var process = Process.GetProcessById(processId);
        return process.TotalProcessorTime;
    }

    /// <summary>CPU of a process, of its children, and of those of them that have ended and that it has waited for.</summary>
    public static TimeSpan CpuWithChildren(int processId) =>
        Children(processId).Prepend(processId).Aggregate(TimeSpan.Zero, (sum, id) => sum + Times(id, waitedFor: id == processId));

    /// <summary>Lets the peak begin again from what is resident now (proc(5), clear_refs).</summary>
    public static void ForgetPeakMemory(int processId) => File.WriteAllText(Proc(processId, "clear_refs"), "5");

    /// <summary>Largest resident set since then, MiB (VmHWM of proc(5)).</summary>
    public static double PeakMemory(int processId) => Status(processId, "VmHWM:");

    /// <summary>Resident set, MiB.</summary>
    public static double Memory(int processId) => Status(processId, "VmRSS:");

    private static double Status(int processId, string field)
    {
        var line = File.ReadLines(Proc(processId, "status")).First(text => text.StartsWith(field, StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
    }

    private static IEnumerable<int> Children(int processId) =>
        File.ReadAllText($"{Proc(processId, "task")}/{processId.ToString(CultureInfo.InvariantCulture)}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(id => int.Parse(id, CultureInfo.InvariantCulture));

    // utime, stime, cutime and cstime of proc(5), stat, in hundredths of a second.
    private static TimeSpan Times(int processId, bool waitedFor)
    {
        try
        {
            var fields = File.ReadAllText(Proc(processId, "stat")).Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return TimeSpan.FromMilliseconds(10 * fields[11..(waitedFor ? 15 : 13)].Sum(time => long.Parse(time, CultureInfo.InvariantCulture)));
        }
        catch (FileNotFoundException)
        {
            return TimeSpan.Zero; // ended meanwhile: its parent waits for it
        }
    }

    private static string Proc(int processId, string file) => $"/proc/{processId.ToString(CultureInfo.InvariantCulture)}/{file}";
}
