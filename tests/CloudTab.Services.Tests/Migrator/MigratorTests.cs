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

    [Fact]
    public async Task Shops_are_added_listed_closed_and_opened()
    {
        await RunAsync([]);

        Assert.Equal((0, "Added."), await RunAsync([], "shop", "add", "corner-print", "Corner Print"));
        Assert.Equal((0, "Was there already."), await RunAsync([], "shop", "add", "corner-print", "Corner Print"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "close", "corner-print"));
        Assert.Equal((0, "corner-print\tCorner Print\tclosed\t0 keys\ndefault\tPrint shop\topen\t0 keys"), await RunAsync([], "shop", "list"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "open", "corner-print"));
        Assert.Contains("Corner Print\topen", (await RunAsync([], "shop", "list")).Output, StringComparison.Ordinal);

        Assert.Equal((0, ""), await RunAsync([], "shop", "suspend", "corner-print"));
        Assert.Contains("Corner Print\tsuspended", (await RunAsync([], "shop", "list")).Output, StringComparison.Ordinal);
        Assert.Equal((0, ""), await RunAsync([], "shop", "open", "corner-print"));
        Assert.Contains("Corner Print\topen", (await RunAsync([], "shop", "list")).Output, StringComparison.Ordinal);

        foreach (var verb in (string[])["open", "close", "suspend"])
            Assert.Equal((1, "There is no shop 'nowhere'"), await RunAsync([], "shop", verb, "nowhere"));
        var (code, output) = await RunAsync([], "shop", "add", "Not an id", "Name");
        Assert.Equal(1, code);
        Assert.StartsWith("A shop's id has 1 to 63 characters", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', output);
    }

    [Fact]
    public async Task Limits_of_a_shop_are_set_listed_and_reset()
    {
        await RunAsync([]);

        Assert.Equal((0, "files\tdefault\nfile-size\tdefault\nsession-size\tdefault\noutstanding\tdefault"), await RunAsync([], "shop", "limit", "default"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "limit", "default", "files", "7"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "limit", "default", "outstanding", "5368709120"));
        Assert.Equal((0, "files\t7\nfile-size\tdefault\nsession-size\tdefault\noutstanding\t5368709120"), await RunAsync([], "shop", "limit", "default"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "limit", "default", "files", "default"));
        Assert.StartsWith("files\tdefault", (await RunAsync([], "shop", "limit", "default")).Output, StringComparison.Ordinal);

        Assert.Equal((1, "There is no shop 'nowhere'"), await RunAsync([], "shop", "limit", "nowhere"));
        Assert.Equal((1, "There is no shop 'nowhere'"), await RunAsync([], "shop", "limit", "nowhere", "files", "7"));
        Assert.Equal((1, "The value is a whole number, or `default`"), await RunAsync([], "shop", "limit", "default", "files", "many"));
        Assert.Equal((1, "The value is a whole number, or `default`"), await RunAsync([], "shop", "limit", "default", "files"));
        foreach (var value in (string[])["0", "1001", "99999999999"])
            Assert.Equal((1, "A session may hold 1 to 1000 files; sizes are 1 byte or more"), await RunAsync([], "shop", "limit", "default", "files", value));
    }

    [Fact]
    public async Task What_a_shop_prints_and_for_how_much_is_listed_and_set()
    {
        await RunAsync([]);
        Assert.Equal((0, "currency\tINR\ntwo-sided\ttrue\nupi\tnone"), await RunAsync([], "shop", "offer", "default"));

        Assert.Equal((0, ""), await RunAsync([], "shop", "price", "default", "photo", "color", "3000"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "price", "default", "a4", "color", "none"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "price", "default", "a4", "monochrome", "0"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "price", "default", "a4", "monochrome", "200"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "upi", "default", "corner.print@bank"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "offer", "default", "--two-sided", "false"));
        Assert.Equal(
            (0, "currency\tINR\ntwo-sided\tfalse\nupi\tcorner.print@bank\na4\tmonochrome\t200\na4\tcolor\tnone\nphoto\tcolor\t3000"),
            await RunAsync([], "shop", "offer", "default"));

        Assert.Equal((1, "upiAddress must be null: UPI pays in INR only."), await RunAsync([], "shop", "offer", "default", "--currency", "EUR"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "upi", "default", "none"));
        Assert.Equal((0, ""), await RunAsync([], "shop", "offer", "default", "--currency", "EUR"));
        foreach (var (media, colorMode) in ((string, string)[])[("a4", "color"), ("a4", "monochrome"), ("photo", "color"), ("letter", "color")])
            Assert.Equal((0, ""), await RunAsync([], "shop", "price", "default", media, colorMode, "remove"));
        Assert.Equal((0, "currency\tEUR\ntwo-sided\tfalse\nupi\tnone"), await RunAsync([], "shop", "offer", "default"));
    }

    [Theory]
    [InlineData("There is no shop 'nowhere'", "offer", "nowhere")]
    [InlineData("There is no shop 'nowhere'", "offer", "nowhere", "--currency", "EUR")]
    [InlineData("There is no shop 'nowhere'", "upi", "nowhere", "a@bank")]
    [InlineData("There is no shop 'nowhere'", "price", "nowhere", "a4", "color", "1")]
    [InlineData("currency must be three letters of ISO 4217, such as INR.", "offer", "default", "--currency", "rupees")]
    [InlineData("upiAddress must be an address of UPI, such as shop@bank, or null.", "upi", "default", "bank")]
    [InlineData("The price is a whole number, `none` or `remove`", "price", "default", "a4", "color", "1.50")]
    [InlineData("price must be a whole number from 0 to 1000000, or null.", "price", "default", "a4", "color", "1000001")]
    [InlineData("'a5'", "price", "default", "a5", "color", "1")]
    public async Task An_offer_that_cannot_be_is_refused(string reason, params string[] arguments)
    {
        await RunAsync([]);

        var (code, output) = await RunAsync([], ["shop", .. arguments]);

        Assert.Equal(1, code);
        Assert.Contains(reason, output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
        Assert.Equal((0, "currency\tINR\ntwo-sided\ttrue\nupi\tnone"), await RunAsync([], "shop", "offer", "default"));
    }

    [Fact]
    public async Task Keys_are_added_imported_listed_and_revoked()
    {
        await RunAsync([]);

        var (code, made) = await RunAsync([], "key", "add", "default", "Front desk");
        Assert.Equal(0, code);
        Assert.Matches("^ctk_[0-9a-z]{8}_[A-Za-z0-9_-]{43}$", made);
        Assert.Equal((0, Key), await RunAsync([], "key", "add", "default", "Back office", "--import", Key));
        Assert.Equal((1, "This key is stored already"), await RunAsync([], "key", "add", "default", "Again", "--import", Key));
        Assert.Equal((1, "There is no shop 'nowhere'"), await RunAsync([], "key", "add", "nowhere", "Front desk"));
        Assert.Equal((1, "The key must have 20 to 512 characters"), await RunAsync([], "key", "add", "default", "Long", "--import", new string('k', 513)));
        Assert.Equal((1, "The key must have 20 to 512 characters"), await RunAsync([], "key", "add", "default", "Short", "--import", new string('k', 19)));

        var listed = (await RunAsync([], "key", "list", "default")).Output.Split('\n');
        Assert.Equal(2, listed.Length);
        Assert.DoesNotContain(listed, line => line.Contains(made, StringComparison.Ordinal) || line.Contains(Key, StringComparison.Ordinal));
        var front = Assert.Single(listed, line => line.Contains("Front desk", StringComparison.Ordinal)).Split('\t');
        Assert.Equal((made[..12], "valid", "never used"), (front[1], front[4], front[5]));

        Assert.Equal((0, "Revoked."), await RunAsync([], "key", "revoke", front[0]));
        Assert.Equal((1, "There is no such key, or it is revoked already"), await RunAsync([], "key", "revoke", front[0]));
        Assert.Contains("Front desk", Assert.Single((await RunAsync([], "key", "list", "default")).Output.Split('\n'), line => line.Contains("\trevoked ", StringComparison.Ordinal)), StringComparison.Ordinal);

        Assert.Equal(0, (await RunAsync([], "key", "add", "default", "Print agent", "--device")).Code);
        Assert.EndsWith("\tdevice", Assert.Single((await RunAsync([], "key", "list", "default")).Output.Split('\n'), line => line.Contains("Print agent", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.DoesNotContain(listed, line => line.Contains("device", StringComparison.Ordinal));
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
    public async Task An_unreachable_Postgres_or_S3_is_reported_in_one_line(string name, string value)
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

    /// <summary>Runs it to its end; what it wrote is without blank lines and the last line's end.</summary>
    private async Task<(int Code, string Output)> RunAsync((string Name, string Value)[] settings, params string[] arguments)
    {
        var environment = dependencies.EnvironmentFor(_database, _bucket);
        foreach (var (name, value) in settings)
            environment[name] = value;
        await using var migrator = await ChildProcess.StartAsync("CloudTab.Migrator", environment, null, Token, arguments);
        var code = await migrator.WaitForExitAsync(Token);
        return (code, migrator.Output);
    }

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
