using System.Diagnostics;
using CloudTab.Testing;
using Microsoft.Extensions.Logging;
using SkiaSharp;

namespace CloudTab.PrintAgent.Tests;

/// <summary>
/// Office documents and photos of iPhones become printable, and the program that does it is confined. LibreOffice is too large for CI: in its
/// place a script of its name gets the same command line, looks around, and fails at whatever it should not see. libheif is the real one.
/// </summary>
public sealed class ConverterTests : IDisposable
{
    private const string Word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

    private const string Secret = "CLOUDTAB_CONVERTER_TESTS_SECRET";

    private static readonly string Home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 1 } home ? home : "/tmp";
    private static readonly string Marker = $"/tmp/cloudtab-marker-{Guid.NewGuid():N}";

    // Each line ends it if it is not as it should be; one that begins with `!` would not. Of all mounts, only its own folder, and what lies over
    // hidden ones, can be written to; mount(8) makes /run/mount. The document that the test sends is a PDF.
    private static readonly string Office = $$"""
        #!/bin/sh
        set -e
        [ "$*" = "-env:UserInstallation=file://$HOME/profile --headless --norestore --nologo --convert-to pdf --outdir out document.docx" ]
        [ "$(ls -A)" = "$(printf 'document.docx\nout')" ]
        [ "$(grep -c : /proc/net/dev)" = 1 ]
        grep -q '^CapEff:.0*$' /proc/self/status
        [ "$(ls -d /proc/[0-9]* | wc -l)" -lt 9 ]
        if (: > /usr/written) 2>/dev/null || (: > "$0.written") 2>/dev/null; then exit 1; fi
        for place in $(cut -d ' ' -f 5 /proc/self/mountinfo); do
            case $place in "$HOME" | /tmp | /run | /dev/shm | "{{Home}}") continue ;; esac
            if (: > "$place/written") 2>/dev/null; then exit 1; fi
        done
        [ -z "${{Secret}}" ]
        [ ! -e {{Marker}} ]
        [ -z "$(ls -A /run | grep -vx mount)" ]
        [ "{{Home}}" = /tmp ] || [ -z "$(ls -A "{{Home}}")" ]
        grep -q '^Max processes  *256  *256 ' /proc/self/limits
        mkdir "$HOME/profile"
        cp document.docx out/document.pdf
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-agent-").FullName;

    // Not in /tmp, which is hidden unless the program lies there.
    private readonly string _programs = Directory.CreateDirectory($"/var/tmp/cloudtab-programs-{Guid.NewGuid():N}").FullName;

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_programs, recursive: true);
        File.Delete(Marker);
        Environment.SetEnvironmentVariable(Secret, null);
    }

    [Fact]
    public async Task An_office_document_is_converted_by_a_program_that_sees_nothing_but_it()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "settings"), "CLOUDTAB_API_KEY=secret", Token);
        await File.WriteAllTextAsync(Marker, "", Token);
        Environment.SetEnvironmentVariable(Secret, "secret");
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
        var limit = TimeSpan.FromSeconds(2);
        using var converter = await WithProgramAsync("soffice", $"#!/bin/sh\nsleep {mark} &\nsleep {mark}\n", limit);
        await RequireNamespacesAsync();
        Assert.True(await converter.CanConvertAsync(Word, Token));

        var started = Stopwatch.GetTimestamp();
        Assert.Equal(["no-converter"], (await Assert.ThrowsAsync<NotPrintableException>(() => ConvertedAsync(converter, [1], Word))).Reasons);
        Assert.True(Stopwatch.GetElapsedTime(started) >= limit, "it ran until it was killed");

        await Eventually.HoldsAsync(
            () => Task.FromResult(!Process.GetProcessesByName("sleep").Any(process => CommandLine(process.Id).Contains(mark, StringComparison.Ordinal))), "all of them are gone",
            TimeSpan.FromSeconds(20), Token);
    }

    [Theory]
    [InlineData("exit 1")]
    [InlineData("exit 0")]
    [InlineData("cp document.docx out/one.pdf; cp document.docx out/two.pdf")]
    [InlineData("ln -s /dev/zero out/document.pdf")]
    [InlineData("ln -s /etc/passwd out/document.pdf")]
    [InlineData("mkfifo out/document.pdf")]
    [InlineData("truncate -s 101M out/document.pdf")]
    public async Task What_a_converter_cannot_convert_goes_to_the_counter(string program)
    {
        using var converter = await WithProgramAsync("libreoffice", $"#!/bin/sh\n{program}\n");
        await RequireNamespacesAsync();
        Assert.True(await converter.CanConvertAsync(Word, Token));
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
    public async Task A_PC_that_cannot_confine_a_converter_converts_nothing_and_says_so_once()
    {
        await RequireNamespacesAsync();
        await WriteProgramAsync("soffice", Office);
        var log = new Lines();
        using var converter = new Converter("/proc/no-folder", _programs, TimeProvider.System, log);

        Assert.False(await converter.CanConvertAsync(Word, Token));
        Assert.False(await converter.CanConvertAsync(Word, Token));
        Assert.Contains("/proc/no-folder", Assert.Single(log.Written), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_PC_that_was_too_busy_to_say_whether_it_can_confine_a_converter_is_asked_again_after_a_while()
    {
        await RequireNamespacesAsync();
        await WriteProgramAsync("soffice", Office);
        var (clock, log) = (new Clock { IsHasty = true }, new Lines());
        using var converter = new Converter(_folder, _programs, clock, log);

        Assert.False(await converter.CanConvertAsync(Word, Token));
        clock.IsHasty = false;
        Assert.False(await converter.CanConvertAsync(Word, Token));
        clock.Forward(TimeSpan.FromMinutes(5));
        Assert.True(await converter.CanConvertAsync(Word, Token));
        Assert.Contains("too busy", Assert.Single(log.Written), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_photo_of_an_iPhone_becomes_a_picture()
    {
        using var converter = new Converter(_folder, Environment.GetEnvironmentVariable("PATH"), TimeProvider.System, new Lines());
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

    // Some containers have none, and CI must not be one of them. Whether the converter gets along with what there is, its tests say.
    private static async Task RequireNamespacesAsync()
    {
        Prerequisite.Require(OperatingSystem.IsLinux(), "Namespaces are Linux's.");
        Prerequisite.Require(File.Exists("/usr/bin/unshare"), "unshare is not installed (Debian's util-linux).");
        using var process = Process.Start(new ProcessStartInfo("/usr/bin/unshare", ["--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--mount-proc", "true"])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        })!;
        await process.WaitForExitAsync(Token);
        Prerequisite.Require(process.ExitCode == 0, "This system gives its users no namespaces.");
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
        await WriteProgramAsync(name, script);
        return new(_folder, _programs, TimeProvider.System, new Lines()) { Limit = limit ?? TimeSpan.FromSeconds(60) };
    }

    private async Task WriteProgramAsync(string name, string script)
    {
        var program = Path.Combine(_programs, name);
        await File.WriteAllTextAsync(program, script, Token);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
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

    /// <summary>The system's clock, whose timestamps a test moves forward, and whose timers end at once while it is hasty.</summary>
    private sealed class Clock : TimeProvider
    {
        private TimeSpan _forward;

        public bool IsHasty { get; set; }

        public void Forward(TimeSpan by) => _forward += by;

        public override long GetTimestamp() => base.GetTimestamp() + (long)(_forward.TotalSeconds * TimestampFrequency);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => base.CreateTimer(callback, state, IsHasty ? TimeSpan.Zero : dueTime, period);
    }

    /// <summary>What is written to the log.</summary>
    private sealed class Lines : ILogger<Converter>
    {
        public List<string> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Written.Add(formatter(state, exception));
    }
}
