using System.Globalization;
using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Relay;
using CloudTab.Testing;
using Dapper;
using Npgsql;

namespace CloudTab.Bench;

/// <summary>What is measured: the services as processes of their own, over the local Postgres and the local S3.</summary>
internal sealed class Stack : IAsyncDisposable
{
    private const string Bucket = "bench";
    private const string LargestFile = "1073741824";
    private const string Limitless = "1099511627776";

    private readonly LocalPostgresServer _postgres;
    private readonly LocalS3Server _s3;
    private readonly AmazonS3Client _bucket;
    private readonly List<Server> _servers = [];

    private Stack(LocalPostgresServer postgres, LocalS3Server s3)
    {
        _postgres = postgres;
        _s3 = s3;
        _bucket = s3.Endpoint.CreateClient();
    }

    public Server UploadApi { get; private set; } = null!;

    public Server ShopApi { get; private set; } = null!;

    /// <summary>Process id of the S3 endpoint.</summary>
    public int S3ProcessId => _s3.Process.Id;

    /// <summary>CPU of Postgres, all its processes together.</summary>
    public TimeSpan PostgresCpu() => Usage.CpuWithChildren(
        int.Parse(File.ReadLines(Path.Combine(_postgres.Data, "postmaster.pid")).First(), CultureInfo.InvariantCulture));

    /// <summary>Of the database, for Npgsql.</summary>
    public string ConnectionString => _postgres.ConnectionString;

    /// <summary>A key of the default shop.</summary>
    public string Key { get; } = ApiKeys.Create();

    public static async Task<Stack> StartAsync()
    {
        var stack = new Stack(await LocalPostgresServer.StartNewAsync(CancellationToken.None), await LocalS3Server.StartNewAsync(CancellationToken.None));
        await ServiceSettings.MigrateAsync(stack.Settings(), CancellationToken.None);
        stack.UploadApi = await stack.KeepAsync("CloudTab.UploadApi");
        stack.ShopApi = await stack.KeepAsync("CloudTab.ShopApi");
        return stack;
    }

    /// <summary>One more process of a service, which the caller ends.</summary>
    public Task<Server> StartAsync(string project, params (string Name, string Value)[] more) => StartAsync(project, "/health/ready", more);

    /// <param name="project">Whose built output.</param>
    /// <param name="ready">The path that answers 200 once it is ready.</param>
    /// <param name="more">Settings beside those of every process.</param>
    public Task<Server> StartAsync(string project, string ready, (string Name, string Value)[] more)
    {
        var settings = Settings();
        foreach (var (name, value) in more)
            settings[name] = value;
        return Server.StartAsync(project, settings, ready);
    }

    /// <summary>Removes all objects: no measurement pays for the disk that an earlier one has filled.</summary>
    public async Task EmptyBucketAsync()
    {
        while (await _bucket.ListObjectsV2Async(new() { BucketName = Bucket }) is { S3Objects: { Count: > 0 } found })
            await _bucket.DeleteObjectsAsync(new() { BucketName = Bucket, Objects = [.. found.Select(one => new KeyVersion { Key = one.Key })] });
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.ExecuteAsync(sql, commandTimeout: 300);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
            await server.DisposeAsync();
        _bucket.Dispose();
        await _s3.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    private async Task<Server> KeepAsync(string project)
    {
        var server = await StartAsync(project);
        _servers.Add(server);
        return server;
    }

    /// <summary>The environment of every process, with limits that no measurement reaches.</summary>
    public Dictionary<string, string> Settings() => new(ServiceSettings.For(_postgres.ConnectionString, _s3.Endpoint, Bucket), StringComparer.Ordinal)
    {
        ["SHOPKEEPER_API_KEY"] = Key,
        ["MAX_FILE_SIZE"] = LargestFile,
        ["MAX_OUTSTANDING_SIZE"] = Limitless,
        ["RATE_LIMIT_BYTES_PER_MINUTE"] = Limitless,
        ["RATE_LIMIT_SESSIONS_PER_MINUTE"] = "1000000",
        ["RATE_LIMIT_SHOP_BYTES_PER_MINUTE"] = Limitless,
        ["RATE_LIMIT_SHOP_SESSIONS_PER_MINUTE"] = "1000000",
        ["RATE_LIMIT_UPLOADS_PER_MINUTE"] = "1000000",
    };
}

/// <summary>A server process and what it has used.</summary>
internal sealed class Server(ChildProcess process, Uri address) : IAsyncDisposable
{
    public Uri Address { get; } = address;

    public int Id => process.Id;

    /// <summary>Starts a project's built output.</summary>
    public static Task<Server> StartAsync(string project, Dictionary<string, string> settings, string ready = "/health/ready", params string[] arguments) =>
        StartAsync(["dotnet", ChildProcess.BuiltOutput(project), .. arguments], settings, ready);

    /// <summary>Starts any command that listens where ASPNETCORE_URLS says.</summary>
    public static async Task<Server> StartAsync(string[] command, Dictionary<string, string> settings, string ready)
    {
        var address = new Uri($"http://127.0.0.1:{ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture)}");
        settings["ASPNETCORE_URLS"] = address.ToString();
        settings["Logging__LogLevel__Default"] = "Warning";
        return new(await ChildProcess.StartProgramAsync(command, settings, new Uri(address, ready), CancellationToken.None), address);
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();
}
