using CloudTab.Relay;
using CloudTab.Testing;
using Npgsql;

namespace CloudTab.Services.Tests;

/// <summary>A setting that is wrong stops the start of the real process: one line that names it, exit code 78.</summary>
public sealed class SettingsTests
{
    [Theory]
    [InlineData("Janitor", "SESSION_TIMEOUT", "abc", "SESSION_TIMEOUT")]
    [InlineData("Janitor", "SESSION_TIMEOUT", "5", "SESSION_TIMEOUT")]
    [InlineData("Janitor", "ALLOWED_ORIGINS", "foo", "'foo' is not an origin")]
    [InlineData("Janitor", "ALLOWED_ORIGINS", "https://shop.example/path", "'https://shop.example/path' is not an origin")]
    [InlineData("Janitor", "TRUSTED_PROXIES", "everybody", "'everybody' is not a network")]
    [InlineData("Janitor", "DATABASE_URL", "mysql://u:hidden-word@host/db", "DATABASE_URL is not of the form postgres://")]
    [InlineData("Janitor", "DATABASE_URL", "", "ConnectionStrings__cloudtab or DATABASE_URL")]
    [InlineData("Janitor", "DATABASE_URL", "postgres://u:hidden-word@host/db?sslmode=perhaps", "DATABASE_URL: there is no sslmode 'perhaps'")]
    [InlineData("Janitor", "PGSSLMODE", "perhaps", "PGSSLMODE: there is no sslmode 'perhaps'")]
    [InlineData("Janitor", "AWS_S3_BUCKET", "", "AWS_S3_BUCKET is not set")]
    [InlineData("Janitor", "AWS_ENDPOINT_URL_S3", "localhost", "AWS_ENDPOINT_URL_S3 is not an http")]
    [InlineData("Janitor", "S3_SIGN_PAYLOADS", "perhaps", "S3_SIGN_PAYLOADS")]
    [InlineData("Janitor", "JANITOR_INTERVAL", "-1", "JANITOR_INTERVAL")]
    [InlineData("Gateway", "services__janitor__http__0", "", "services__janitor__http: '' is not an address")]
    [InlineData("Gateway", "services__shop-api__http__0", "localhost:1", "'localhost:1' is not an address")]
    [InlineData("Gateway", "PORT", "70000", "PORT")]
    [InlineData("Gateway", "PORT", "http", "PORT")]
    [InlineData("Standalone", "PORT", "70000", "PORT")]
    [InlineData("Standalone", "JANITOR_INTERVAL", "-1", "JANITOR_INTERVAL")]
    [InlineData("UploadApi", "ACCEPTED_TYPES", "application/pdf,text/html", "ACCEPTED_TYPES: 'text/html'")]
    [InlineData("UploadApi", "CLAMD_ADDRESS", "clamd", "CLAMD_ADDRESS is not of the form host:port")]
    [InlineData("UploadApi", "SCAN_REQUIRED", "true", "SCAN_REQUIRED is true, but CLAMD_ADDRESS names no scanner")]
    [InlineData("UploadApi", "MAX_FILE_SIZE", "0", "MAX_FILE_SIZE")]
    [InlineData("UploadApi", "MAX_FILE_SIZE", "many", "MAX_FILE_SIZE")]
    [InlineData("UploadApi", "MAX_FILE_SIZE", "83886080001", "MAX_FILE_SIZE")] // a byte more than 10,000 parts hold
    [InlineData("UploadApi", "MAX_SESSION_SIZE", "5", "MAX_SESSION_SIZE")]
    [InlineData("UploadApi", "MAX_FILES_PER_SESSION", "-1", "MAX_FILES_PER_SESSION")]
    [InlineData("ShopApi", "MAX_FILES_PER_SESSION", "-1", "MAX_FILES_PER_SESSION")]
    [InlineData("ShopApi", "MAX_FILES_PER_SESSION", "401", "MAX_FILES_PER_SESSION")]
    [InlineData("UploadApi", "RATE_LIMIT_UPLOADS_PER_MINUTE", "49", "RATE_LIMIT_UPLOADS_PER_MINUTE is smaller than MAX_FILES_PER_SESSION")]
    public async Task A_bad_setting_stops_the_start_with_one_line(string service, string name, string value, string expected)
    {
        var (code, output) = await RunAsync(service, (name, value));

        Assert.True(code == 78, output);
        Assert.StartsWith("Not started: ", output, StringComparison.Ordinal);
        Assert.Contains(expected, output, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', output);
        Assert.DoesNotContain("hidden-word", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_bad_settings_are_reported_at_once()
    {
        var (code, output) = await RunAsync("Janitor", ("AWS_S3_BUCKET", ""), ("ALLOWED_ORIGINS", "foo"), ("DATABASE_URL", ""));

        Assert.True(code == 78, output);
        Assert.All((string[])["AWS_S3_BUCKET", "ALLOWED_ORIGINS", "DATABASE_URL"], name => Assert.Contains(name, output, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', output);
    }

    [Fact]
    public async Task A_setting_may_come_from_a_file_which_overrides_the_variable()
    {
        var folder = Directory.CreateTempSubdirectory("cloudtab-");
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "services__shop-api__http__0"), "a-word-of-the-file\n", Token);

        var (code, output) = await RunAsync("Gateway", ("SECRETS_PATH", folder.FullName), ("services__shop-api__http__0", "a-word-of-the-variable"));

        folder.Delete(recursive: true);
        Assert.True(code == 78, output);
        Assert.Contains("'a-word-of-the-file'", output, StringComparison.Ordinal);
        Assert.DoesNotContain("variable", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("postgres://u@db.example/d", null, SslMode.VerifyFull)]
    [InlineData("postgres://u@db.example/d?channel_binding=prefer", null, SslMode.VerifyFull)]
    [InlineData("postgres://u@db.example/d?sslmode=require", null, SslMode.Require)]
    [InlineData("postgres://u@db.example/d?sslmode=verify-ca", "disable", SslMode.VerifyCA)]
    [InlineData("postgres://u@db.example/d", "prefer", SslMode.Prefer)]
    [InlineData("postgres://u@127.0.0.1/d", null, SslMode.Prefer)]
    [InlineData("postgres://u@127.0.0.1/d", "verify-full", SslMode.VerifyFull)]
    public void DATABASE_URL_verifies_the_certificate_unless_told_otherwise(string url, string? sslMode, SslMode expected)
    {
        var options = new DatabaseOptions { DatabaseUrl = url, SslMode = sslMode };

        Assert.Equal(expected, new NpgsqlConnectionStringBuilder(options.ToNpgsql()).SslMode);
    }

    private static async Task<(int Code, string Output)> RunAsync(string service, params (string Name, string Value)[] settings)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["DATABASE_URL"] = "postgres://user@127.0.0.1:1/cloudtab",
            ["AWS_S3_BUCKET"] = "bucket",
        };
        foreach (var other in (string[])["upload-api", "shop-api", "notifier", "janitor"])
            environment[$"services__{other}__http__0"] = "http://127.0.0.1:1";
        foreach (var (name, value) in settings)
            environment[name] = value;

        await using var process = await ChildProcess.StartAsync($"CloudTab.{service}", environment, null, Token);
        return (await process.WaitForExitAsync(Token), process.Output);
    }
}
