using Aspire.Hosting.Docker;

namespace Aspire.Hosting
{
    /// <summary>Stands in where the package Aspire.Hosting.Docker cannot be had; as there, the environment has no part in a run.</summary>
    internal static class DockerComposeEnvironmentExtensions
    {
        public static IResourceBuilder<DockerComposeEnvironmentResource> AddDockerComposeEnvironment(
            this IDistributedApplicationBuilder builder, string name) => builder.ExecutionContext.IsRunMode
                ? builder.CreateResourceBuilder(new DockerComposeEnvironmentResource(name))
                : throw new DistributedApplicationException("Only with the package Aspire.Hosting.Docker can files for Docker Compose be written.");
    }
}

namespace Aspire.Hosting.Docker
{
    internal sealed class DockerComposeEnvironmentResource(string name) : Resource(name);
}
