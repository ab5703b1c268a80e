using System.Globalization;
using System.Security.Cryptography;
using Dapper;
using Npgsql;

namespace CloudTab.Testing;

/// <summary>
/// The whole relay as processes on loopback: Postgres, S3, and two replicas of every service behind one gateway, or all of it in one process.
/// Any of them can be killed and started again on its own port, which the AppHost's API cannot do.
/// </summary>
public sealed class RelayProcesses : IAsyncDisposable
{
    /// <summary>Where all objects are.</summary>
    public const string Bucket = "cloudtab";

    /// <summary>The name of the relay that is one process.</summary>
    public const string Standalone = "standalone";

    private const string Gateway = "gateway";

    private static readonly string[] Replicated = ["upload-api", "shop-api", "notifier", "janitor"];

    private readonly Dictionary<string, string> _settings;
    private readonly Dictionary<string, List<Replica>> _replicas = new(StringComparer.Ordinal);

    private RelayProcesses(LocalPostgresServer postgres, LocalS3Server s3, IReadOnlyDictionary<string, string> settings)
    {
        Postgres = postgres;
        S3 = s3;
        _settings = ServiceSettings.For(postgres.ConnectionString, s3.Endpoint, Bucket);
        _settings["ASPNETCORE_ENVIRONMENT"] = "Development";
        foreach (var (name, value) in settings)
            _settings[name] = value;
    }

    public LocalPostgresServer Postgres { get; }

    public LocalS3Server S3 { get; }

    /// <summary>The public origin.</summary>
    public Uri Origin => _replicas[_replicas.ContainsKey(Standalone) ? Standalone : Gateway][0].Address;

    /// <summary>A key of the default shop.</summary>
    public string Key { get; } = "ctk_" + RandomNumberGenerator.GetHexString(40);

    /// <param name="settings">Settings of all services, beside where Postgres and S3 are.</param>
    public static Task<RelayProcesses> StartAsync(IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken) => StartAsync(
        settings,
        async relay =>
        {
            await ServiceSettings.MigrateAsync(relay.SettingsWithKey(), cancellationToken);
            await Task.WhenAll(Replicated.SelectMany(service => new[] { relay.AddAsync(service, cancellationToken), relay.AddAsync(service, cancellationToken) }));
            await relay.AddAsync(Gateway, cancellationToken);
        },
        cancellationToken);

    /// <summary>The relay that is one process, which migrates by itself.</summary>
    /// <param name="settings">Its settings, beside where Postgres and S3 are.</param>
    public static Task<RelayProcesses> StartStandaloneAsync(IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken) =>
        StartAsync(settings, relay => relay.AddAsync(Standalone, cancellationToken), cancellationToken);

    private static async Task<RelayProcesses> StartAsync(
        IReadOnlyDictionary<string, string> settings, Func<RelayProcesses, Task> start, CancellationToken cancellationToken)
    {
        var relay = new RelayProcesses(
            await LocalPostgresServer.StartNewAsync(cancellationToken), await LocalS3Server.StartNewAsync(cancellationToken), settings);
        try
        {
            await start(relay);
            return relay;
        }
        catch
        {
            await relay.DisposeAsync();
            throw;
        }
    }

    /// <summary>The processes of all services.</summary>
    public IEnumerable<ChildProcess> Processes => _replicas.Values.SelectMany(all => all).Select(replica => replica.Process!);

    /// <summary>Process id of a replica.</summary>
    public int ProcessId(string service, int replica = 0) => _replicas[service][replica].Process!.Id;

    /// <summary>Address of a replica itself, past the gateway.</summary>
    public Uri Address(string service, int replica = 0) => _replicas[service][replica].Address;

    /// <summary>SIGKILL, then a new start on the same port: what an orchestrator does after a crash.</summary>
    public Task KillAndRestartAsync(string service, int replica, CancellationToken cancellationToken)
    {
        _replicas[service][replica].Process!.Kill();
        return RestartAsync(service, replica, cancellationToken);
    }

