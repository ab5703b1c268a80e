using CloudTab.Testing;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace CloudTab.Deploy.Tests;

/// <summary>
/// deploy/compose as Compose reads it with both files, in the fields that we use: a misspelt one is an error. (What they may be:
/// https://github.com/compose-spec/compose-spec/blob/main/schema/compose-spec.json.)
/// </summary>
internal sealed class Compose
{
    /// <summary>compose.yaml and, over it, compose.localstack.yaml.</summary>
    public static Compose Read()
    {
        var compose = Parse(Repository.Read("deploy/compose/compose.yaml"));
        foreach (var (name, over) in Parse(Repository.Read("deploy/compose/compose.localstack.yaml")).Services)
        {
            if (!compose.Services.TryGetValue(name, out var service))
            {
                compose.Services.Add(name, over);
                continue;
            }

            foreach (var (variable, value) in over.Environment)
                service.Environment[variable] = value;
            foreach (var (dependency, condition) in over.DependsOn)
                service.DependsOn[dependency] = condition;
        }

        return compose;
    }

    public static Compose Parse(string yaml)
    {
        // Merge keys (<<) first; what begins with x- is only there to be merged.
        var parser = new MergingParser(new Parser(new StringReader(yaml)));
        var extensions = new DeserializerBuilder().Build().Deserialize<Dictionary<string, object>>(parser);
        foreach (var extension in extensions.Keys.Where(key => key.StartsWith("x-", StringComparison.Ordinal)).ToList())
            extensions.Remove(extension);
        var plain = new SerializerBuilder().Build().Serialize(extensions);
        return new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build().Deserialize<Compose>(plain);
    }

    public string? Name { get; set; }

    public Dictionary<string, ComposeService> Services { get; set; } = [];

    public Dictionary<string, ComposeNetwork?> Networks { get; set; } = [];

    public Dictionary<string, object?> Volumes { get; set; } = [];

    public Dictionary<string, ComposeSecret> Secrets { get; set; } = [];
}

internal sealed class ComposeService
{
    public string Image { get; set; } = "";

    public ComposeBuild? Build { get; set; }

    public string? User { get; set; }

    public string Restart { get; set; } = "";

    public bool ReadOnly { get; set; }

    public List<string> CapDrop { get; set; } = [];

    public List<string> SecurityOpt { get; set; } = [];

    public string StopGracePeriod { get; set; } = "";

    public string? ShmSize { get; set; }

    public List<string> Tmpfs { get; set; } = [];

    public Dictionary<string, string> Logging { get; set; } = [];

    public List<string> Networks { get; set; } = [];

    public List<string> Ports { get; set; } = [];

    public List<string> Volumes { get; set; } = [];

    public Dictionary<string, string?> Environment { get; set; } = [];

    public List<string> Secrets { get; set; } = [];

    public ComposeHealth? Healthcheck { get; set; }

    public Dictionary<string, ComposeCondition> DependsOn { get; set; } = [];

    public ComposeDeploy Deploy { get; set; } = new();
}

internal sealed class ComposeBuild
{
    public string Context { get; set; } = "";

    public Dictionary<string, string> Args { get; set; } = [];
}

internal sealed class ComposeHealth
{
    public List<string> Test { get; set; } = [];

    public string Interval { get; set; } = "";

    public string Timeout { get; set; } = "";

    public int Retries { get; set; }

    public string StartPeriod { get; set; } = "";

    public string StartInterval { get; set; } = "";
}

internal sealed class ComposeCondition
{
    public string Condition { get; set; } = "";
}

internal sealed class ComposeDeploy
{
    public int Replicas { get; set; } = 1;

    public ComposeResources Resources { get; set; } = new();
}

internal sealed class ComposeResources
{
    public Dictionary<string, string> Limits { get; set; } = [];

    public Dictionary<string, string> Reservations { get; set; } = [];
}

internal sealed class ComposeNetwork
{
    public ComposeIpam Ipam { get; set; } = new();
}

internal sealed class ComposeIpam
{
    public List<Dictionary<string, string>> Config { get; set; } = [];
}

internal sealed class ComposeSecret
{
    public string File { get; set; } = "";
}
