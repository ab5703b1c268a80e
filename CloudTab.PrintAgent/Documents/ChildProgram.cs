using System.ComponentModel;
using System.Diagnostics;

namespace CloudTab.PrintAgent;

/// <summary>A program of this PC that reads a stranger's file, as a child process with a limit on its time and nothing of the agent's environment.</summary>
internal static class ChildProgram
{
    /// <summary>The first program of these names in the folders of a search path, or null.</summary>
    public static string? Find(string? path, params IReadOnlyList<string> names) => (
        from name in names
        from directory in (path ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        let file = Path.Combine(directory, OperatingSystem.IsWindows() ? name + ".exe" : name)
        where File.Exists(file)
        select file).FirstOrDefault();

    /// <summary>Runs a program to its end, or kills it with all that it has started.</summary>
    /// <param name="environment">All that it has for an environment.</param>
    /// <param name="write">Writes what it reads; null: nothing.</param>
    /// <param name="output">Takes what it writes.</param>
    /// <returns>Its exit code, and the beginning of its complaints.</returns>
    /// <exception cref="TimeoutException">It took too long.</exception>
    public static async Task<(int ExitCode, string Complaints)> RunAsync(
        IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, Func<Stream, CancellationToken, Task>? write, Stream output, TimeSpan limit, TimeProvider clock,
        CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(limit, clock);
        using var limitOrCancellation = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        using var process = Start(command, environment);
        try
        {
            var complaints = ReadComplaintsAsync(process.StandardError, limitOrCancellation.Token);
            var writing = WriteAsync(process, write, limitOrCancellation.Token);
            await process.StandardOutput.BaseStream.CopyToAsync(output, limitOrCancellation.Token);
            await writing;
            await process.WaitForExitAsync(limitOrCancellation.Token);
            return (process.ExitCode, await complaints);
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"{command[0]} has not ended within {limit}.", late);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static Process Start(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start) ?? throw new Win32Exception();
    }

    // A program that has ended reads no more: its exit code says why.
    private static async Task WriteAsync(Process process, Func<Stream, CancellationToken, Task>? write, CancellationToken cancellationToken)
    {
        try
        {
            if (write is not null)
                await write(process.StandardInput.BaseStream, cancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The pipe is closed.
        }
    }

    // However much it complains, it must not wait for a reader, nor fill the memory.
    private static async Task<string> ReadComplaintsAsync(StreamReader reader, CancellationToken cancellationToken)
    {
        var beginning = new char[4096];
        var length = await reader.ReadBlockAsync(beginning, cancellationToken);
        await reader.BaseStream.CopyToAsync(Stream.Null, cancellationToken);
        return new(beginning, 0, length);
    }
}
