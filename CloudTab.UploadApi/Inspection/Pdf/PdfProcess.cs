using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// A process that reads PDFs, seen from the service: this program itself, started with a verb (<see cref="PdfProgram"/>). It has no
/// environment but its limits, so no credentials, and gets a PDF only in the blocks that it asks for, over its standard input.
/// </summary>
internal sealed class PdfProcess : IDisposable
{
    private const long MostMemory = 128 << 20;
    private const int MostBlocks = 128;

    private readonly Process _process;
    private bool _reading;

    private PdfProcess(Process process)
    {
        _process = process;
        Started = HearAsync(PdfMessage.Ready);
    }

    /// <summary>Completes once it takes PDFs.</summary>
    public Task Started { get; }

    /// <summary>Whether another PDF may be given to it: it did start, or still may, and left none unfinished.</summary>
    public bool IsUsable => !_reading && !Started.IsFaulted;

    /// <param name="limit">After twice this time it ends itself, should nobody be left to kill it.</param>
    public static PdfProcess Start(TimeSpan limit)
    {
        var milliseconds = ((long)limit.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        var start = new ProcessStartInfo(Host)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Host != Environment.ProcessPath || Path.GetFileNameWithoutExtension(Host) == "dotnet")
            start.ArgumentList.Add(typeof(PdfProcess).Assembly.Location);
        start.ArgumentList.Add(PdfProgram.Verb);
        start.ArgumentList.Add(milliseconds);
        start.Environment.Clear();
        start.Environment["DOTNET_GCHeapHardLimit"] = MostMemory.ToString("x", CultureInfo.InvariantCulture);
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_gcConcurrent"] = "0";
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // nothing to write where the file system is read-only
        var process = Process.Start(start) ?? throw new InvalidOperationException("No process was started.");
        // Read and thrown away: what it says when it dies is about somebody's PDF, and a full pipe would block it.
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
        return new(process);
    }

    /// <summary>Has it read one PDF.</summary>
    /// <returns>What it found out, or null where nothing.</returns>
    /// <exception cref="IOException">It died.</exception>
    /// <exception cref="InvalidDataException">It wants more than any PDF needs that it could count.</exception>
    public async Task<PdfFacts?> CountAsync(ObjectStore store, string key, long size, CancellationToken cancellationToken)
    {
        _reading = true;
        var input = _process.StandardInput.BaseStream;
        var length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, size);
        await input.WriteAsync(length, cancellationToken);
        await input.FlushAsync(cancellationToken);
        for (var blocks = 0; ; blocks++)
        {
            var (message, value) = await ReadAsync(cancellationToken);
            if (message != PdfMessage.Block)
            {
                _reading = false;
                return PdfFacts.From(message, value);
            }

            if (blocks == MostBlocks || value < 0 || value > (size - 1) / PdfProgram.BlockSize)
                throw new InvalidDataException("Needs more reading than it is worth.");
            await SendBlockAsync(store, key, value * PdfProgram.BlockSize, size, input, cancellationToken);
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.Dispose();
    }

    // The `dotnet` that runs this process. Where there is none, as in a program that carries its own runtime, the program itself.
    private static string Host { get; } = FindHost();

    private static string FindHost()
    {
        var name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        var host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", name));
        return File.Exists(host) ? host : Environment.ProcessPath!;
    }

    private static async Task SendBlockAsync(ObjectStore store, string key, long first, long size, Stream input, CancellationToken cancellationToken)
    {
        var last = Math.Min(first + PdfProgram.BlockSize, size) - 1;
        using var found = await store.GetAsync(key, new ByteRange(first, last), cancellationToken) ?? throw new IOException("The object is gone.");
        await found.CopyToAsync(input, cancellationToken);
        await input.FlushAsync(cancellationToken);
    }

    private async Task HearAsync(PdfMessage expected)
    {
        if ((await ReadAsync(CancellationToken.None)).Message != expected)
            throw new InvalidDataException("It is not what was started.");
    }

    private async Task<(PdfMessage Message, long Value)> ReadAsync(CancellationToken cancellationToken)
    {
        var message = new byte[1 + sizeof(long)];
        await _process.StandardOutput.BaseStream.ReadExactlyAsync(message, cancellationToken);
        return ((PdfMessage)message[0], BinaryPrimitives.ReadInt64LittleEndian(message.AsSpan(1)));
    }
}
