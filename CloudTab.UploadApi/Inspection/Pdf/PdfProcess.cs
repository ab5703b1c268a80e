using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// A process that reads PDFs, seen from the service. It is this program itself, started with a verb (<see cref="PdfProgram"/>). Its
/// environment holds nothing but its limits, so no credentials, and it gets a PDF in the blocks that it asks for, over standard input.
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
        Started = HearReadyAsync();
    }

    /// <summary>Completes once it takes PDFs, with whether the platform confines it (<see cref="PdfConfinement"/>).</summary>
    public Task<bool> Started { get; }

    /// <summary>Whether another PDF may be given to it: it started, or is starting, and left none unfinished.</summary>
    public bool IsUsable => !_reading && !Started.IsFaulted;

    /// <param name="limit">After twice this time it ends itself, in case the service that would kill it has died.</param>
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
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // it would write to a file system that may be read-only
        var process = Process.Start(start) ?? throw new InvalidOperationException("No process was started.");
        // What it writes when it dies is about a customer's PDF: it is discarded, but read, so that the process does not block on a full pipe.
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
        return new(process);
    }

    /// <summary>Has it read one PDF.</summary>
    /// <returns>What it found out, or null if nothing.</returns>
    /// <exception cref="FileNotFoundException">It needs a file that it did not load before it was confined.</exception>
    /// <exception cref="IOException">It died.</exception>
    /// <exception cref="InvalidDataException">It asks for more blocks than are worth sending.</exception>
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
                return message == PdfMessage.Missed ? throw new FileNotFoundException() : PdfFacts.From(message, value);
            }

            if (blocks == MostBlocks || value < 0 || value > (size - 1) / PdfProgram.BlockSize)
                throw new InvalidDataException("It asks for more blocks than are worth sending.");
            await SendBlockAsync(store, key, value * PdfProgram.BlockSize, size, input, cancellationToken);
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.Dispose();
    }

    // The `dotnet` that runs this process. A program that carries its own runtime has none, and starts itself.
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

    private async Task<bool> HearReadyAsync()
    {
        var (message, value) = await ReadAsync(CancellationToken.None);
        return message == PdfMessage.Ready ? value == 1 : throw new InvalidDataException("The process did not start.");
    }

    private async Task<(PdfMessage Message, long Value)> ReadAsync(CancellationToken cancellationToken)
    {
        var message = new byte[1 + sizeof(long)];
        await _process.StandardOutput.BaseStream.ReadExactlyAsync(message, cancellationToken);
        return ((PdfMessage)message[0], BinaryPrimitives.ReadInt64LittleEndian(message.AsSpan(1)));
    }
}
