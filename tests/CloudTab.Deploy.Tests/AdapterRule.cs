using CloudTab.Testing;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace CloudTab.Deploy.Tests;

/// <summary>
/// The rule of deploy/kubernetes/prometheus-adapter.yaml in the fields that we use
/// (https://github.com/kubernetes-sigs/prometheus-adapter/blob/master/docs/config.md); any other is an error.
/// </summary>
internal sealed class AdapterRule
{
    public string SeriesQuery { get; set; } = "";

    public AdapterResources Resources { get; set; } = new();

    public Dictionary<string, string> Name { get; set; } = [];

    public string MetricsQuery { get; set; } = "";

    public static AdapterRule Read() =>
        new DeserializerBuilder().WithNamingConvention(CamelCaseNamingConvention.Instance).Build()
            .Deserialize<Dictionary<string, Dictionary<string, List<AdapterRule>>>>(Repository.Read("deploy/kubernetes/prometheus-adapter.yaml"))["rules"]["custom"].Single();
}

internal sealed class AdapterResources
{
    /// <summary>By label, the kind of object that its value names.</summary>
    public Dictionary<string, Dictionary<string, string>> Overrides { get; set; } = [];
}
