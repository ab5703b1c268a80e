using System.Text.Json;
using System.Text.RegularExpressions;
using CloudTab.Testing;

namespace CloudTab.Deploy.Tests;

/// <summary>The platforms' blueprints start what the model starts, tell it the same, and migrate first.</summary>
public sealed partial class BlueprintTests(Model model)
{
    private const string Migrate = "/app/CloudTab.Migrator/CloudTab.Migrator";

    private static readonly string[] PathsOfPlatforms = ["/health/ready"];

    private readonly Render _render = Render.Read();
    private readonly Heroku _heroku = Heroku.Read();
    private readonly HerokuApp _herokuApp = Read<HerokuApp>("app.json");

    [Fact]
    public void Render_has_every_service_and_migrates_before_any_that_waits_for_it()
    {
        Assert.Equal(
            model.LongRunning.Select(service => $"cloudtab-{service.Name}").Order(StringComparer.Ordinal),
            _render.Services.Select(service => service.Name).Order(StringComparer.Ordinal));
        Assert.All(model.LongRunning, service =>
        {
            var of = _render.Of(service);
            Assert.Contains($"/app/{service.Project}/{service.Project}", of.DockerCommand, StringComparison.Ordinal);
            Assert.Equal(service.IsExternal ? "web" : "pserv", of.Type);
            Assert.Equal(service.WaitsForEndOf.Count > 0 ? Migrate : null, of.PreDeployCommand);
            Assert.True(!service.IsScaled || of.NumInstances > 1);
        });
    }

    [Fact]
    public void Render_tells_each_the_same()
    {
        Assert.All(model.LongRunning, service => AssertTold(service, _render.VariablesOf(_render.Of(service)), _render.Of(service).DockerCommand));
        // The key is for the Migrator, which the first of them runs.
        Assert.Contains("SHOPKEEPER_API_KEY", _render.Services.SelectMany(_render.VariablesOf));
    }

    [Fact]
    public void Render_keeps_no_secret_in_the_file()
    {
        var secrets = model.Services.Values.SelectMany(service => service.Secrets).Append("DATABASE_URL").ToHashSet(StringComparer.Ordinal);
        Assert.All(_render.Services.SelectMany(service => service.EnvVars).Where(variable => secrets.Contains(variable.Key ?? "")), variable => Assert.Null(variable.Value));
        Assert.All(_render.EnvVarGroups.SelectMany(group => group.EnvVars), variable => Assert.DoesNotContain(variable.Key!, secrets));
    }

    [Fact]
    public void Heroku_has_every_service_and_migrates_at_release()
    {
        Assert.Equal(Migrate, _heroku.Release.Command.Single());
        Assert.Equal(_heroku.Run.Keys.Order(StringComparer.Ordinal), _herokuApp.Formation.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(model.LongRunning.Select(ProcessType).Order(StringComparer.Ordinal), _heroku.Run.Keys.Order(StringComparer.Ordinal));
        Assert.All(model.LongRunning, service =>
        {
            Assert.StartsWith($"exec /app/{service.Project}/{service.Project}", _heroku.CommandOf(ProcessType(service)), StringComparison.Ordinal);
            Assert.True(!service.IsScaled || _herokuApp.Formation[ProcessType(service)].Quantity > 1);
        });
        Assert.Equal("container", _herokuApp.Stack);
        Assert.Equal(_heroku.Setup.Addons.Single()["plan"], _herokuApp.Addons.Single()["plan"]);
    }

    [Fact]
    public void Heroku_tells_all_of_them_the_same()
    {
        // The add-on's own variable.
        var told = _herokuApp.Env.Keys.Append("DATABASE_URL").ToList();
        Assert.All(model.Storing, service => AssertTold(service, told.Except(service == model.Job ? [] : ["SHOPKEEPER_API_KEY"], StringComparer.Ordinal), ""));
        AssertTold(model.Entrance, [], _heroku.CommandOf(ProcessType(model.Entrance)));
        Assert.All(model.Services.Values.SelectMany(service => service.Secrets).Where(_herokuApp.Env.ContainsKey), secret => Assert.Null(_herokuApp.Env[secret].Value));
    }

    [Fact]
    public void Heroku_leaves_more_time_to_end_than_is_used() =>
        Assert.InRange(int.Parse(_herokuApp.Env["SHUTDOWN_TIMEOUT"].Value!, System.Globalization.CultureInfo.InvariantCulture), 1_000, 29_000);

    [Fact]
    public void Railway_migrates_before_each_service_and_knows_where_they_are()
    {
        var service = Read<Railway>("deploy/railway/service.json");
        var gateway = Read<Railway>("deploy/railway/gateway.json");

        Assert.Equal(Migrate, service.Deploy.PreDeployCommand?.Single());
        Assert.Null(gateway.Deploy.PreDeployCommand);
        Assert.StartsWith($"/app/{model.Entrance.Project}/{model.Entrance.Project} ", gateway.Deploy.StartCommand, StringComparison.Ordinal);
        AssertTold(model.Entrance, [], gateway.Deploy.StartCommand!);
        Assert.All((Railway[])[service, gateway], file => Assert.Contains(file.Deploy.HealthcheckPath, PathsOfPlatforms));
    }

    [Fact]
    public void Every_setting_is_documented() =>
        Assert.All(
            _herokuApp.Env.Keys.Concat(_render.EnvVarGroups.SelectMany(group => group.EnvVars).Select(variable => variable.Key!)),
            setting => Assert.True(OperationsPage.Describes(setting), setting));

    /// <summary>A service has all that the model tells it, and nothing that neither the model nor the table of differences names.</summary>
    private static void AssertTold(Service service, IEnumerable<string> variables, string command)
    {
        var usedByCommand = Variable().Matches(command).Select(match => match.Groups["name"].Value);
        var told = variables.Except(usedByCommand, StringComparer.Ordinal)
            .Select(name => name == "DATABASE_URL" ? "ConnectionStrings__cloudtab" : name)
            .Concat(Address().Matches(command).Select(match => $"services__{match.Groups["service"].Value}__http__0"));
        string[] ofJob = ["SHOPKEEPER_API_KEY"];

        Assert.Equal(
            service.Variables.Keys.Except([Differences.OptionalOnPlatforms], StringComparer.Ordinal).Order(StringComparer.Ordinal),
            told.Except([.. Differences.OfDeployment, Differences.OptionalOnPlatforms, .. service.Variables.ContainsKey(ofJob[0]) ? [] : ofJob], StringComparer.Ordinal)
                .Order(StringComparer.Ordinal));
        Assert.All(Address().Matches(command), match => Assert.Equal(Dockerfile.Port, match.Groups["port"].Value));
    }

    private string ProcessType(Service service) => service.IsExternal ? "web" : service.Name.Replace("-", "", StringComparison.Ordinal);

    private static T Read<T>(string path) =>
        JsonSerializer.Deserialize<T>(Repository.Read(path), Strict)!;

    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow };

    [GeneratedRegex(@"\$(?<name>[A-Z_]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Variable();

    [GeneratedRegex(@"--services:(?<service>[a-z-]+):http:0=http://[^ ']+:(?<port>[0-9]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Address();
}
