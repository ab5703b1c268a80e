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

    // Null if the content is in a file of the agent's folder.
    private readonly FileStream? _memory;

    private ScratchFile(FileStream? memory, string path) => (_memory, Path) = (memory, path);

    public string Path { get; }

    /// <param name="write">Writes the content.</param>
    public static Task<ScratchFile> CreateAsync(string folder, Func<Stream, Task> write, CancellationToken cancellationToken) =>
        OperatingSystem.IsLinux() ? CreateInMemoryAsync(write, cancellationToken) : CreateInFolderAsync(folder, write);

    /// <summary>As it is made where nothing better than a file in the agent's folder is to be had.</summary>
    public static async Task<ScratchFile> CreateInFolderAsync(string folder, Func<Stream, Task> write)
    {
        Directory.CreateDirectory(folder);
        var path = System.IO.Path.Combine(folder, Guid.NewGuid().ToString("N") + ".sealed"); // so that it is wiped at the start if the process is killed
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var file = new ScratchFile(memory: null, path);
        try
        {
            // Closed before a child opens it: Windows would refuse the child otherwise.
            await using (var stream = new FileStream(path, options))
                await write(stream);
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    /// <summary>Copies the content to another stream.</summary>
    public async Task CopyToAsync(Stream output, CancellationToken cancellationToken)
    {
        await using var file = _memory is null ? new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.Read) : null;
        var content = file ?? _memory!;
        content.Position = 0;
        await content.CopyToAsync(output, cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        if (_memory is not null)
            return _memory.DisposeAsync();
        try
        {
            File.Delete(Path);
        }
        catch (IOException)
        {
            // A child that was killed just now has it open still, on Windows: it is wiped at the next start.
        }

        return ValueTask.CompletedTask;
    }

    private static async Task<ScratchFile> CreateInMemoryAsync(Func<Stream, Task> write, CancellationToken cancellationToken)
    {
        var file = OpenInMemory();
        try
        {
            await write(file._memory!);
            await file._memory!.FlushAsync(cancellationToken);
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    private static ScratchFile OpenInMemory()
    {
        var descriptor = CreateInMemory("document", CloseOnExec);
        if (descriptor < 0)
            throw new IOException($"memfd_create failed with {Marshal.GetLastPInvokeError()}.");
        return new(new FileStream(new SafeFileHandle(descriptor, ownsHandle: true), FileAccess.ReadWrite), $"/proc/{Environment.ProcessId}/fd/{descriptor}");
    }

    // memfd_create(2)
    [DllImport("libc", EntryPoint = "memfd_create", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int CreateInMemory(string name, uint flags);
}