    /// <summary>SIGTERM, then a new start on the same port.</summary>
    public async Task RestartAsync(string service, int replica, CancellationToken cancellationToken)
    {
        var restarted = _replicas[service][replica];
        await restarted.Process!.DisposeAsync();
        await StartAsync(service, restarted, cancellationToken);
    }

    /// <summary>Keys of all objects in the bucket.</summary>
    public async Task<List<string>> ObjectsAsync(CancellationToken cancellationToken)
    {
        using var client = S3.Endpoint.CreateClient();
        var page = await client.ListObjectsV2Async(new() { BucketName = Bucket }, cancellationToken);
        return [.. (page.S3Objects ?? []).Select(found => found.Key)];
    }

    /// <summary>Keys of all multipart uploads in the bucket that were neither completed nor aborted.</summary>
    public async Task<List<string>> OpenUploadsAsync(CancellationToken cancellationToken)
    {
        using var client = S3.Endpoint.CreateClient();
        var page = await client.ListMultipartUploadsAsync(new Amazon.S3.Model.ListMultipartUploadsRequest { BucketName = Bucket }, cancellationToken);
        return [.. (page.MultipartUploads ?? []).Select(found => found.Key)];
    }

    /// <summary>Rows of files in a status.</summary>
    public Task<long> FilesAsync(string status, CancellationToken cancellationToken) =>
        CountAsync($"SELECT count(*) FROM files WHERE status = '{status}'", cancellationToken);

    /// <summary>What a statement counts in the database.</summary>
    public async Task<long> CountAsync(string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(Postgres.ConnectionString);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(sql, cancellationToken: cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_replicas.Values.SelectMany(all => all).Select(replica => replica.Process?.DisposeAsync().AsTask() ?? Task.CompletedTask));
        await S3.DisposeAsync();
        await Postgres.DisposeAsync();
    }

    private static string Project(string service) => service switch
    {
        "upload-api" => "CloudTab.UploadApi",
        "shop-api" => "CloudTab.ShopApi",
        "notifier" => "CloudTab.Notifier",
        "janitor" => "CloudTab.Janitor",
        Gateway => "CloudTab.Gateway",
        Standalone => "CloudTab.Standalone",
        _ => throw new ArgumentOutOfRangeException(nameof(service), service, "no such service"),
    };

    private Dictionary<string, string> SettingsWithKey() => new(_settings, StringComparer.Ordinal) { ["SHOPKEEPER_API_KEY"] = Key };

    private async Task AddAsync(string service, CancellationToken cancellationToken)
    {
        var replica = new Replica(new Uri($"http://127.0.0.1:{ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture)}"));
        lock (_replicas)
        {
            if (!_replicas.TryGetValue(service, out var all))
                _replicas[service] = all = [];
            all.Add(replica);
        }

        await StartAsync(service, replica, cancellationToken);
    }

    private async Task StartAsync(string service, Replica replica, CancellationToken cancellationToken)
    {
        var settings = service == Standalone ? SettingsWithKey() : new Dictionary<string, string>(_settings, StringComparer.Ordinal);
        settings["ASPNETCORE_URLS"] = replica.Address.ToString();
        settings["OTEL_SERVICE_NAME"] = service;
        if (service == Gateway)
        {
            foreach (var (name, all) in _replicas)
            {
                for (var i = 0; i < all.Count; i++)
                    settings[FormattableString.Invariant($"services__{name}__http__{i}")] = all[i].Address.ToString();
            }
        }

        replica.Process = await ChildProcess.StartAsync(
            Project(service), settings, new Uri(replica.Address, service is Gateway or Standalone ? "/health" : "/health/ready"), cancellationToken);
    }

    private sealed class Replica(Uri address)
    {
        public Uri Address { get; } = address;

        public ChildProcess? Process { get; set; }
    }
}
