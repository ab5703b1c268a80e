using System.Globalization;
using CloudTab.Relay;
using CloudTab.Testing;
using Dapper;
using Npgsql;

namespace CloudTab.Bench;

/// <summary>What is measured: the services as processes of their own, over the local Postgres and the local S3.</summary>
internal sealed class Stack : IAsyncDisposable
{
    private const string Bucket = "bench";

    private readonly LocalPostgresServer _postgres;
    private readonly LocalS3Server _s3;
    private readonly List<Server> _servers = [];

    private Stack(LocalPostgresServer postgres, LocalS3Server s3)
    {
        _postgres = postgres;
        _s3 = s3;
    }

    public Server UploadApi { get; private set; } = null!;

    public Server ShopApi { get; private set; } = null!;

    /// <summary>Process id of the S3 endpoint.</summary>
    public int S3ProcessId => _s3.Process.Id;

    /// <summary>A key of the default shop.</summary>
    public string Key { get; } = ApiKeys.Create();

    public static async Task<Stack> StartAsync()
    {
        var stack = new Stack(await LocalPostgresServer.StartNewAsync(CancellationToken.None), await LocalS3Server.StartNewAsync(CancellationToken.None));
        await using (var migrator = await ChildProcess.StartAsync("CloudTab.Migrator", stack.Settings(), null, CancellationToken.None))
        {
            if (await migrator.WaitForExitAsync(CancellationToken.None) != 0)
                throw new InvalidOperationException(migrator.Output);
        }

        stack.UploadApi = await stack.StartAsync("CloudTab.UploadApi");
        stack.ShopApi = await stack.StartAsync("CloudTab.ShopApi");
        return stack;
    }

    /// <summary>Starts a service, or another replica of one.</summary>
    public async Task<Server> StartAsync(string project)
    {
        var server = await Server.StartAsync(project, Settings());
        _servers.Add(server);
        return server;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(_postgres.ConnectionString);
        await connection.ExecuteAsync(sql, commandTimeout: 300);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
            await server.DisposeAsync();
        await _s3.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    private Dictionary<string, string> Settings() => new(StringComparer.Ordinal)
    {
        ["ConnectionStrings__cloudtab"] = _postgres.ConnectionString,
        ["AWS_S3_BUCKET"] = Bucket,
        ["AWS_ENDPOINT_URL_S3"] = _s3.Endpoint.Address.ToString(),
        ["AWS_ACCESS_KEY_ID"] = _s3.Endpoint.AccessKeyId,
        ["AWS_SECRET_ACCESS_KEY"] = _s3.Endpoint.SecretAccessKey,
        ["AWS_REGION"] = _s3.Endpoint.Region,
        ["SHOPKEEPER_API_KEY"] = Key,
        ["ASPNETCORE_ENVIRONMENT"] = "Development", // no rate limits
    };
}

/// <summary>A server process and what it has used.</summary>
internal sealed class Server(ChildProcess process, Uri address) : IAsyncDisposable
{
    public Uri Address { get; } = address;

    public int Id => process.Id;

    public static async Task<Server> StartAsync(string project, Dictionary<string, string> settings, string ready = "/health/ready", params string[] arguments)
    {
        var address = new Uri($"http://127.0.0.1:{ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture)}");
        settings["ASPNETCORE_URLS"] = address.ToString();
        settings["Logging__LogLevel__Default"] = "Warning";
        return new(await ChildProcess.StartAsync(project, settings, new Uri(address, ready), CancellationToken.None, arguments), address);
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();
}
