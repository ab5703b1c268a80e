using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

public interface IResourceWithServiceDiscovery : IResourceWithEndpoints;

/// <summary>Waits, health checks and callbacks of a resource; endpoints and environment have files of their own.</summary>
public static partial class ResourceBuilderExtensions
{
    /// <summary>Starts the resource only when every replica of the other one is running and healthy.</summary>
    public static IResourceBuilder<T> WaitFor<T>(this IResourceBuilder<T> builder, IResourceBuilder<IResource> dependency)
        where T : IResourceWithWaitSupport =>
        builder.WithAnnotation(new WaitAnnotation(dependency.Resource, WaitType.WaitUntilHealthy));

    /// <summary>Starts the resource only when the other one has ended with this exit code.</summary>
    public static IResourceBuilder<T> WaitForCompletion<T>(
        this IResourceBuilder<T> builder, IResourceBuilder<IResource> dependency, int exitCode = 0)
        where T : IResourceWithWaitSupport =>
        builder.WithAnnotation(new WaitAnnotation(dependency.Resource, WaitType.WaitForCompletion, exitCode));

    /// <summary>Counts the resource as healthy only while this path of its http endpoint answers with this status (200).</summary>
    public static IResourceBuilder<T> WithHttpHealthCheck<T>(
        this IResourceBuilder<T> builder, string? path = null, int? statusCode = null, string? endpointName = null)
        where T : IResourceWithEndpoints
    {
        var endpoint = endpointName
            ?? builder.Resource.Annotations.OfType<EndpointAnnotation>().FirstOrDefault(candidate => candidate.IsHttp)?.Name
            ?? throw new DistributedApplicationException($"Resource '{builder.Resource.Name}' has no http endpoint to check.");
        var status = statusCode ?? 200;
        var key = $"{builder.Resource.Name}_{endpoint}_{path ?? "/"}_{status}_check";
        return builder.WithAnnotation(new HttpHealthCheckAnnotation(key, endpoint, path ?? "/", status));
    }
}

public static class DistributedApplicationEventingExtensions
{
    /// <summary>Runs the callback when the resource has become healthy, and before those that wait for it start.</summary>
    public static IResourceBuilder<T> OnResourceReady<T>(
        this IResourceBuilder<T> builder, Func<T, ResourceReadyEvent, CancellationToken, Task> callback)
        where T : IResource =>
        builder.WithAnnotation(new ResourceReadyAnnotation((ready, token) => callback((T)ready.Resource, ready, token)));
}
