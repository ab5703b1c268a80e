using Aspire.Hosting.ApplicationModel;
using CloudTab.DevHost;

namespace Aspire.Hosting;

public static class ParameterResourceBuilderExtensions
{
    /// <summary>A value that the AppHost's code gives.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, string value, bool publishValueAsDefault = false, bool secret = false) =>
        publishValueAsDefault && secret
            ? throw new ArgumentException("A secret must not be published.", nameof(secret))
            : builder.AddResource(new ParameterResource(name, _ => value, secret));

    /// <summary>A value from configuration (<c>Parameters:name</c>), or the default in its absence.</summary>
    /// <param name="builder">The application.</param>
    /// <param name="name">The parameter's and the resource's name.</param>
    /// <param name="value">The default.</param>
    /// <param name="secret">Whether it must not be shown.</param>
    /// <param name="persist">Whether the default, once generated, is the same in later runs: it is kept in the data folder.</param>
    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, ParameterDefault value, bool secret = false, bool persist = false)
    {
        var key = $"Parameters:{name}";
        var secrets = new SecretStore(DataFolder.Of(builder));
        return builder.AddResource(new ParameterResource(name, Value, secret) { Default = value });

        string Value(ParameterDefault? otherwise) => builder.Configuration[key] switch
        {
            { } configured => configured,
            null when otherwise is null => throw new DistributedApplicationException($"Parameter '{name}' has no value: set {key}."),
            null when persist => secrets.GetOrAdd(key, otherwise.GetDefaultValue),
            null => otherwise.GetDefaultValue(),
        };
    }
}
