using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

public sealed class PdfConfinementTests
{
    private const int NotPermitted = 1;
    private const int NotImplemented = 38;

    private static readonly string Service = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    private static readonly Dictionary<string, Func<bool>> Reaches = new(StringComparer.Ordinal)
    {
        ["the network"] = () => Unless<SocketException>(() => new Socket(SocketType.Stream, ProtocolType.Tcp).Dispose()),
        ["a file"] = () => Unless<UnauthorizedAccessException>(() => File.OpenRead(typeof(PdfConfinementTests).Assembly.Location).Dispose()),
        ["a secret of the service"] = () => Unless<UnauthorizedAccessException>(() => File.OpenRead($"/proc/{Service}/environ").Dispose()),
        ["the service's memory by file"] = () => Unless<UnauthorizedAccessException>(() => File.OpenRead($"/proc/{Service}/mem").Dispose()),
        ["another process's memory"] = () => ProcessVmReadv(Environment.ProcessId, 0, 0, 0, 0, 0) == 0,
        ["another process by a signal"] = () => Kill(ParentId(), 0) == 0,
        ["another process by a signal of a pipe"] = () => IsPermitted(72, 25, 0, 8, ParentId()), // fcntl, F_SETOWN
        ["another process's processors"] = () => IsPermitted(203, 122, ParentId(), 0, 0), // sched_setaffinity
        ["another process's priority"] = () => IsPermitted(144, 119, ParentId(), -1, 0), // sched_setscheduler
        ["another process's parameters"] = () => IsPermitted(142, 118, ParentId(), 0, 0), // sched_setparam
        ["another process's attributes"] = () => IsPermitted(314, 274, ParentId(), 0, 0), // sched_setattr
        ["another process's disk"] = () => IsPermitted(251, 30, 1, ParentId(), -1), // ioprio_set
        ["another process's semaphores"] = () => IsPermitted(66, 191, -1, 0, 2), // semctl, IPC_STAT
        ["another process's messages"] = () => IsPermitted(70, 188, -1, 0, 0), // msgrcv
        ["a file's times"] = () => IsPermitted(280, 88, -1, 0, 0), // utimensat
        ["a program"] = () => Unless<Win32Exception>(() => Process.Start(new ProcessStartInfo("true"))!.WaitForExit()),
    };

    // The filter of one thread is the same as that of all: this process needs its other threads.
    [Fact]
    public void Nothing_beyond_the_process_is_reached_once_it_is_confined()
    {
        var before = new Dictionary<string, bool>(StringComparer.Ordinal);
        var after = new Dictionary<string, bool>(StringComparer.Ordinal);
        var isConfined = false;
        var unknown = 0;
        var thread = new Thread(() =>
        {
            // Also loads what the second round needs: no file can be opened then.
            foreach (var (target, reaches) in Reaches)
                before[target] = reaches();
            isConfined = PdfConfinement.Enter(wholeProcess: false);
            foreach (var (target, reaches) in Reaches)
                after[target] = reaches();
            unknown = ErrorOf(462, 462, 0, 0, 0); // mseal, which the filter does not know
        });

        thread.Start();
        thread.Join();

        Assert.True(isConfined);
        Assert.All(before, probe => Assert.True(probe.Value, probe.Key));
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        Assert.All(after, probe => Assert.False(probe.Value, probe.Key));
        Assert.Equal(NotImplemented, unknown);
    }

    // Neither is loaded by anything here.
    [Theory]
    [InlineData("an assembly")]
    [InlineData("a library")]
    public void What_was_not_loaded_before_the_confinement_is_noticed(string kind)
    {
        var (isConfined, before, after) = (false, true, false);
        var thread = new Thread(() =>
        {
            isConfined = PdfConfinement.Enter(wholeProcess: false);
            before = PdfConfinement.HasMissedFile();
            try
            {
                if (kind == "an assembly")
                    Assembly.Load("Microsoft.VisualBasic");
                else
                    NativeLibrary.Load("libutil.so.1");
            }
            catch (Exception failed) when (failed is IOException or DllNotFoundException or BadImageFormatException)
            {
                after = PdfConfinement.HasMissedFile();
            }
        });

        thread.Start();
        thread.Join();

        Assert.Equal((true, false, true), (isConfined, before, after));
    }

    private static bool Unless<TRefusal>(Action act)
        where TRefusal : Exception
    {
        try
        {
            act();
            return true;
        }
        catch (TRefusal)
        {
            return false;
        }
    }

    /// <summary>Whether a call gets so far that something other than the permission to make it is wrong.</summary>
    private static bool IsPermitted(nint x64, nint arm64, nint first, nint second, nint third) => ErrorOf(x64, arm64, first, second, third) != NotPermitted;

    private static int ErrorOf(nint x64, nint arm64, nint first, nint second, nint third) =>
        Syscall(RuntimeInformation.ProcessArchitecture == Architecture.X64 ? x64 : arm64, first, second, third) < 0 ? Marshal.GetLastPInvokeError() : 0;

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Syscall(nint call, nint first, nint second, nint third);

    [DllImport("libc", EntryPoint = "process_vm_readv"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint ProcessVmReadv(int process, nint local, nuint locals, nint remote, nuint remotes, nuint flags);

    [DllImport("libc", EntryPoint = "getppid"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ParentId();

    [DllImport("libc", EntryPoint = "kill"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
