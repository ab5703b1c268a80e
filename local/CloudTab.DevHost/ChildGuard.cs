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
/// Ctrl-C in a terminal reaches every process of the foreground group, but the starter is to end things in order: where there is setsid
/// (Linux), program and guard have a session of their own; elsewhere Ctrl-C is ignored, which PostgreSQL overrules.
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

    private static readonly string[] NewSession = File.Exists("/usr/bin/setsid") ? ["/usr/bin/setsid"] : [];

    /// <summary>Start information for a program behind a guard; output is redirected.</summary>
    /// <param name="signalOnDeath">What the program gets when the starter dies: KILL, or a gentler one that surely ends it.</param>
    /// <param name="command">The program, a path or a name to be found in PATH, and its arguments.</param>
    /// <param name="environment">On top of the starter's own.</param>
    public static ProcessStartInfo Command(
        string signalOnDeath, IEnumerable<string> command, IReadOnlyDictionary<string, string>? environment = null)
    {
        environment ??= new Dictionary<string, string>(StringComparer.Ordinal);

        // Debian's sh drops variables such as services__upload-api__http__0, whose names it could not use itself: env sets them after it.
        var unfit = environment.Where(variable => !variable.Key.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')).ToList();
        IEnumerable<string> env = unfit.Count == 0 ? [] : ["env", .. unfit.Select(variable => $"{variable.Key}={variable.Value}")];
        string[] all = [.. NewSession, "/bin/sh", "-c", Script, "guard", signalOnDeath, .. env, .. command];
        var start = new ProcessStartInfo(all[0], all[1..])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return start;
    }

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
