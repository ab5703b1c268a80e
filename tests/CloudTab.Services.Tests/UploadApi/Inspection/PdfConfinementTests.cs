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
    private static readonly string Service = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    private static readonly Dictionary<string, Func<bool>> Reaches = new(StringComparer.Ordinal)
    {
        ["the network"] = () => Unless<SocketException>(() => new Socket(SocketType.Stream, ProtocolType.Tcp).Dispose()),
        ["a file"] = () => Unless<UnauthorizedAccessException>(() => File.OpenRead(typeof(PdfConfinementTests).Assembly.Location).Dispose()),
        ["a secret of the service"] = () => Unless<UnauthorizedAccessException>(() => File.OpenRead($"/proc/{Service}/environ").Dispose()),
        ["the service's memory by file"] = () => Unless<UnauthorizedAccessException>(() => File.OpenRead($"/proc/{Service}/mem").Dispose()),
        ["another process's memory"] = () => ProcessVmReadv(Environment.ProcessId, 0, 0, 0, 0, 0) == 0,
        ["another process by a signal"] = () => Kill(ParentId(), 0) == 0,
        ["a program"] = () => Unless<Win32Exception>(() => Process.Start(new ProcessStartInfo("true"))!.WaitForExit()),
    };

    // The filter of one thread is the same as that of all: this process needs its other threads.
    [Fact]
    public void Nothing_beyond_the_process_is_reached_once_it_is_confined()
    {
        var before = new Dictionary<string, bool>(StringComparer.Ordinal);
        var after = new Dictionary<string, bool>(StringComparer.Ordinal);
        var isConfined = false;
        var thread = new Thread(() =>
        {
            // Also loads what the second round needs: no file can be opened then.
            foreach (var (target, reaches) in Reaches)
                before[target] = reaches();
            isConfined = PdfConfinement.Enter(wholeProcess: false);
            foreach (var (target, reaches) in Reaches)
                after[target] = reaches();
        });

        thread.Start();
        thread.Join();

        Assert.True(isConfined);
        Assert.All(before, probe => Assert.True(probe.Value, probe.Key));
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        Assert.All(after, probe => Assert.False(probe.Value, probe.Key));
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

    [DllImport("libc", EntryPoint = "process_vm_readv"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint ProcessVmReadv(int process, nint local, nuint locals, nint remote, nuint remotes, nuint flags);

    [DllImport("libc", EntryPoint = "getppid"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ParentId();

    [DllImport("libc", EntryPoint = "kill"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
