using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Relay;
using CloudTab.Testing;
using Dapper;
using Npgsql;

namespace CloudTab.Services.Tests;

/// <summary>The Migrator as the process that an operator or an orchestrator runs, on a database and a bucket that are not there yet.</summary>
public sealed class MigratorTests(Dependencies dependencies) : IAsyncLifetime
{
    private const string Key = "a-key-of-the-operators-own";

    private readonly string _database = $"m_{Guid.NewGuid():N}";
    private readonly string _bucket = $"m-{Guid.NewGuid():N}";

    public async ValueTask InitializeAsync() => await ExecuteAsync(dependencies.Postgres, $"CREATE DATABASE {_database}");

    public async ValueTask DisposeAsync() => await dependencies.DropDatabaseAsync(_database);

    [Fact]
    public async Task The_first_run_makes_schema_bucket_shop_and_key_and_the_second_changes_nothing()
    {
        var (code, output) = await RunAsync([("SHOPKEEPER_API_KEY", Key)]);
        Assert.True(code == 0, output);
        Assert.Contains("0002_sessions_and_files.sql applied", output, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, output, StringComparison.Ordinal);
        var first = await StateAsync();
        Assert.Equal(["default"], first.Shops);
        Assert.Single(first.Keys);
        Assert.Equal(1, first.ExpirationDays);

        (code, output) = await RunAsync([("SHOPKEEPER_API_KEY", Key)]);
        Assert.True(code == 0, output);
        Assert.DoesNotContain("applied", output, StringComparison.Ordinal);
        Assert.DoesNotContain("added", output, StringComparison.Ordinal);
        Assert.DoesNotContain("created", output, StringComparison.Ordinal);
        Assert.Equivalent(first, await StateAsync(), strict: true);
    }

