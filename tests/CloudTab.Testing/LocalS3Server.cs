using System.Globalization;
using System.Security.Cryptography;

namespace CloudTab.Testing;

/// <summary>CloudTab.LocalS3 as a process of its own, on a free port and, unless told otherwise, a temporary folder.</summary>
public sealed class LocalS3Server : IAsyncDisposable
{
    private readonly bool _ownsFolder;
    private ChildProcess? _process;

    private LocalS3Server(string? folder)
    {
        _ownsFolder = folder is null;
        Folder = folder ?? Directory.CreateTempSubdirectory("cloudtab-locals3-").FullName;
        Endpoint = new S3Endpoint(
            new Uri($"http://127.0.0.1:{ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture)}"),
            RandomNumberGenerator.GetHexString(20),
            RandomNumberGenerator.GetHexString(40));
    }

    /// <summary>Address and keys; they stay the same when the server is started again.</summary>
    public S3Endpoint Endpoint { get; }

    /// <summary>What LOCALS3_DATA is set to.</summary>
    public string Folder { get; }

    /// <summary>The running process.</summary>
    public ChildProcess Process => _process ?? throw new InvalidOperationException("LocalS3 is not running.");

    /// <param name="folder">Used and left as it is; without it, a new one that is removed at the end.</param>
    /// <param name="cancellationToken">Ends the wait for its readiness.</param>
    public static async Task<LocalS3Server> StartNewAsync(CancellationToken cancellationToken, string? folder = null)
    {
        var server = new LocalS3Server(folder);
        try
        {
            await server.StartAsync(cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it again on the same port, folder and keys.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var environment = new Dictionary<string, string>(ServiceSettings.For(Endpoint), StringComparer.Ordinal)
        {
            ["ASPNETCORE_URLS"] = Endpoint.Address.ToString(),
            ["LOCALS3_DATA"] = Folder,
        };
        _process = await ChildProcess.StartAsync("CloudTab.LocalS3", environment, new Uri(Endpoint.Address, "_health"), cancellationToken);
    }

    /// <summary>SIGTERM, and waits for the end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync()
    {
        var exitCode = await Process.StopAsync();
        await Process.DisposeAsync();
        _process = null;
        return exitCode;
    }

    /// <summary>SIGKILL, and waits for the end.</summary>
    public async Task KillAsync()
    {
        Process.Kill();
        await StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await StopAsync();
        if (_ownsFolder)
            Directory.Delete(Folder, recursive: true);
    }
}
