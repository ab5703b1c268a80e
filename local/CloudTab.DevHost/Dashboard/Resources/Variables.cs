using System.Text.Json.Serialization;
using Aspire.Hosting.ApplicationModel;
using CloudTab.DevHost.Dashboard.Otlp;

namespace CloudTab.DevHost.Dashboard.Resources;

/// <summary>
/// The environment of a replica, the value of a parameter, the text of a connection string; and which of it is secret: whatever contains the
/// value of a secret parameter, or the key of the dashboard's own OTLP endpoint.
/// </summary>
internal sealed class Variables(DistributedApplicationModel model, ResourceNotificationService notifications, OtlpKey otlpKey)
{
    /// <returns>Null where there is no such resource.</returns>
    public async Task<IReadOnlyList<Variable>?> OfAsync(string id, CancellationToken cancellationToken)
    {
        var secrets = await SecretsAsync(cancellationToken);
        if (notifications.TryGetCurrentState(id, out var current))
            return [.. current.Snapshot.EnvironmentVariables.OrderBy(variable => variable.Name, StringComparer.Ordinal).Select(variable => Of(variable.Name, variable.Value))];
        if (!model.Resources.TryGetByName(id, out var resource) || resource is not IValueProvider provider)
            return null;
        return [Of(resource is IResourceWithConnectionString ? "ConnectionString" : "Value", await provider.GetValueAsync(cancellationToken))];

        Variable Of(string name, string? value) => new(name, value ?? "", secrets.Exists(secret => value?.Contains(secret, StringComparison.Ordinal) == true));
    }

    private async Task<List<string>> SecretsAsync(CancellationToken cancellationToken)
    {
        List<string> secrets = [otlpKey.Value];
        foreach (var parameter in model.Resources.OfType<ParameterResource>().Where(parameter => parameter.Secret))
        {
            if (await parameter.GetValueAsync(cancellationToken) is { Length: > 0 } value)
                secrets.Add(value);
        }

        return secrets;
    }
}

/// <param name="Value">Null where it is secret and has not been asked for by name.</param>
internal sealed record Variable(string Name, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Value, [property: JsonPropertyName("secret")] bool IsSecret);
