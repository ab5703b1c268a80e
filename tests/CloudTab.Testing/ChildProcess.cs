using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace CloudTab.Testing;

/// <summary>A program of this repository run as a process of its own: the built output, on loopback, ended by its own id.</summary>
public sealed class ChildProcess : IAsyncDisposable
{
    // Until something listens on a port it counts as free: it must not be given twice.
    private static readonly ConcurrentDictionary<int, bool> GivenPorts = new();

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(30);
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();

    private ChildProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>What the process has written so far, standard output and standard error in order of arrival.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>Starts a project's built output and, where <paramref name="ready"/> is given, waits until that address answers 2xx.</summary>
    /// <exception cref="InvalidOperationException">The process ended before it was ready, or was not ready within two minutes.</exception>
    public static Task<ChildProcess> StartAsync(
        string project, IReadOnlyDictionary<string, string> environment, Uri? ready, CancellationToken cancellationToken, params string[] arguments) =>
        StartProgramAsync(["dotnet", BuiltOutput(project), .. arguments], environment, ready, cancellationToken);

    /// <summary>The same with a command line.</summary>
    public static Task<ChildProcess> StartProgramAsync(
        IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, Uri? ready, CancellationToken cancellationToken) =>
        StartProgramAsync(command, environment, ready is null ? null : token => AnswersAsync(ready, token), cancellationToken);

    /// <summary>The same, with another way to tell that it is ready.</summary>
    public static async Task<ChildProcess> StartProgramAsync(
        IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, Func<CancellationToken, Task<bool>>? isReady, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;

        var child = new ChildProcess(new Process { StartInfo = start });
        child._process.OutputDataReceived += child.Keep;
        child._process.ErrorDataReceived += child.Keep;
        child._process.Start();
        child._process.BeginOutputReadLine();
        child._process.BeginErrorReadLine();

        try
        {
            if (isReady is not null)
                await child.WaitUntilReadyAsync(string.Join(' ', command), isReady, cancellationToken);
            return child;
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits for the process to end by itself.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    /// <summary>SIGKILL: no handler of the process runs. The process is gone when this returns; its children may not be.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit(StopLimit);
    }

    /// <summary>SIGSTOP: the process does nothing until <see cref="Resume"/>.</summary>
    public void Pause() => _ = SendSignal(_process.Id, 19);

    /// <summary>SIGCONT.</summary>
    public void Resume() => _ = SendSignal(_process.Id, 18);

    /// <summary>SIGINT to the process's group, as a terminal sends it on Ctrl-C. The process must lead a group of its own (setsid).</summary>
    public void PressCtrlC() => _ = SendSignal(-_process.Id, 2);

    /// <summary>SIGTERM, as an orchestrator sends it; SIGKILL if that does not end the process within 30 s.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync()
    {
        if (!_process.HasExited)
            _ = SendSignal(_process.Id, 15);
        using var limit = new CancellationTokenSource(StopLimit, TimeProvider.System);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process.Dispose();
    }

    /// <summary>
    /// A TCP port that was free on loopback a moment ago, and not of those that the system gives to outgoing connections: one of them could
    /// take it before the process listens.
    /// </summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = RandomNumberGenerator.GetInt32(20_000, 26_000);
            if (!GivenPorts.TryAdd(port, true))
                continue;
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Somebody else's: another one will do.
            }
        }
    }

    /// <summary>Whether somebody listens there: the file of a socket is there a moment before.</summary>
    public static async Task<bool> ListensAsync(EndPoint address, CancellationToken cancellationToken)
    {
        using var socket = address is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(address, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>The assembly that a project of this repository was built to, in the same configuration as the running test.</summary>
    public static string BuiltOutput(string project)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.Combine(own.Parent!.Parent!.FullName, project, own.Name, project + ".dll");
    }

    private async Task WaitUntilReadyAsync(string command, Func<CancellationToken, Task<bool>> isReady, CancellationToken cancellationToken)
    {
        var waited = Stopwatch.StartNew();
        while (waited.Elapsed < StartLimit)
        {
            if (_process.HasExited)
                throw new InvalidOperationException($"{command} ended with {_process.ExitCode} before it was ready:\n{Output}");
            if (await isReady(cancellationToken))
                return;
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellationToken);
        }

        throw new InvalidOperationException($"{command} was not ready within {StartLimit}:\n{Output}");
    }

    private static async Task<bool> AnswersAsync(Uri address, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await Http.GetAsync(address, cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception notYet) when (notYet is HttpRequestException or SocketException || notYet is OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false; // not listening yet, or too busy with its start to answer within the client's limit
        }
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not null)
            _output.Enqueue(line.Data);
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int processId, int signal);
}
