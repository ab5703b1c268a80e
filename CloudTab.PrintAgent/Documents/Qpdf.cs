using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace CloudTab.PrintAgent;

/// <summary>
/// qpdf as a child process: it takes pages out of a PDF, and writes a whole one out of one that is slightly damaged. What it cannot read no
/// printer should get: CUPS calls such a job completed. The child has no environment, and limits on memory and time.
/// </summary>
internal sealed class Qpdf(string folder, TimeProvider clock)
{
    private const int SlightlyDamaged = 3;
    private const long MostMemory = 2L << 30;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>The program, or null if this PC has none.</summary>
    public static string? Program { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(directory => Path.Combine(directory, OperatingSystem.IsWindows() ? "qpdf.exe" : "qpdf")).FirstOrDefault(File.Exists);

    /// <summary>Writes a PDF anew.</summary>
    /// <param name="pages">Ranges such as `1-3,5`; null: all pages.</param>
    /// <param name="known">How many pages the document has, if that is known.</param>
    /// <exception cref="NotPrintableException">It is no PDF that can be read, or has none of these pages.</exception>
    public async Task<SealedFile> RewriteAsync(SealedFile pdf, string? pages, int? known, CancellationToken cancellationToken)
    {
        await using var input = await PlainAsync(pdf, cancellationToken);
        IReadOnlyList<string> selection = [];
        if (pages is not null)
        {
            var within = PageSelection.Within(pages, known ?? await CountAsync(input.Path, cancellationToken));
            selection = within.Length > 0 ? ["--pages", ".", within, "--"] : throw new NotPrintableException("no-such-pages");
        }

        return await SealedFile.CreateAsync(folder, output => RunAsync([input.Path, .. selection, "-"], output, cancellationToken));
    }

    private async Task<int> CountAsync(string path, CancellationToken cancellationToken)
    {
        using var output = new MemoryStream();
        await RunAsync(["--show-npages", path], output, cancellationToken);
        return int.Parse(System.Text.Encoding.ASCII.GetString(output.ToArray()), CultureInfo.InvariantCulture);
    }

    private async Task<ScratchFile> PlainAsync(SealedFile pdf, CancellationToken cancellationToken)
    {
        await using var content = pdf.Open();
        return await ScratchFile.CreateAsync(folder, content, cancellationToken);
    }

    private async Task RunAsync(IReadOnlyList<string> arguments, Stream output, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var process = Start(arguments);
        try
        {
            var complaints = process.StandardError.ReadToEndAsync(either.Token);
            await process.StandardOutput.BaseStream.CopyToAsync(output, either.Token);
            await process.WaitForExitAsync(either.Token);
            if (process.ExitCode is 0 or SlightlyDamaged)
                return;
            throw new NotPrintableException((await complaints).Contains("invalid password", StringComparison.Ordinal) ? "needs-password" : "damaged-file");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NotPrintableException("damaged-file");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    private static Process Start(IReadOnlyList<string> arguments)
    {
        string[] command = OperatingSystem.IsWindows()
            ? [Program!]
            : ["/bin/sh", "-c", string.Create(CultureInfo.InvariantCulture, $"ulimit -v {MostMemory / 1024} 2>/dev/null; ulimit -c 0; exec \"$@\""), "sh", Program!];
        var start = new ProcessStartInfo(command[0], [.. command.Skip(1), .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        var process = Process.Start(start) ?? throw new Win32Exception();
        process.StandardInput.Close();
        return process;
    }
}
