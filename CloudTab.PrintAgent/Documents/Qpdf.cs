using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace CloudTab.PrintAgent;

/// <summary>
/// qpdf as a child process: it takes pages out of a PDF, lays them out, and writes a whole one out of one that is slightly damaged. What it
/// cannot read no printer should get: CUPS calls such a job completed. The child has no environment, and limits on memory and time.
/// </summary>
internal sealed partial class Qpdf(string folder, TimeProvider clock)
{
    private const int SlightlyDamaged = 3;
    private const long MostMemory = 2L << 30;

    // What it says of a document of a hundred thousand objects.
    private const int LongestJson = 64 << 20;

    // The first whose JSON can be written back.
    private const int FirstWithJson = 11;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private bool? _hasJson;

    private static readonly Dictionary<string, string> Nothing = [];

    /// <summary>The program, or null if this PC has none.</summary>
    public static string? Program { get; } = ChildProgram.Find(Environment.GetEnvironmentVariable("PATH"), "qpdf");

    /// <summary>Writes a PDF anew.</summary>
    /// <param name="pages">Ranges such as `1-3,5`; null: all pages.</param>
    /// <param name="known">How many pages the document has, if that is known.</param>
    /// <exception cref="NotPrintableException">It is no PDF that can be read, or has none of these pages.</exception>
    public async Task<SealedFile> RewriteAsync(SealedFile pdf, string? pages, int? known, CancellationToken cancellationToken)
    {
        await using var input = await PlainAsync(pdf, cancellationToken);
        var selection = pages is null ? [] : await SelectAsync(input, pages, known, cancellationToken);
        return await SealedFile.CreateAsync(folder, output => RunAsync([input.Path, .. selection, "-"], output, cancellationToken));
    }

    /// <summary>Writes a PDF anew, with its pages laid out on sheets of paper: <see cref="PdfSheets"/> has the rules.</summary>
    /// <param name="pages">Ranges such as `1-3,5`; null: all pages.</param>
    /// <param name="known">How many pages the document has, if that is known.</param>
    /// <param name="fit">Each page as large as its place allows; otherwise as large as it is.</param>
    /// <param name="numberUp">Pages on a sheet.</param>
    /// <returns>Null if this document, or this version of qpdf, is not up to it.</returns>
    /// <exception cref="NotPrintableException">It is no PDF that can be read, or has none of these pages.</exception>
    public async Task<SealedFile?> LayOutAsync(SealedFile pdf, string? pages, int? known, PaperSize paper, bool fit, int numberUp, CancellationToken cancellationToken)
    {
        if (!await HasJsonAsync(cancellationToken))
            return null;
        await using var input = await PlainAsync(pdf, cancellationToken);
        // A selection, even one of all pages, gives each page what it inherits. What lies over pages, such as the fields of a form, becomes a part of them.
        var selection = pages is null ? ["--pages", ".", "1-z", "--"] : await SelectAsync(input, pages, known, cancellationToken);
        await using var plain = await ScratchFile.CreateAsync(
            folder,
            output => RunAsync(
                [input.Path, .. selection, "--decrypt", "--coalesce-contents", "--generate-appearances", "--flatten-annotations=print", "-"], output, cancellationToken),
            cancellationToken);
        try
        {
            using var json = await DescribeAsync(plain, cancellationToken);
            if (PdfSheets.LayOut(json, paper, fit, numberUp) is not { } update)
                return await SealedFile.CreateAsync(folder, output => plain.CopyToAsync(output, cancellationToken));
            await using var change = await ScratchFile.CreateAsync(folder, output => output.WriteAsync(update, cancellationToken).AsTask(), cancellationToken);
            return await SealedFile.CreateAsync(folder, output => RunAsync([plain.Path, $"--update-from-json={change.Path}", "-"], output, cancellationToken));
        }
        catch (Exception unusual) when (unusual is NotSupportedException or KeyNotFoundException or InvalidOperationException or JsonException)
        {
            return null;
        }
    }

    private async Task<JsonDocument> DescribeAsync(ScratchFile pdf, CancellationToken cancellationToken)
    {
        using var json = new BoundedMemory(LongestJson);
        await RunAsync([pdf.Path, "--json=2", "--json-key=qpdf"], json, cancellationToken);
        json.Position = 0;
        return await JsonDocument.ParseAsync(json, default, cancellationToken);
    }

    private async Task<IReadOnlyList<string>> SelectAsync(ScratchFile pdf, string pages, int? known, CancellationToken cancellationToken)
    {
        var within = PageSelection.Within(pages, known ?? await CountAsync(pdf.Path, cancellationToken));
        return within.Length > 0 ? ["--pages", ".", within, "--"] : throw new NotPrintableException("no-such-pages");
    }

    private async Task<bool> HasJsonAsync(CancellationToken cancellationToken)
    {
        if (_hasJson is { } known)
            return known;
        using var output = new MemoryStream();
        await RunAsync(["--version"], output, cancellationToken);
        var version = Version().Match(System.Text.Encoding.ASCII.GetString(output.ToArray()));
        return (_hasJson = version.Success && int.Parse(version.Groups["major"].Value, CultureInfo.InvariantCulture) >= FirstWithJson).Value;
    }

    [GeneratedRegex("version (?<major>[0-9]{1,4})", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Version();

    private async Task<int> CountAsync(string path, CancellationToken cancellationToken)
    {
        using var output = new MemoryStream();
        await RunAsync(["--show-npages", path], output, cancellationToken);
        return int.Parse(System.Text.Encoding.ASCII.GetString(output.ToArray()), CultureInfo.InvariantCulture);
    }

    private async Task<ScratchFile> PlainAsync(SealedFile pdf, CancellationToken cancellationToken)
    {
        await using var content = pdf.Open();
        return await ScratchFile.CreateAsync(folder, output => content.CopyToAsync(output, cancellationToken), cancellationToken);
    }

    private async Task RunAsync(IReadOnlyList<string> arguments, Stream output, CancellationToken cancellationToken)
    {
        string[] command = OperatingSystem.IsWindows()
            ? [Program!]
            : ["/bin/sh", "-c", string.Create(CultureInfo.InvariantCulture, $"ulimit -v {MostMemory / 1024} 2>/dev/null; ulimit -c 0; exec \"$@\""), "sh", Program!];
        try
        {
            var (exitCode, complaints) = await ChildProgram.RunAsync([.. command, .. arguments], Nothing, write: null, output, Limit, clock, cancellationToken);
            if (exitCode is not (0 or SlightlyDamaged))
                throw new NotPrintableException(complaints.Contains("invalid password", StringComparison.Ordinal) ? "needs-password" : "damaged-file");
        }
        catch (TimeoutException)
        {
            throw new NotPrintableException("damaged-file");
        }
    }

    /// <summary>Memory that takes no more than so many bytes.</summary>
    private sealed class BoundedMemory(int most) : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            Length + buffer.Length <= most ? base.WriteAsync(buffer, cancellationToken) : throw new NotSupportedException("More than there is room for.");
    }
}
