using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

public static partial class ResourceBuilderExtensions
{
    /// <param name="builder">The resource that listens.</param>
    /// <param name="port">The port that others see; null: a free one.</param>
    /// <param name="targetPort">The port that the process listens on; null: a free one.</param>
    /// <param name="scheme">Of the address; null: tcp.</param>
    /// <param name="name">Null: the scheme.</param>
    /// <param name="env">An environment variable of the resource that is to hold the target port.</param>
    /// <param name="isProxied">Whether others reach it through a proxy; null, as far as that is needed, which is all that DevHost can do.</param>
    /// <param name="isExternal">Whether people use the address.</param>
    /// <param name="protocol">Null: TCP, and there is no other here.</param>
    public static IResourceBuilder<T> WithEndpoint<T>(
        this IResourceBuilder<T> builder,
        int? port = null,
        int? targetPort = null,
        string? scheme = null,
        string? name = null,
        string? env = null,
        bool? isProxied = null,
        bool? isExternal = null,
        ProtocolType? protocol = null)
        where T : IResourceWithEndpoints
    {
        if (isProxied is not null || protocol is not null and not ProtocolType.Tcp)
            throw new DistributedApplicationException($"DevHost has only TCP endpoints, and proxies them where that is needed ({builder.Resource.Name}).");
        scheme ??= "tcp";
        name ??= scheme;
        if (builder.GetEndpoint(name).Exists)
            throw new DistributedApplicationException($"Endpoint with name '{name}' already exists on resource '{builder.Resource.Name}'.");
        return builder.WithAnnotation(
            new EndpointAnnotation(scheme, name, port, targetPort, isExternal ?? false) { TargetPortEnvironmentVariable = env });
    }

    public static IResourceBuilder<T> WithHttpEndpoint<T>(
        this IResourceBuilder<T> builder, int? port = null, int? targetPort = null, string? name = null, string? env = null, bool? isProxied = null)
        where T : IResourceWithEndpoints => builder.WithEndpoint(port, targetPort, "http", name, env, isProxied);

    /// <summary>Marks the http endpoints so far as addresses for people.</summary>
    public static IResourceBuilder<T> WithExternalHttpEndpoints<T>(this IResourceBuilder<T> builder)
        where T : IResourceWithEndpoints
    {
        foreach (var endpoint in builder.Resource.Annotations.OfType<EndpointAnnotation>().Where(endpoint => endpoint.IsHttp))
            endpoint.IsExternal = true;
        return builder;
    }

    public static EndpointReference GetEndpoint<T>(this IResourceBuilder<T> builder, string name)
        where T : IResourceWithEndpoints => new(builder.Resource, name);
}
