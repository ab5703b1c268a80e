using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Notifier;
using CloudTab.Relay;
using CloudTab.ShopApi;
using CloudTab.Testing;
using CloudTab.UploadApi;
using Dapper;
using Microsoft.Extensions.Options;
using Npgsql;
using Polly;

namespace CloudTab.Services.Tests;

/// <summary>
/// The services, hosted in this process on real sockets, over a database and a bucket of their own. A class that wants other
/// settings derives its fixture from this one.
/// </summary>
public class RelayFixture(Dependencies dependencies) : IAsyncLifetime
{
    private readonly Dictionary<Type, IAsyncDisposable> _hosts = [];
    private readonly Lock _starting = new();
    private string _databaseName = "";

    /// <summary>The services' clock. It can be moved forward; timers run on real time.</summary>
    public ShiftedClock Clock { get; } = new();

    /// <summary>The stored state.</summary>
    public NpgsqlDataSource Source { get; private set; } = null!;

    public string Bucket { get; } = $"t-{Guid.NewGuid():N}";

    public AmazonS3Client S3 { get; private set; } = null!;

    /// <summary>Settings of this class's services, beside those that say where Postgres and S3 are.</summary>
    protected virtual IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>ASPNETCORE_ENVIRONMENT of the services.</summary>
    protected virtual string EnvironmentName => "Production";

