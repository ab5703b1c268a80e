using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace CloudTab.Testing;

/// <summary>
/// Ceph's RADOS Gateway, an S3 implementation that is strict and none of ours: a monitor, one storage daemon that keeps everything
/// in memory, and the gateway, as plain processes on loopback. From Debian's packages ceph-mon, ceph-osd and radosgw; up in about
/// two seconds.
/// </summary>
public sealed class RadosGateway : IAsyncDisposable
{
    private static readonly string[] Programs = ["ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin"];
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-rgw-").FullName;
    private readonly string _monitors = $"[v2:127.0.0.1:{Port()}/0,v1:127.0.0.1:{Port()}/0]";
    private readonly string _cluster = Guid.NewGuid().ToString();
    private readonly List<Process> _daemons = [];
    private readonly ConcurrentQueue<string> _output = new();

    private RadosGateway() => Endpoint = new S3Endpoint(
        new Uri($"http://127.0.0.1:{Port()}"), RandomNumberGenerator.GetHexString(20), RandomNumberGenerator.GetHexString(40));

    /// <summary>Whether all the programs that it takes are on the PATH.</summary>
    public static bool IsInstalled { get; } = Programs.All(program =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program))));

    public S3Endpoint Endpoint { get; }

    private string Configuration => Path.Combine(_folder, "ceph.conf");

    private string Keyring => Path.Combine(_folder, "keyring");

    /// <exception cref="InvalidOperationException">A daemon ended, or the gateway did not answer within a minute; what they wrote is in the message.</exception>
    public static async Task<RadosGateway> StartNewAsync(CancellationToken cancellationToken)
    {
        var gateway = new RadosGateway();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StartLimit);
        try
        {
            await gateway.StartAsync(limit.Token);
            return gateway;
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            await gateway.DisposeAsync();
            throw new InvalidOperationException($"The RADOS Gateway was not ready within {StartLimit}:\n{gateway.Output()}", exception);
        }
        catch
        {
            await gateway.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // All of it is in memory and temporary: nothing is lost by SIGKILL, and a clean end takes Ceph seconds.
        foreach (var daemon in Enumerable.Reverse(_daemons))
        {
            daemon.Kill();
            await daemon.WaitForExitAsync(CancellationToken.None);
            daemon.Dispose();
        }

        _daemons.Clear();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(Configuration, ConfigurationText(), cancellationToken);
        await RunAsync("ceph-authtool", ["--create-keyring", Keyring, "--gen-key", "--name", "mon.", "--cap", "mon", "allow *"], cancellationToken);
        await RunAsync("ceph-authtool", [Keyring, "--gen-key", "--name", "client.admin", "--cap", "mon", "allow *", "--cap", "osd", "allow *"], cancellationToken);

        var map = Path.Combine(_folder, "monmap");
        await RunAsync("monmaptool", ["--create", "--fsid", _cluster, "--addv", "a", _monitors, map], cancellationToken);
        await RunAsync("ceph-mon", ["-c", Configuration, "--mkfs", "-i", "a", "--keyring", Keyring, "--monmap", map], cancellationToken);
        StartDaemon("ceph-mon", ["-c", Configuration, "-i", "a", "-f"]);

        var storage = Guid.NewGuid().ToString();
        await RunAsync("ceph", ["-c", Configuration, "osd", "new", storage], cancellationToken);
        var key = await RunAsync("ceph", ["-c", Configuration, "auth", "get-or-create", "osd.0", "mon", "allow profile osd", "osd", "allow *"], cancellationToken);
        await File.AppendAllTextAsync(Keyring, key, cancellationToken);
        await RunAsync("ceph-osd", ["-c", Configuration, "-i", "0", "--mkfs", "--osd-uuid", storage], cancellationToken);
        StartDaemon("ceph-osd", ["-c", Configuration, "-i", "0", "-f"]);

        await RunAsync(
            "radosgw-admin",
            ["-c", Configuration, "user", "create", "--uid", "cloudtab", "--display-name", "CloudTab", "--access-key", Endpoint.AccessKeyId, "--secret-key", Endpoint.SecretAccessKey],
            cancellationToken);
        StartDaemon("radosgw", ["-c", Configuration, "-n", "client.admin", "-f"]);
        await WaitUntilReadyAsync(cancellationToken);
    }

    // One placement group per pool, one copy, and no pause before the monitor commits: what a cluster of one needs to be quick.
    private string ConfigurationText() => $"""
        [global]
        fsid = {_cluster}
        mon_host = {_monitors}
        public_addr = 127.0.0.1
        keyring = {Keyring}
        run_dir = {_folder}
        admin_socket =
        pid_file =
        log_file =
        log_to_stderr = true
        mon_cluster_log_to_file = false
        mon_data = {_folder}/mon
        osd_data = {_folder}/osd
        osd_objectstore = memstore
        memstore_device_bytes = 4294967296
        osd_pool_default_size = 1
        osd_pool_default_min_size = 1
        osd_pool_default_pg_num = 1
        osd_pool_default_pgp_num = 1
        osd_pool_default_pg_autoscale_mode = off
        osd_crush_chooseleaf_type = 0
        mon_allow_pool_size_one = true
        mon_max_pg_per_osd = 1000
        paxos_propose_interval = 0.02
        paxos_min_wait = 0.01
        rgw_frontends = beast endpoint={Endpoint.Address.Authority}
        rgw_thread_pool_size = 32

        """;

    private async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_daemons.Find(daemon => daemon.HasExited) is { } ended)
                throw new InvalidOperationException($"{ended.StartInfo.FileName} ended with {ended.ExitCode}:\n{Output()}");
            try
            {
                using var response = await Http.GetAsync(Endpoint.Address, cancellationToken);
                return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellationToken);
        }
    }

    private void StartDaemon(string program, string[] arguments)
    {
        var process = Start(program, arguments);
        _daemons.Add(process);
        process.OutputDataReceived += Keep;
        process.BeginOutputReadLine();
    }

    private async Task<string> RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Start(program, arguments);
        try
        {
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} ended with {process.ExitCode}:\n{output}\n{Output()}");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }

    private Process Start(string program, string[] arguments)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "mon"));
        Directory.CreateDirectory(Path.Combine(_folder, "osd"));
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true },
        };
        process.ErrorDataReceived += Keep;
        process.Start();
        process.BeginErrorReadLine();
        return process;
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (!string.IsNullOrEmpty(line.Data))
            _output.Enqueue(line.Data);
    }

    private string Output() => string.Join('\n', _output.TakeLast(50));

    private static string Port() => ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture);
}
