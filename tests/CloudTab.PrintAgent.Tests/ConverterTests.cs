using System.Diagnostics;
using CloudTab.Testing;
using SkiaSharp;

namespace CloudTab.PrintAgent.Tests;

/// <summary>
/// Office documents and photos of iPhones become printable, and the program that does it is confined. LibreOffice is too large for CI: in its
/// place a script of its name gets the same command line, looks around, and fails at whatever it should not see. libheif is the real one.
/// </summary>
public sealed class ConverterTests : IDisposable
{
    private const string Word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

    // Each line ends it if it is not as it should be. The document that the test sends is a PDF.
    private const string Office = """
        #!/bin/sh
        set -e
        [ "$*" = "-env:UserInstallation=file://$HOME/profile --headless --norestore --nologo --convert-to pdf --outdir out document.docx" ]
        [ "$(ls -A)" = "$(printf 'document.docx\nout')" ]
        [ "$(grep -c : /proc/net/dev)" = 1 ]
        grep -q '^CapEff:.0*$' /proc/self/status
        [ "$(ls -d /proc/[0-9]* | wc -l)" -lt 9 ]
        ! (: > /usr/written) 2>/dev/null
        [ -z "$CLOUDTAB_API_KEY" ]
        mkdir "$HOME/profile"
        cp document.docx out/document.pdf
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-agent-").FullName;
    private readonly string _programs = Directory.CreateTempSubdirectory("cloudtab-programs-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_programs, recursive: true);
    }

    [Fact]
    public async Task An_office_document_is_converted_by_a_program_that_sees_nothing_but_it()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "settings"), "CLOUDTAB_API_KEY=secret", Token);
        using var converter = await WithProgramAsync("soffice", Office);
        await RequireNamespacesAsync();

        Assert.Equal(Given.Pdf(pages: 2), await ConvertedAsync(converter, Given.Pdf(pages: 2), Word));
        Assert.Equal(["settings"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Except(["files"]));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder, "files")));
    }

    [Fact]
    public async Task A_converter_that_takes_too_long_is_killed_with_all_that_it_has_started()
    {
        var mark = $"{Random.Shared.Next(100_000, 1_000_000)}.125";
        using var converter = await WithProgramAsync("soffice", $"#!/bin/sh\nsleep {mark} &\nsleep {mark}\n", TimeSpan.FromSeconds(2));
        await RequireNamespacesAsync();

        Assert.Equal(["no-converter"], (await Assert.ThrowsAsync<NotPrintableException>(() => ConvertedAsync(converter, [1], Word))).Reasons);

        await Eventually.HoldsAsync(
            () => Task.FromResult(!Process.GetProcessesByName("sleep").Any(process => CommandLine(process.Id).Contains(mark, StringComparison.Ordinal))), "all of them are gone",
            TimeSpan.FromSeconds(20), Token);
    }

    [Theory]
    [InlineData("#!/bin/sh\nexit 1\n")]
    [InlineData("#!/bin/sh\nexit 0\n")]
    public async Task What_a_converter_cannot_convert_goes_to_the_counter(string program)
    {
        using var converter = await WithProgramAsync("libreoffice", program);
        await RequireNamespacesAsync();
        Assert.Equal(["no-converter"], (await Assert.ThrowsAsync<NotPrintableException>(() => ConvertedAsync(converter, [1], Word))).Reasons);
    }

    [Fact]
    public async Task A_PC_without_a_program_for_a_type_converts_nothing_of_it()
    {
        using var converter = await WithProgramAsync("soffice", Office);
        Assert.False(await converter.CanConvertAsync("image/heic", Token));
        Assert.False(await converter.CanConvertAsync("image/tiff", Token));
        Assert.Equal(["no-converter"], (await Assert.ThrowsAsync<NotPrintableException>(() => ConvertedAsync(converter, [1], "image/heic"))).Reasons);
    }

    [Fact]
    public async Task A_photo_of_an_iPhone_becomes_a_picture()
    {
        using var converter = new Converter(_folder, Environment.GetEnvironmentVariable("PATH"), TimeProvider.System);
        Prerequisite.Require(File.Exists("/usr/bin/heif-enc"), "heif-enc is not installed (Debian's libheif-examples).");
        await RequireNamespacesAsync();
        using var bitmap = new SKBitmap(64, 48);
        bitmap.Erase(SKColors.Red);
        var (png, heic) = (Path.Combine(_programs, "a.png"), Path.Combine(_programs, "a.heic"));
        await File.WriteAllBytesAsync(png, bitmap.Encode(SKEncodedImageFormat.Png, 100).ToArray(), Token);
        using (var encoder = Process.Start(new ProcessStartInfo("/usr/bin/heif-enc", ["-o", heic, png]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!)
            await encoder.WaitForExitAsync(Token);

        using var photo = SKBitmap.Decode(await ConvertedAsync(converter, await File.ReadAllBytesAsync(heic, Token), "image/heic"));

        Assert.Equal((64, 48), (photo.Width, photo.Height));
        Assert.True(photo.GetPixel(32, 24) is { Red: > 200, Green: < 60, Blue: < 60 });
    }

    // Some containers have none. Whether the converter gets along with what there is, its tests say.
    private static async Task RequireNamespacesAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/unshare"), "namespaces are Linux's");
        using var process = Process.Start(new ProcessStartInfo("/usr/bin/unshare", ["--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--mount-proc", "true"])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        })!;
        await process.WaitForExitAsync(Token);
        Assert.SkipUnless(process.ExitCode == 0, "this system gives no namespaces");
    }

    private static string CommandLine(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }

    private async Task<Converter> WithProgramAsync(string name, string script, TimeSpan? limit = null)
    {
        var program = Path.Combine(_programs, name);
        await File.WriteAllTextAsync(program, script, Token);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new(_folder, _programs, TimeProvider.System) { Limit = limit ?? TimeSpan.FromSeconds(60) };
    }

    private async Task<byte[]> ConvertedAsync(Converter converter, byte[] content, string type)
    {
        using var download = await SealedFile.CreateAsync(Path.Combine(_folder, "files"), output => output.WriteAsync(content, Token).AsTask());
        using var made = await converter.ConvertAsync(download, type, Token);
        using var bytes = new MemoryStream();
        await using (var opened = made.Open())
            await opened.CopyToAsync(bytes, Token);
        return bytes.ToArray();
    }
}
