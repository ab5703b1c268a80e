using System.Globalization;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>An address that a resource listens on, under a name.</summary>
public sealed class EndpointAnnotation : IResourceAnnotation
{
    internal EndpointAnnotation(string uriScheme, string name, int? port, int? targetPort, bool isExternal)
    {
        UriScheme = uriScheme;
        Name = name;
        Port = port;
        TargetPort = targetPort;
        IsExternal = isExternal;
    }

    public string UriScheme { get; }

    public string Name { get; }

    /// <summary>The port that others see; null: a free one.</summary>
    public int? Port { get; set; }

    /// <summary>The port that the process listens on; null: a free one, or <see cref="Port"/> where one process serves it.</summary>
    public int? TargetPort { get; set; }

    /// <summary>Whether it is an address for people: printed at start.</summary>
    public bool IsExternal { get; set; }

    public string TargetHost { get; set; } = "localhost";

    internal bool IsHttp => UriScheme is "http" or "https";

    internal string? TargetPortEnvironmentVariable { get; init; }

    /// <summary>Set once the application starts: the address that others use, and the one of each replica.</summary>
    internal AllocatedPorts? Allocated { get; set; }
}

internal sealed record AllocatedPorts(int Port, IReadOnlyList<int> TargetPorts);

public enum EndpointProperty
{
    Url = 0,
    Host = 1,
    IPV4Host = 2,
    Port = 3,
    Scheme = 4,
    TargetPort = 5,
    HostAndPort = 6,
}

/// <summary>Another resource's endpoint, whose port is known once the application starts.</summary>
public sealed class EndpointReference(IResourceWithEndpoints owner, string endpointName) : IExpressionValue
{
    public IResourceWithEndpoints Resource { get; } = owner;

    public string EndpointName { get; } = endpointName;

    public bool Exists => Find() is not null;

    public bool IsAllocated => Find()?.Allocated is not null;

    public EndpointAnnotation EndpointAnnotation => Find()
        ?? throw new DistributedApplicationException($"Resource '{Resource.Name}' has no endpoint named '{EndpointName}'.");

    public string Scheme => EndpointAnnotation.UriScheme;

    public string Host => EndpointAnnotation.TargetHost;

    public int Port => Ports.Port;

    public string Url => $"{Scheme}://{Host}:{Port.ToString(CultureInfo.InvariantCulture)}";

    string IManifestExpressionProvider.ValueExpression => $"{{{Resource.Name}.bindings.{EndpointName}.url}}";

    internal AllocatedPorts Ports => EndpointAnnotation.Allocated
        ?? throw new InvalidOperationException($"The endpoint '{EndpointName}' of '{Resource.Name}' has no port before the application starts.");

    public EndpointReferenceExpression Property(EndpointProperty property) => new(this, property);

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(Url);

    private EndpointAnnotation? Find() => Resource.Annotations.OfType<EndpointAnnotation>()
        .FirstOrDefault(endpoint => string.Equals(endpoint.Name, EndpointName, StringComparison.OrdinalIgnoreCase));
}

/// <summary>One part of an endpoint's address.</summary>
public class EndpointReferenceExpression(EndpointReference endpointReference, EndpointProperty property) : IExpressionValue
{
    public EndpointReference Endpoint { get; } = endpointReference;

    public EndpointProperty Property { get; } = property;

    public string ValueExpression => $"{{{Endpoint.Resource.Name}.bindings.{Endpoint.EndpointName}.{Property}}}";

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(Property switch
    {
        EndpointProperty.Url => Endpoint.Url,
        EndpointProperty.Host => Endpoint.Host,
        EndpointProperty.IPV4Host => "127.0.0.1",
        EndpointProperty.Port => Text(Endpoint.Port),
        EndpointProperty.Scheme => Endpoint.Scheme,
        EndpointProperty.TargetPort => Text(Endpoint.Ports.TargetPorts[0]),
        EndpointProperty.HostAndPort => $"{Endpoint.Host}:{Text(Endpoint.Port)}",
        _ => throw new InvalidOperationException($"An endpoint has no property {Property}."),
    });

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
}