    [Fact]
    public void Each_migration_has_a_number_of_its_own()
    {
        const string Folder = "CloudTab.Relay.db.";
        var numbers = typeof(Database).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal)).Select(name => name[Folder.Length..][..4]).ToList();

        Assert.NotEmpty(numbers);
        Assert.Distinct(numbers);
    }

    [Fact]
    public async Task Two_migrators_that_start_at_once_both_succeed()
    {
        var runs = await Task.WhenAll(RunAsync([("SHOPKEEPER_API_KEY", Key)]), RunAsync([("SHOPKEEPER_API_KEY", Key)]));

        Assert.All(runs, run => Assert.True(run.Code == 0, run.Output));
        Assert.Single((await StateAsync()).Keys);
    }

    [Fact]
    public async Task Sessions_that_were_submitted_before_there_was_a_queue_are_in_it_in_their_order()
    {
        var database = dependencies.ConnectionString(_database);
        await ApplyScriptsBeforeAsync("0019", database);
        await ExecuteAsync(database, """
            INSERT INTO shops (id, name, created_at) VALUES ('a', 'A', now()), ('b', 'B', now());
            INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, created_at, expires_at, submitted_at, ended_at)
            SELECT gen_random_uuid(), shop, rpad('0' || n, 26, '0'), rpad('A' || n, 6, '2'), status, now(), now() + interval '1 hour', submitted_at, ended_at
            FROM (VALUES
                (2, 'a', 'pending', now() - interval '2 minutes', NULL),
                (3, 'a', 'pending', now() - interval '3 minutes', NULL),
                (4, 'a', 'cancelled', now() - interval '4 minutes', now()),
                (5, 'a', 'open', NULL, NULL),
                (6, 'b', 'pending', now(), NULL)) AS sessions (n, shop, status, submitted_at, ended_at)
            """);

        var (code, output) = await RunAsync([]);

        Assert.True(code == 0, output);
        await using var connection = new NpgsqlConnection(database + ";Pooling=false");
        await connection.OpenAsync(Token);
        Assert.Equal(
            ["A2 2", "A3 1", "A4 ", "A5 ", "A6 1"],
            await connection.QueryAsync<string>("SELECT left(pickup_code, 2) || ' ' || coalesce(token::text, '') FROM sessions ORDER BY pickup_code"));
        Assert.Equal(["a 2", "b 1"], await connection.QueryAsync<string>("SELECT shop_id || ' ' || last FROM queues ORDER BY shop_id"));
    }

    [Fact]
    public async Task What_a_shop_held_before_there_was_a_sum_is_in_it()
    {
        var database = dependencies.ConnectionString(_database);
        await ApplyScriptsBeforeAsync("0028", database);
        await ExecuteAsync(database, """
            INSERT INTO shops (id, name, created_at) VALUES ('a', 'A', now()), ('b', 'B', now());
            INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, total_size, created_at, expires_at, ended_at)
            SELECT gen_random_uuid(), shop, rpad('0' || n, 26, '0'), rpad('A' || n, 6, '2'), status, size, now(), now() + interval '1 hour', ended_at
            FROM (VALUES
                (2, 'a', 'open', 1, NULL),
                (3, 'a', 'open', 2, NULL),
                (4, 'a', 'cancelled', 4, now()),
                (5, 'b', 'open', 0, NULL)) AS sessions (n, shop, status, size, ended_at);
            INSERT INTO files (id, session, name, object_key, status, created_at, lease_until)
            SELECT gen_random_uuid(), id, 'a', n::text || id, CASE WHEN n = 4 THEN 'deleting' ELSE 'uploading' END, now(), 'infinity'
            FROM sessions, generate_series(1, 4) AS n WHERE shop_id = 'a' AND ended_at IS NULL;
            INSERT INTO uploads (id, upload_id, session, file, created_at, length, received, part_size, holder, held_until)
            SELECT id, left('0' || replace(id::text, '-', ''), 26), session, id, now(), 100, CASE WHEN left(object_key, 1) IN ('2', '4') THEN 10 ELSE 0 END, 8388608,
                CASE WHEN left(object_key, 1) = '3' THEN id END, CASE WHEN left(object_key, 1) = '3' THEN now() END
            FROM files
            """);

        var (code, output) = await RunAsync([]);

        Assert.True(code == 0, output);
        await using var connection = new NpgsqlConnection(database + ";Pooling=false");
        await connection.OpenAsync(Token);
        Assert.Equal(["a 3 20"], await connection.QueryAsync<string>("SELECT shop_id || ' ' || sum(stored) || ' ' || sum(reserved) FROM outstanding GROUP BY shop_id"));
    }

    [Fact]
    public async Task The_bucket_allows_requests_from_ALLOWED_ORIGINS_if_direct_uploads_are_on()
    {
        (string Name, string Value)[] on = [("DIRECT_UPLOADS", "true"), ("ALLOWED_ORIGINS", "https://shop.example,https://other.example")];
        using var s3 = dependencies.S3.CreateClient();
        Assert.Equal(0, (await RunAsync(on[1..])).Code);
        Assert.Equal("NoSuchCORSConfiguration", (await Assert.ThrowsAsync<AmazonS3Exception>(RulesAsync)).ErrorCode);
        var own = new CORSRule { Id = "own", AllowedOrigins = ["https://own.example"], AllowedMethods = ["GET"] };
        await s3.PutCORSConfigurationAsync(_bucket, new CORSConfiguration { Rules = [own] }, Token);

        var (code, output) = await RunAsync(on);
        Assert.True(code == 0, output);
        Assert.Contains("CORS rule of bucket", output, StringComparison.Ordinal);
        var rules = await RulesAsync();
        Assert.Equal(["own", "cloudtab-direct-uploads"], rules.Select(rule => rule.Id));
        Assert.Equal(["https://shop.example", "https://other.example"], rules[1].AllowedOrigins);
        Assert.Equal(["PUT"], rules[1].AllowedMethods);

        Assert.DoesNotContain("CORS", (await RunAsync(on)).Output, StringComparison.Ordinal);
        await RunAsync([on[0], ("ALLOWED_ORIGINS", "https://new.example")]);
        Assert.Equal(["https://own.example", "https://new.example"], (await RulesAsync()).SelectMany(rule => rule.AllowedOrigins));

        async Task<List<CORSRule>> RulesAsync() => (await s3.GetCORSConfigurationAsync(_bucket, Token)).Configuration.Rules;
    }

    [Fact]
    public async Task Lifecycle_rules_of_others_stay()
    {
        using var s3 = dependencies.S3.CreateClient();
        await s3.PutBucketAsync(_bucket, Token);
        var own = new LifecycleRule
        {
            Id = "own",
            Status = LifecycleRuleStatus.Enabled,
            Filter = new() { LifecycleFilterPredicate = new LifecyclePrefixPredicate { Prefix = "logs/" } },
            Expiration = new() { Days = 30 },
        };
        await s3.PutLifecycleConfigurationAsync(new() { BucketName = _bucket, Configuration = new() { Rules = [own] } }, Token);

        for (var run = 0; run < 2; run++)
        {
            Assert.Equal(0, (await RunAsync([])).Code);
            var rules = (await s3.GetLifecycleConfigurationAsync(_bucket, Token)).Configuration.Rules;
            Assert.Equal([("own", 30), ("cloudtab-one-day", 1)], rules.Select(rule => (rule.Id, rule.Expiration.Days.GetValueOrDefault())));
        }
    }

    [Fact]
    public async Task Waiting_ends_once_another_migrator_is_done_and_changes_nothing()
    {
        await using var waiting = await ChildProcess.StartAsync("CloudTab.Migrator", dependencies.EnvironmentFor(_database, _bucket), null, Token, "wait");
        await ConnectedAsync();
        Assert.False(waiting.HasExited, waiting.Output);

        var (code, output) = await RunAsync([]);
        Assert.True(code == 0, output);
        Assert.Contains("0001_shops_and_keys.sql applied", output, StringComparison.Ordinal);
        Assert.Equal((0, ""), (await waiting.WaitForExitAsync(Token), waiting.Output));

        Assert.Equal((0, ""), await RunAsync([], "wait"));
    }

    [Theory]
    [InlineData("your-secret-api-key-here", "SHOPKEEPER_API_KEY has the value of an example")]
    [InlineData("SHOP_DEFAULT_KEY_12345", "SHOPKEEPER_API_KEY has the value of an example")]
    [InlineData("nineteen-characters", "SHOPKEEPER_API_KEY must have 20 to 512 characters")]
    public async Task A_weak_key_is_refused_outside_Development(string key, string reason)
    {
        var (code, output) = await RunAsync([("SHOPKEEPER_API_KEY", key), ("DOTNET_ENVIRONMENT", "Production")]);
        Assert.Equal(1, code);
        Assert.Contains(reason, output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
        Assert.Empty((await StateAsync()).Keys);

        (code, output) = await RunAsync([("SHOPKEEPER_API_KEY", key), ("DOTNET_ENVIRONMENT", "Development")]);
        Assert.True(code == 0, output);
        Assert.Single((await StateAsync()).Keys);
    }

    [Fact]
    public async Task Changing_SHOPKEEPER_API_KEY_revokes_the_value_before_and_says_so()
    {
        await RunAsync([("SHOPKEEPER_API_KEY", Key)]);
        await RunAsync([], "key", "add", "default", "Front desk");

        var (code, output) = await RunAsync([("SHOPKEEPER_API_KEY", "another-key-of-the-operator")]);
        Assert.True(code == 0, output);
        Assert.Contains("revoked: SHOPKEEPER_API_KEY has another value now", output, StringComparison.Ordinal);
        var listed = (await RunAsync([], "key", "list", "default")).Output.Split('\n').Select(line => line.Split('\t')).Select(key => $"{key[1]} {key[2]} {key[4][..5]}");
        Assert.Equal(["a-… SHOPKEEPER_API_KEY revok", "an… SHOPKEEPER_API_KEY valid"], listed.Where(key => !key.EndsWith("Front desk valid", StringComparison.Ordinal)));

        // A value that opens nothing takes no other's place.
        await RunAsync([], "shop", "add", "other", "Other");
        await RunAsync([], "key", "add", "other", "Front desk", "--import", "a-key-that-another-shop-has");
        foreach (var opensNothing in (string[])[Key, "a-key-that-another-shop-has"])
        {
            (code, output) = await RunAsync([("SHOPKEEPER_API_KEY", opensNothing)]);
            Assert.True(code == 0, output);
            Assert.Contains("SHOPKEEPER_API_KEY has a value that was revoked, and stays so", output, StringComparison.Ordinal);
            Assert.Contains("valid", (await RunAsync([], "key", "list", "default")).Output.Split('\n').Single(line => line.Contains("\tan…\tSHOPKEEPER_API_KEY\t", StringComparison.Ordinal)), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("ConnectionStrings__cloudtab", "Host=127.0.0.1;Port=1;Username=u;Password=hidden-word;Database=d")]
    [InlineData("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")]
    [InlineData("AWS_SECRET_ACCESS_KEY", "not-the-secret-of-this-key")]
    public async Task Postgres_or_S3_that_cannot_be_reached_or_refuses_is_reported_in_one_line(string name, string value)
    {
        var (code, output) = await RunAsync([(name, value)]);

        Assert.Equal(1, code);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden-word", output, StringComparison.Ordinal);
        Assert.Contains(name[0] == 'C' ? "Postgres" : "S3", output.Split('\n')[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData]
    [InlineData("wait")]
    public async Task A_missing_database_is_reported_in_one_line(params string[] arguments)
    {
        var (code, output) = await RunAsync([("ConnectionStrings__cloudtab", dependencies.ConnectionString("no_such_database"))], arguments);

        Assert.Equal(1, code);
        Assert.Contains("no_such_database", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    private Task<(int Code, string Output)> RunAsync((string Name, string Value)[] settings, params string[] arguments) =>
        dependencies.RunMigratorAsync(_database, _bucket, settings, arguments);

    private async Task<Migrated> StateAsync()
    {
        await using var connection = new NpgsqlConnection(dependencies.ConnectionString(_database) + ";Pooling=false");
        await connection.OpenAsync(Token);
        using var s3 = dependencies.S3.CreateClient();
        var rules = await s3.GetLifecycleConfigurationAsync(_bucket, Token);
        return new(
            [.. await connection.QueryAsync<string>("SELECT id FROM shops ORDER BY id")],
            [.. await connection.QueryAsync<Guid>("SELECT id FROM api_keys ORDER BY id")],
            [.. await connection.QueryAsync<string>("SELECT scriptname FROM migrations ORDER BY scriptname")],
            Assert.Single(rules.Configuration.Rules).Expiration.Days.GetValueOrDefault());
    }

    /// <summary>Waits until the process has asked the database something; its pool keeps the connection.</summary>
    private async Task ConnectedAsync()
    {
        const string sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = @database AND state = 'idle'";
        await using var connection = new NpgsqlConnection(dependencies.Postgres + ";Pooling=false");
        await connection.OpenAsync(Token);
        await UntilAsync(async () => await connection.ExecuteScalarAsync<long>(sql, new { database = _database }) > 0);
    }

    /// <summary>The schema as it was before a script, with the journal that the Migrator reads.</summary>
    private static async Task ApplyScriptsBeforeAsync(string number, string connectionString)
    {
        var assembly = typeof(Database).Assembly;
        await ExecuteAsync(
            connectionString, "CREATE TABLE migrations (schemaversionsid serial PRIMARY KEY, scriptname varchar(255) NOT NULL, applied timestamp NOT NULL)");
        foreach (var name in assembly.GetManifestResourceNames().Where(name => string.CompareOrdinal(name, $"CloudTab.Relay.db.{number}") < 0).Order(StringComparer.Ordinal))
        {
            using var script = new StreamReader(assembly.GetManifestResourceStream(name)!);
            await ExecuteAsync(connectionString, await script.ReadToEndAsync(Token));
            await ExecuteAsync(connectionString, $"INSERT INTO migrations (scriptname, applied) VALUES ('{name}', now())");
        }
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync();
        await connection.ExecuteAsync(sql);
    }

    private sealed record Migrated(string[] Shops, Guid[] Keys, string[] Scripts, int ExpirationDays);
}
