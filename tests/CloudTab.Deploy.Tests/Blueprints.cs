using System.Text.Json.Serialization;
using CloudTab.Testing;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace CloudTab.Deploy.Tests;

/// <summary>render.yaml in the fields that we use (https://render.com/docs/blueprint-spec); any other is an error.</summary>
internal sealed class Render
{
    public List<RenderDatabase> Databases { get; set; } = [];

    public List<RenderService> Services { get; set; } = [];

    public static Render Read() =>
        new DeserializerBuilder().WithNamingConvention(CamelCaseNamingConvention.Instance).Build().Deserialize<Render>(Repository.Read("render.yaml"));
}

internal sealed class RenderDatabase
{
    public string Name { get; set; } = "";

    public string Plan { get; set; } = "";

    public string PostgresMajorVersion { get; set; } = "";

    public List<string> IpAllowList { get; set; } = [];
}

internal sealed class RenderService
{
    public string Type { get; set; } = "";

    public string Name { get; set; } = "";

    public string Runtime { get; set; } = "";

    public string Plan { get; set; } = "";

    public string DockerfilePath { get; set; } = "";

    public string DockerContext { get; set; } = "";

    public string HealthCheckPath { get; set; } = "";

    public int MaxShutdownDelaySeconds { get; set; }

    public List<RenderVariable> EnvVars { get; set; } = [];
}

internal sealed class RenderVariable
{
    public string Key { get; set; } = "";

    public string? Value { get; set; }

    public bool? Sync { get; set; }

    public bool? GenerateValue { get; set; }

    public Dictionary<string, string>? FromDatabase { get; set; }
}

/// <summary>
/// heroku.yml in the fields that we use (https://devcenter.heroku.com/articles/build-docker-images-heroku-yml). Without a command Heroku
/// starts what the image says.
/// </summary>
internal sealed class Heroku
{
    public HerokuSetup Setup { get; set; } = new();

    public Dictionary<string, Dictionary<string, string>> Build { get; set; } = [];

    public static Heroku Read() =>
        new DeserializerBuilder().WithNamingConvention(CamelCaseNamingConvention.Instance).Build().Deserialize<Heroku>(Repository.Read("heroku.yml"));
}

internal sealed class HerokuSetup
{
    public List<Dictionary<string, string>> Addons { get; set; } = [];
}

/// <summary>app.json in the fields that we use (https://devcenter.heroku.com/articles/app-json-schema).</summary>
internal sealed record HerokuApp(
    string Name,
    string Description,
    string Stack,
    IReadOnlyList<Dictionary<string, string>> Addons,
    IReadOnlyDictionary<string, HerokuFormation> Formation,
    IReadOnlyDictionary<string, HerokuVariable> Env);

internal sealed record HerokuFormation(int Quantity, string Size);

internal sealed record HerokuVariable(string Description, string? Value, string? Generator, bool? Required);

/// <summary>railway.json in the fields that we use (https://docs.railway.com/config-as-code/reference).</summary>
internal sealed record Railway([property: JsonPropertyName("$schema")] string Schema, RailwayBuild Build, RailwayDeploy Deploy);

internal sealed record RailwayBuild(string Builder, string DockerfilePath);

internal sealed record RailwayDeploy(string HealthcheckPath, int HealthcheckTimeout, string RestartPolicyType, string DrainingSeconds);
