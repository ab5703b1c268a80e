using System.Globalization;
using System.Net;

namespace CloudTab.Testing;

/// <summary>
/// clamd, of Debian's package clamav-daemon, on loopback: with one signature, EICAR's test file, it is ready in a moment and small.
/// </summary>
public sealed class ClamdServer : IAsyncDisposable
{
    private readonly string _folder;
    private readonly ChildProcess _process;

    private ClamdServer(string folder, ChildProcess process) => (_folder, _process) = (folder, process);

    /// <summary>Whether the program is on the PATH.</summary>
    public static bool IsInstalled { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/sbin")
        .Any(folder => File.Exists(Path.Combine(folder, "clamd")));

    /// <summary>The file that every scanner calls a virus, and that is none (https://www.eicar.org/download-anti-malware-testfile/).</summary>
    public static byte[] Eicar => [.. @"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR"u8, .. "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"u8];

    /// <param name="port">A free port of loopback.</param>
    /// <param name="longestStream">StreamMaxLength: bytes that it takes of one file.</param>
    /// <param name="settings">More lines of its configuration.</param>
    public static async Task<ClamdServer> StartAsync(int port, long longestStream, CancellationToken cancellationToken, params string[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("cloudtab-clamd-").FullName;
        var configuration = Path.Combine(folder, "clamd.conf");
        await File.WriteAllTextAsync(Path.Combine(folder, "test.ndb"), $"Eicar-Test:0:*:{Convert.ToHexStringLower(Eicar)}\n", cancellationToken);
        await File.WriteAllTextAsync(
            configuration,
            string.Create(CultureInfo.InvariantCulture, $"Foreground yes\nDatabaseDirectory {folder}\nTemporaryDirectory {folder}\nTCPAddr 127.0.0.1\nTCPSocket {port}\nStreamMaxLength {longestStream}\n{string.Join('\n', settings)}\n"),
            cancellationToken);
        var process = await ChildProcess.StartProgramAsync(
            [File.Exists("/usr/sbin/clamd") ? "/usr/sbin/clamd" : "clamd", "--config-file", configuration],
            new Dictionary<string, string>(StringComparer.Ordinal),
            token => ChildProcess.ListensAsync(new IPEndPoint(IPAddress.Loopback, port), token),
            cancellationToken);
        return new(folder, process);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
