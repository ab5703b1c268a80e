using System.Globalization;
using Aspire.Hosting.ApplicationModel;

namespace CloudTab.DevHost;

/// <summary>The variables that one replica gets on top of what the AppHost itself inherited.</summary>
internal static class InstanceEnvironment
{
    public static async Task<Dictionary<string, string>> OfAsync(ProjectInstance instance, OtlpTarget telemetry, CancellationToken cancellationToken)
    {
        var resource = instance.Resource;
        var context = new EnvironmentCallbackContext(resource, cancellationToken);
        foreach (var (name, value) in telemetry.VariablesFor(instance))
            context.EnvironmentVariables[name] = value;
        foreach (var endpoint in resource.Annotations.OfType<EndpointAnnotation>())
        {
            if (endpoint.TargetPortEnvironmentVariable is { } variable)
                context.EnvironmentVariables[variable] = TargetPort(endpoint, instance);
        }

        var urls = resource.Annotations.OfType<EndpointAnnotation>()
            .Where(endpoint => endpoint.IsHttp && endpoint.TargetPortEnvironmentVariable is null)
            .Select(endpoint => $"{endpoint.UriScheme}://{endpoint.TargetHost}:{TargetPort(endpoint, instance)}").ToList();
        if (urls.Count > 0)
            context.EnvironmentVariables["ASPNETCORE_URLS"] = string.Join(';', urls);

        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
            await annotation.Callback(context);

        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in context.EnvironmentVariables)
        {
            environment[name] = value is IValueProvider provider
                ? await provider.GetValueAsync(cancellationToken) ?? ""
                : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        }

        return environment;
    }

    private static string TargetPort(EndpointAnnotation endpoint, ProjectInstance instance) =>
        endpoint.Allocated!.TargetPorts[instance.Index].ToString(CultureInfo.InvariantCulture);
}
