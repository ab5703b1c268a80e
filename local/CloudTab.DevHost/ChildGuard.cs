using System.Diagnostics;
using System.Runtime.InteropServices;

namespace CloudTab.Supervision;

/// <summary>
/// Starts a program so that it cannot outlive the process that started it, not even after <c>kill -9</c>, on any Unix and as any user.
/// </summary>
/// <remarks>
/// A shell forks a guard that reads from a pipe, and then becomes the program itself (so the process id, the exit code and the signals
/// are the program's own). Only the starter holds the pipe's other end: when the kernel closes it, the guard kills the program. A line in
/// the pipe says that the program has ended and the guard is no longer needed. Linux's PR_SET_PDEATHSIG was no choice: it is bound to the
/// starting thread, which in .NET comes and goes, and other systems lack it. The guard is forked twice, since PostgreSQL would take an
/// unknown child's end for a crash of its own.
/// Ctrl-C in a terminal reaches every process of the foreground group; here it is ignored, because the starter ends things in order.
/// </remarks>
internal static class ChildGuard
{
    private const string Script = """
        trap '' INT
        exec 3<&0
        signal=$1
        shift
        ( (trap '' TERM HUP; read -r _ <&3 || kill -s "$signal" $$) >/dev/null 2>&1 & )
        exec "$@" 3<&- </dev/null
        """;

    /// <summary>Start information for <paramref name="program"/> behind a guard; output is redirected, nothing else is set.</summary>
    /// <param name="signalOnDeath">What the program gets when the starter dies: KILL, or a gentler one that surely ends it.</param>
    /// <param name="program">A path, or a name to be found in PATH.</param>
    /// <param name="arguments">The program's.</param>
    public static ProcessStartInfo Command(string signalOnDeath, string program, params IEnumerable<string> arguments) =>
        new("/bin/sh", ["-c", Script, "guard", signalOnDeath, program, .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

    /// <summary>To be called once the program has ended.</summary>
    public static void Release(Process process)
    {
        try
        {
            process.StandardInput.WriteLine();
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The guard was killed together with the program: nobody reads.
        }
    }

    /// <summary>Sends a signal to the program; one that has ended already is no error.</summary>
    public static void Signal(Process process, PosixSignal signal)
    {
        var number = signal switch
        {
            PosixSignal.SIGINT => 2,
            PosixSignal.SIGQUIT => 3,
            PosixSignal.SIGTERM => 15,
            _ => throw new ArgumentOutOfRangeException(nameof(signal)),
        };
        if (!process.HasExited)
            _ = Kill(process.Id, number);
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int processId, int signal);
}
