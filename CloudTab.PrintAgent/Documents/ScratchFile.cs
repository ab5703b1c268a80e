using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CloudTab.PrintAgent;

/// <summary>
/// A file that a child process can open by its path. On Linux it is in memory and has no name in any folder; elsewhere it is in the agent's
/// folder for as long as this is not disposed.
/// </summary>
internal sealed class ScratchFile : IAsyncDisposable
{
    private const uint CloseOnExec = 1;

    private readonly FileStream _stream;

    private ScratchFile(FileStream stream, string path) => (_stream, Path) = (stream, path);

    public string Path { get; }

    /// <param name="write">Writes the content.</param>
    public static async Task<ScratchFile> CreateAsync(string folder, Func<Stream, Task> write, CancellationToken cancellationToken)
    {
        var file = OperatingSystem.IsLinux() ? InMemory() : InFolder(folder);
        try
        {
            await write(file._stream);
            await file._stream.FlushAsync(cancellationToken);
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    /// <summary>Copies the content to another stream.</summary>
    public Task CopyToAsync(Stream output, CancellationToken cancellationToken)
    {
        _stream.Position = 0;
        return _stream.CopyToAsync(output, cancellationToken);
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private static ScratchFile InMemory()
    {
        var descriptor = CreateInMemory("document", CloseOnExec);
        if (descriptor < 0)
            throw new IOException($"memfd_create failed with {Marshal.GetLastPInvokeError()}.");
        return new(new FileStream(new SafeFileHandle(descriptor, ownsHandle: true), FileAccess.ReadWrite), $"/proc/{Environment.ProcessId}/fd/{descriptor}");
    }

    private static ScratchFile InFolder(string folder)
    {
        Directory.CreateDirectory(folder);
        var path = System.IO.Path.Combine(folder, Guid.NewGuid().ToString("N") + ".sealed"); // so that it is wiped at the start if the process is killed
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite | FileShare.Delete, Options = FileOptions.DeleteOnClose };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new(new FileStream(path, options), path);
    }

    // memfd_create(2)
    [DllImport("libc", EntryPoint = "memfd_create", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int CreateInMemory(string name, uint flags);
}
