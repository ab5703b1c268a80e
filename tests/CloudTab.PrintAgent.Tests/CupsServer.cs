using System.Globalization;
using System.Net.Sockets;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>
/// cupsd with folders of its own, as root or not, and one queue, `shop`, for a printer that speaks IPP. It keeps documents, as CUPS does unless it
/// is told otherwise.
/// </summary>
internal sealed class CupsServer : IAsyncDisposable
{
    private static readonly bool IsInstalled = File.Exists("/usr/sbin/cupsd") && File.Exists("/usr/sbin/lpadmin") && File.Exists("/usr/lib/cups/filter/bannertopdf");

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-cups-").FullName;
    private ChildProcess? _process;

    public int Port { get; } = ChildProcess.FreePort();

    public string Socket => Path.Combine(_folder, "cups.sock");

    /// <summary>Documents that it keeps.</summary>
    public string[] Documents => Directory.GetFiles(Spool, "d*");

    private string Spool => Path.Combine(_folder, "spool");

    public static void Require() => Prerequisite.Require(IsInstalled, "CUPS is not installed (Debian's cups, cups-client and cups-filters).");

    public static async Task<CupsServer> StartAsync(string printer, CancellationToken cancellationToken)
    {
        var cups = new CupsServer();
        // Filters run as a user of their own, and have to get at the spool.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(cups._folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        foreach (var folder in (string[])["root", "spool", "state", "cache", "tmp", "log"])
            Directory.CreateDirectory(Path.Combine(cups._folder, folder));
        await File.WriteAllTextAsync(Path.Combine(cups._folder, "cups-files.conf"),
            $"""
            ServerRoot {cups._folder}/root
            RequestRoot {cups._folder}/spool
            StateDir {cups._folder}/state
            CacheDir {cups._folder}/cache
            TempDir {cups._folder}/tmp
            AccessLog {cups._folder}/log/access
            ErrorLog {cups._folder}/log/error
            PageLog {cups._folder}/log/page
            SystemGroup root

            """, cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(cups._folder, "cupsd.conf"), string.Create(CultureInfo.InvariantCulture,
            $"""
            Listen 127.0.0.1:{cups.Port}
            Listen {cups.Socket}
            ServerAlias *
            LogLevel debug
            DefaultAuthType None
            Browsing Off
            WebInterface No
            ErrorPolicy stop-printer
            <Location />
              Order allow,deny
              Allow all
            </Location>
            <Policy default>
              JobPrivateAccess default
              JobPrivateValues default
              <Limit All>
                Order allow,deny
                Allow all
              </Limit>
            </Policy>

            """), cancellationToken);
        // Without a limit on open files cupsd asks for a table of all that there might be.
        cups._process = await ChildProcess.StartProgramAsync(
            ["/bin/sh", "-c", "ulimit -n 4096; exec \"$@\"", "sh", "/usr/sbin/cupsd", "-f", "-c", Path.Combine(cups._folder, "cupsd.conf"), "-s", Path.Combine(cups._folder, "cups-files.conf")],
            new Dictionary<string, string>(StringComparer.Ordinal), token => ChildProcess.ListensAsync(new UnixDomainSocketEndPoint(cups.Socket), token), cancellationToken);
        await cups.SetAsync(cancellationToken, "-E", "-v", printer, "-m", "everywhere");
        // cupsd asks the printer what it can in a thread of its own. Until that is done the queue converts nothing.
        using var shop = Given.Printer("cups:shop", cups.Socket);
        await Eventually.HoldsAsync(
            async () => (await shop.DescribeAsync(cancellationToken)).Sides.Contains("two-sided-long-edge", StringComparer.Ordinal), "CUPS knows its printer", TimeSpan.FromSeconds(30), cancellationToken);
        return cups;
    }

    /// <summary>Changes the queue: lpadmin's options.</summary>
    public async Task SetAsync(CancellationToken cancellationToken, params string[] options)
    {
        await using var admin = await ChildProcess.StartProgramAsync(
            ["/usr/sbin/lpadmin", "-p", "shop", .. options],
            new Dictionary<string, string>(StringComparer.Ordinal) { ["CUPS_SERVER"] = $"127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}" }, isReady: null, cancellationToken);
        var code = await admin.WaitForExitAsync(cancellationToken);
        Assert.True(code == 0, admin.Output);
    }

    public async ValueTask DisposeAsync()
    {
        // Told to end, it ends the programs of its jobs too.
        if (_process is not null)
            await _process.DisposeAsync();
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
            TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', File.ReadLines(Path.Combine(_folder, "log", "error")).Where(line => line[0] is 'E' or 'W' || line.Contains("[Job ", StringComparison.Ordinal))));

        Directory.Delete(_folder, recursive: true);
    }
}
