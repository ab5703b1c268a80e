using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace CloudTab.Testing;

/// <summary>
/// ippeveprinter, CUPS's printer that speaks IPP Everywhere, on loopback. Its script writes down each job that comes out, as the printer saw it,
/// and that record is what tests judge by. Files in <see cref="Folder"/> make it do what printers do: `hold` (a job waits as long as it is
/// there), `state` (reasons such as `media-jam,cover-open`, told at once, also in the middle of a job, and taken back at its end), `abort`, `count` (it counts the sides that it prints).
/// </summary>
public sealed partial class TestPrinter : IAsyncDisposable
{
    private const string Script =
        """
        #!/bin/sh
        # $1: the document. A line on standard error that begins with STATE: sets the printer's state reasons.
        cd "${0%/*}"
        say() { if [ -e state ] && mv state said; then sed 's/^/STATE: /' said >&2; fi; }
        say
        : > "started-$$"
        while [ -e hold ]; do sleep 0.05; say; done
        if [ -e said ]; then rm said; echo 'STATE: none' >&2; fi
        if [ -e abort ]; then exit 1; fi
        if [ -e count ]; then echo "ATTR: job-impressions-completed=$(($(qpdf --show-npages "$1") * ${IPP_COPIES:-1}))" >&2; fi
        cp "$1" "paper-$$.document"
        env > "paper-$$.part"
        exec mv "paper-$$.part" "paper-$$.job"
        """;

    private readonly string[] _options;
    private readonly string _dbus;
    private ChildProcess? _bus;
    private ChildProcess? _printer;

    private TestPrinter(string folder, string[] options) => (Folder, _options, _dbus) = (folder, options, Path.Combine(folder, "bus"));

    public string Folder { get; }

    public int Port { get; } = ChildProcess.FreePort();

    public string Address => string.Create(CultureInfo.InvariantCulture, $"ipp://localhost:{Port}/ipp/print");

    /// <summary>What came out, in order.</summary>
    public IReadOnlyList<PrintedJob> Paper => [.. Directory.GetFiles(Folder, "paper-*.job").Select(PrintedJob.Read).OrderBy(job => job.Id)];

    /// <summary>When the latest job was begun; long ago if none was.</summary>
    public DateTimeOffset LastBegun => Directory.GetFiles(Folder, "started-*").Select(file => new DateTimeOffset(File.GetLastWriteTimeUtc(file))).DefaultIfEmpty().Max();

    /// <summary>How many jobs the printer has begun.</summary>
    public int Begun => Directory.GetFiles(Folder, "started-*").Length;

    /// <summary>Whether the programs are there: packages cups-ipp-utils and dbus of Debian.</summary>
    public static bool IsInstalled { get; } = File.Exists("/usr/sbin/ippeveprinter") && File.Exists("/usr/bin/dbus-daemon");

    /// <summary>Without the programs nothing can be said of printing: in CI that is a failure.</summary>
    public static void Require() => Prerequisite.Require(IsInstalled, "ippeveprinter is not installed (Debian's cups-ipp-utils and dbus).");

    /// <param name="options">More options of ippeveprinter; none: PDF, JPEG and PWG raster, both sides, colour.</param>
    public static async Task<TestPrinter> StartAsync(CancellationToken cancellationToken, params string[] options)
    {
        var printer = new TestPrinter(Directory.CreateTempSubdirectory("cloudtab-printer-").FullName, options is [] ? ["-2", "-s", "10,5", "-f", "application/pdf,image/jpeg,image/pwg-raster"] : options);
        try
        {
            Directory.CreateDirectory(Path.Combine(printer.Folder, "spool"));
            var script = Path.Combine(printer.Folder, "printer.sh");
            await File.WriteAllTextAsync(script, Script, cancellationToken);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            printer._bus = await ChildProcess.StartProgramAsync(
                ["dbus-daemon", "--session", "--nofork", $"--address=unix:path={printer._dbus}"], new Dictionary<string, string>(StringComparer.Ordinal),
                token => ChildProcess.ListensAsync(new UnixDomainSocketEndPoint(printer._dbus), token), cancellationToken);
            await printer.TurnOnAsync(cancellationToken);
            return printer;
        }
        catch
        {
            await printer.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it. It knows nothing of earlier jobs, and gives their ids again.</summary>
    public async Task TurnOnAsync(CancellationToken cancellationToken) => _printer = await ChildProcess.StartProgramAsync(
        [
            "/usr/sbin/ippeveprinter", "-v", "-r", "off", "-n", "localhost", "-p", Port.ToString(CultureInfo.InvariantCulture),
            "-d", Path.Combine(Folder, "spool"), "-k", "-c", Path.Combine(Folder, "printer.sh"), .. _options, "Test printer",
        ],
        new Dictionary<string, string>(StringComparer.Ordinal) { ["DBUS_SYSTEM_BUS_ADDRESS"] = $"unix:path={_dbus}" },
        token => ChildProcess.ListensAsync(new DnsEndPoint("localhost", Port), token),
        cancellationToken);

    /// <summary>Ends it at once, as when somebody pulls the plug.</summary>
    public async Task TurnOffAsync()
    {
        _printer!.Kill();
        await _printer.DisposeAsync();
        _printer = null;
    }

    /// <summary>The next jobs wait, after the printer has told of these states.</summary>
    /// <param name="states">For example `media-jam`.</param>
    public async Task HoldAsync(CancellationToken cancellationToken, params string[] states)
    {
        if (states.Length > 0)
            await SayAsync(cancellationToken, states);
        await File.WriteAllTextAsync(Path.Combine(Folder, "hold"), "", cancellationToken);
    }

    /// <summary>The job that is held, or else the next one, makes the printer tell of these states instead of those before, within 50 ms.</summary>
    /// <param name="states">None: all is well again.</param>
    public async Task SayAsync(CancellationToken cancellationToken, params string[] states)
    {
        var part = Path.Combine(Folder, "state.part");
        await File.WriteAllTextAsync(part, states is [] ? "none\n" : string.Join(',', states) + "\n", cancellationToken);
        File.Move(part, Path.Combine(Folder, "state"), overwrite: true);
    }

    public void Release() => File.Delete(Path.Combine(Folder, "hold"));

    /// <summary>From now on it counts the sides that it prints.</summary>
    public void Count() => File.WriteAllText(Path.Combine(Folder, "count"), "");

    /// <summary>The next jobs fail.</summary>
    public void Break() => File.WriteAllText(Path.Combine(Folder, "abort"), "");

    public async ValueTask DisposeAsync()
    {
        Release();
        if (_printer is not null)
            await TurnOffAsync();
        if (_bus is not null)
        {
            _bus.Kill();
            await _bus.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>A job that came out of the printer, by the variables that it gave to its script.</summary>
    public sealed partial record PrintedJob(IReadOnlyDictionary<string, string> Attributes, byte[] Document)
    {
        public int Id => int.Parse(Attributes["IPP_JOB_ID"], CultureInfo.InvariantCulture);

        public string Name => Attributes["IPP_JOB_NAME"];

        public string? this[string attribute] => Attributes.GetValueOrDefault(attribute);

        public static PrintedJob Read(string file) => new(
            File.ReadLines(file).Select(line => Variable().Match(line)).Where(match => match.Success)
                .ToDictionary(match => match.Groups["name"].Value, match => match.Groups["value"].Value, StringComparer.Ordinal),
            File.ReadAllBytes(Path.ChangeExtension(file, ".document")));

        [GeneratedRegex("^(?<name>IPP_[A-Z0-9_]+)=(?<value>.*)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
        private static partial Regex Variable();
    }
}
