using Aspire.Hosting.Kubernetes;

namespace Aspire.Hosting
{
    /// <summary>Stands in where the package Aspire.Hosting.Kubernetes cannot be had; as there, the environment has no part in a run.</summary>
    internal static class KubernetesEnvironmentExtensions
    {
        public static IResourceBuilder<KubernetesEnvironmentResource> AddKubernetesEnvironment(
            this IDistributedApplicationBuilder builder, string name) => builder.ExecutionContext.IsRunMode
                ? builder.CreateResourceBuilder(new KubernetesEnvironmentResource(name))
                : throw new DistributedApplicationException("Only with the package Aspire.Hosting.Kubernetes can files for Kubernetes be written.");
    }
}

namespace Aspire.Hosting.Kubernetes
{
    internal sealed class KubernetesEnvironmentResource(string name) : Resource(name);
}