    public virtual async ValueTask InitializeAsync()
    {
        _databaseName = await dependencies.CreateDatabaseAsync();
        Source = NpgsqlDataSource.Create(dependencies.ConnectionString(_databaseName));
        S3 = dependencies.S3.CreateClient();
        await S3.PutBucketAsync(Bucket);
    }

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts.Values)
            await host.DisposeAsync();
        await Source.DisposeAsync();
        await dependencies.DropDatabaseAsync(_databaseName);
        S3.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A client of the UploadApi, for the customers of the default shop.</summary>
    public HttpClient UploadApi() => Host<UploadOptions>().Client();

    /// <summary>A client of the ShopApi; without a key where that is null.</summary>
    public HttpClient ShopApi(string? key)
    {
        var client = Host<ApiKeyAuthentication>().Client();
        if (key is not null)
            client.DefaultRequestHeaders.Add("X-API-Key", key);
        return client;
    }

    /// <summary>Address of the Notifier's socket.</summary>
    public Uri SocketAddress => new UriBuilder(Host<SocketOptions>().Address) { Scheme = "ws", Path = "/ws" }.Uri;

    /// <summary>The process-like host of a service, named by one of its classes; started when first asked for.</summary>
    internal ServiceHost<TOptions> Host<TOptions>()
        where TOptions : class
    {
        lock (_starting)
        {
            if (!_hosts.TryGetValue(typeof(TOptions), out var host))
                _hosts[typeof(TOptions)] = host = StartHost<TOptions>();
            return (ServiceHost<TOptions>)host;
        }
    }

    /// <summary>Another replica of a service over the same database and bucket; the caller disposes it.</summary>
    internal ServiceHost<TOptions> StartHost<TOptions>(params IEnumerable<(string Name, string Value)> settings)
        where TOptions : class => StartHost<TOptions>(Clock, settings);

    /// <summary>Another replica that has a clock of its own.</summary>
    internal ServiceHost<TOptions> StartHost<TOptions>(TimeProvider clock, params IEnumerable<(string Name, string Value)> settings)
        where TOptions : class
    {
        var all = Environment().ToDictionary(pair => pair.Key.Replace("__", ":", StringComparison.Ordinal), pair => pair.Value, StringComparer.Ordinal);
        foreach (var (name, value) in Settings.Select(setting => (setting.Key, setting.Value)).Concat(settings))
            all[name] = value;
        return ServiceHost<TOptions>.Start(all, EnvironmentName, clock);
    }

    /// <summary>A network between a replica and S3 that a test can cut.</summary>
    public TcpProxy NetworkToS3() => new(new Uri(S3.Config.ServiceURL).Port);

    /// <summary>Another replica of a service, which reaches S3 over that network.</summary>
    internal ServiceHost<TOptions> StartHost<TOptions>(TcpProxy toS3)
        where TOptions : class => StartHost<TOptions>(("AWS_ENDPOINT_URL_S3", $"http://127.0.0.1:{toS3.Port}"));

    /// <summary>A replica of a service as a process of its own, over the same database and bucket; the caller disposes it.</summary>
    public async Task<(ChildProcess Process, Uri Address)> StartProcessAsync(string project, params (string Name, string Value)[] settings)
    {
        var address = new Uri($"http://127.0.0.1:{ChildProcess.FreePort()}");
        var environment = Environment();
        environment["ASPNETCORE_URLS"] = address.ToString();
        foreach (var (name, value) in Settings.Select(setting => (setting.Key, setting.Value)).Concat(settings))
            environment[name] = value;
        return (await ChildProcess.StartAsync(project, environment, new Uri(address, "/health/live"), Token), address);
    }

    /// <summary>The environment of a service's own process over the same database and bucket.</summary>
    public Dictionary<string, string> Environment() => dependencies.EnvironmentFor(_databaseName, Bucket);

    /// <summary>A new shop with a key.</summary>
    public async Task<TestShop> ShopAsync(string? id = null, string name = "Corner Print")
    {
        var shop = new TestShop(id ?? $"shop-{Guid.NewGuid():N}"[..20], name, ApiKeys.Create());
        await using var connection = await Source.OpenConnectionAsync();
        await connection.ExecuteAsync("INSERT INTO shops (id, name, created_at) VALUES (@Id, @Name, now())", shop);
        await KeyAsync(shop.Id, shop.Key);
        return shop;
    }

    /// <summary>Another key of a shop.</summary>
    public async Task<string> KeyAsync(string shop, string? key = null, string name = "Front desk")
    {
        key ??= ApiKeys.Create();
        await new ApiKeys(new Database(Source, ResiliencePipeline.Empty), Clock, Options.Create(new KeyOptions())).ImportAsync(shop, name, key, CancellationToken.None);
        return key;
    }

    /// <summary>The keys of all objects in the bucket.</summary>
    public async Task<List<string>> ObjectsAsync()
    {
        var found = await S3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = Bucket });
        return [.. (found.S3Objects ?? []).Select(o => o.Key)];
    }

    /// <summary>The multipart uploads in the bucket that were neither completed nor aborted.</summary>
    public async Task<List<string>> OpenUploadsAsync()
    {
        var found = await S3.ListMultipartUploadsAsync(new ListMultipartUploadsRequest { BucketName = Bucket });
        return [.. (found.MultipartUploads ?? []).Select(upload => upload.Key)];
    }

    public async Task<int> ExecuteAsync(string sql, object? parameters = null)
    {
        await using var connection = await Source.OpenConnectionAsync();
        return await connection.ExecuteAsync(sql, parameters);
    }

    /// <summary>The rows of a query.</summary>
    public async Task<List<T>> ColumnAsync<T>(string sql, object? parameters = null)
    {
        await using var connection = await Source.OpenConnectionAsync();
        return (await connection.QueryAsync<T>(sql, parameters)).AsList();
    }

    /// <summary>One value from the database.</summary>
    public async Task<T?> ScalarAsync<T>(string sql, object? parameters = null)
    {
        await using var connection = await Source.OpenConnectionAsync();
        return await connection.ExecuteScalarAsync<T>(sql, parameters);
    }

    /// <summary>Waits until a statement is blocked by what a connection has locked.</summary>
    public Task UntilSomebodyWaitsForAsync(NpgsqlConnection holder)
    {
        const string sql = "SELECT count(*) FROM pg_stat_activity WHERE @holder = ANY(pg_blocking_pids(pid))";
        return UntilAsync(async () => await ScalarAsync<long>(sql, new { holder = holder.ProcessID }) > 0);
    }
}

/// <summary>A shop and its key, in clear.</summary>
public sealed record TestShop(string Id, string Name, string Key);
