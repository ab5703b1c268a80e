using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using CloudTab.Testing;

namespace CloudTab.Deploy.Tests;

/// <summary>The platforms' blueprints start the relay in one process, as its image does by itself, and tell it what the model tells its services.</summary>
public sealed class BlueprintTests(Model model)
{
    private const int DefaultShutdownTimeout = 30_000;

    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    private readonly RenderService _render = Assert.Single(Render.Read().Services);
    private readonly Heroku _heroku = Heroku.Read();
    private readonly HerokuApp _herokuApp = Read<HerokuApp>("app.json");
    private readonly Railway _railway = Read<Railway>("railway.json");

    private IEnumerable<string> Secrets => model.Services.Values.SelectMany(service => service.Secrets).Append("DATABASE_URL");

    [Fact]
    public void Each_builds_the_image_and_asks_whether_the_process_is_alive()
    {
        Assert.Equal(("web", "docker", "./Dockerfile", "."), (_render.Type, _render.Runtime, _render.DockerfilePath, _render.DockerContext));
        Assert.Equal([KeyValuePair.Create("web", "Dockerfile")], _heroku.Build["docker"]);
        Assert.Equal(["web"], _herokuApp.Formation.Keys);
        Assert.Equal("container", _herokuApp.Stack);
        Assert.Equal(("DOCKERFILE", "Dockerfile"), (_railway.Build.Builder, _railway.Build.DockerfilePath));
        Assert.Equal([Differences.LivePath, Differences.LivePath], [_render.HealthCheckPath, _railway.Deploy.HealthcheckPath]);
    }

    [Fact]
    public void Each_has_a_database()
    {
        var database = Assert.Single(Render.Read().Databases);
        Assert.Equal(database.Name, _render.EnvVars.Single(variable => variable.Key == "DATABASE_URL").FromDatabase?["name"]);
        var addon = Assert.Single(_heroku.Setup.Addons);
        Assert.Equal("DATABASE", addon["as"]);
        Assert.Equal(addon, Assert.Single(_herokuApp.Addons));
    }

    [Fact]
    public void Each_tells_what_the_model_tells_the_services()
    {
        AssertTold(_render.EnvVars.Select(variable => variable.Key));
        AssertTold(_herokuApp.Env.Keys.Append("DATABASE_URL")); // the add-on's own variable
        AssertTold(VariablesOfPage("Railway"));
    }

    [Fact]
    public void None_keeps_a_secret_in_the_file()
    {
        Assert.All(_render.EnvVars.Where(variable => Secrets.Contains(variable.Key, StringComparer.Ordinal)), variable => Assert.Null(variable.Value));
        Assert.All(Secrets.Where(_herokuApp.Env.ContainsKey), secret => Assert.Null(_herokuApp.Env[secret].Value));
    }

    [Fact]
    public void Each_leaves_more_time_to_end_than_is_used()
    {
        Assert.InRange(Number(_render.EnvVars.Single(variable => variable.Key == "SHUTDOWN_TIMEOUT").Value), 1_000, _render.MaxShutdownDelaySeconds * 1_000 - 1_000);
        Assert.InRange(Number(_herokuApp.Env["SHUTDOWN_TIMEOUT"].Value), 1_000, 29_000);
        Assert.True(Number(_railway.Deploy.DrainingSeconds) * 1_000 > DefaultShutdownTimeout);

        static int Number(string? text) => int.Parse(text!, CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Every_setting_is_documented() =>
        Assert.All(
            _herokuApp.Env.Keys.Concat(_render.EnvVars.Select(variable => variable.Key)),
            setting => Assert.True(OperationsPage.Describes(setting), setting));

    /// <summary>It has all that the model tells the services that store something, and nothing that neither the model nor the table of differences names.</summary>
    private void AssertTold(IEnumerable<string> variables) => Assert.Equal(
        model.Storing.SelectMany(service => service.Variables.Keys).Distinct(StringComparer.Ordinal)
            .Except([Differences.OptionalOnPlatforms], StringComparer.Ordinal).Order(StringComparer.Ordinal),
        variables.Select(name => name == "DATABASE_URL" ? "ConnectionStrings__cloudtab" : name)
            .Except([.. Differences.OfDeployment, Differences.OptionalOnPlatforms], StringComparer.Ordinal).Order(StringComparer.Ordinal));

    /// <summary>The variables in the first column of the table in a section of deploy/README.md.</summary>
    private static IEnumerable<string> VariablesOfPage(string section) =>
        Repository.Read("deploy/README.md").Split($"\n## {section}\n")[1].Split("\n## ")[0].Split('\n')
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .SelectMany(line => line.Split('|')[1].Split(',').Select(name => name.Trim().Trim('`')));

    private static T Read<T>(string path) => JsonSerializer.Deserialize<T>(Repository.Read(path), Strict)!;
}
