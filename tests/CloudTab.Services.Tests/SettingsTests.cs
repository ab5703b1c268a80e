using CloudTab.Testing;

namespace CloudTab.Services.Tests;

/// <summary>A setting that is wrong stops the start of the real process: one line that names it, exit code 78.</summary>
public sealed class SettingsTests
{
    [Theory]
    [InlineData("SESSION_TIMEOUT", "abc", "SESSION_TIMEOUT")]
    [InlineData("SESSION_TIMEOUT", "5", "SESSION_TIMEOUT")]
    [InlineData("ALLOWED_ORIGINS", "foo", "'foo' is not an origin")]
    [InlineData("ALLOWED_ORIGINS", "https://shop.example/path", "'https://shop.example/path' is not an origin")]
    [InlineData("TRUSTED_PROXIES", "everybody", "'everybody' is not a network")]
    [InlineData("DATABASE_URL", "mysql://u:hidden-word@host/db", "DATABASE_URL is not of the form postgres://")]
    [InlineData("DATABASE_URL", "", "ConnectionStrings__cloudtab or DATABASE_URL")]
    [InlineData("AWS_S3_BUCKET", "", "AWS_S3_BUCKET is not set")]
    [InlineData("AWS_ENDPOINT_URL_S3", "localhost", "AWS_ENDPOINT_URL_S3 is not an http")]
    [InlineData("S3_SIGN_PAYLOADS", "perhaps", "S3_SIGN_PAYLOADS")]
    [InlineData("JANITOR_INTERVAL", "-1", "JANITOR_INTERVAL")]
    public async Task A_bad_setting_stops_the_start_with_one_line(string name, string value, string said)
    {
        var (code, output) = await RunAsync("CloudTab.Janitor", (name, value));

        Assert.True(code == 78, output);
        Assert.StartsWith("Not started: ", output, StringComparison.Ordinal);
        Assert.Contains(said, output, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', output);
        Assert.DoesNotContain("hidden-word", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_bad_settings_are_reported_at_once()
    {
        var (code, output) = await RunAsync("CloudTab.Janitor", ("AWS_S3_BUCKET", ""), ("ALLOWED_ORIGINS", "foo"), ("DATABASE_URL", ""));

        Assert.True(code == 78, output);
        Assert.All((string[])["AWS_S3_BUCKET", "ALLOWED_ORIGINS", "DATABASE_URL"], name => Assert.Contains(name, output, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', output);
    }

    [Fact]
    public async Task A_setting_may_come_from_a_file_which_overrides_the_variable()
    {
        var folder = Directory.CreateTempSubdirectory("cloudtab-");
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "services__shop-api__http__0"), "a-word-of-the-file\n", Token);

        var (code, output) = await RunAsync("CloudTab.Gateway", ("SECRETS_PATH", folder.FullName), ("services__shop-api__http__0", "a-word-of-the-variable"));

        folder.Delete(recursive: true);
        Assert.True(code == 78, output);
        Assert.Contains("'a-word-of-the-file'", output, StringComparison.Ordinal);
        Assert.DoesNotContain("variable", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("services__janitor__http__0", "", "services__janitor__http: '' is not an address")]
    [InlineData("services__shop-api__http__0", "localhost:1", "'localhost:1' is not an address")]
    [InlineData("PORT", "70000", "PORT")]
    [InlineData("PORT", "http", "PORT")]
    public async Task The_gateway_needs_the_address_of_every_service(string name, string value, string said)
    {
        var (code, output) = await RunAsync("CloudTab.Gateway", (name, value));

        Assert.True(code == 78, output);
        Assert.Contains(said, output, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', output);
    }

    private static async Task<(int Code, string Output)> RunAsync(string project, params (string Name, string Value)[] settings)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["DATABASE_URL"] = "postgres://user@127.0.0.1:1/cloudtab",
            ["AWS_S3_BUCKET"] = "bucket",
        };
        foreach (var service in (string[])["upload-api", "shop-api", "notifier", "janitor"])
            environment[$"services__{service}__http__0"] = "http://127.0.0.1:1";
        foreach (var (name, value) in settings)
            environment[name] = value;

        await using var process = await ChildProcess.StartAsync(project, environment, null, Token);
        return (await process.WaitForExitAsync(Token), process.Output);
    }
}
