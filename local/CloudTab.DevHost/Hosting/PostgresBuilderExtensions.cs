using System.Globalization;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

public static class PostgresBuilderExtensions
{
    /// <param name="builder">The application.</param>
    /// <param name="name">The server's and the resource's name.</param>
    /// <param name="userName">Null: postgres.</param>
    /// <param name="password">Null: generated, and kept.</param>
    /// <param name="port">The port that others see; null: a free one.</param>
    public static IResourceBuilder<PostgresServerResource> AddPostgres(
        this IDistributedApplicationBuilder builder,
        string name,
        IResourceBuilder<ParameterResource>? userName = null,
        IResourceBuilder<ParameterResource>? password = null,
        int? port = null)
    {
        password ??= builder.AddParameter($"{name}-password", new GenerateParameterDefault { Special = false }, secret: true, persist: true);
        var server = new PostgresServerResource(name, userName?.Resource, password.Resource);
        return builder.AddResource(server)
            .WithEndpoint(port, targetPort: 5432, name: "tcp")
            .WithAnnotation(new ContainerImageAnnotation { Registry = "docker.io", Image = "library/postgres", Tag = "18" })
            .WithEnvironment("POSTGRES_USER", server.UserNameReference)
            .WithEnvironment("POSTGRES_PASSWORD", password)
            .WithAnnotation(new HealthCheckAnnotation($"{name}_check"));
    }

    public static IResourceBuilder<PostgresDatabaseResource> AddDatabase(
        this IResourceBuilder<PostgresServerResource> builder, string name, string? databaseName = null) =>
        builder.ApplicationBuilder.AddResource(new PostgresDatabaseResource(name, databaseName ?? name, builder.Resource))
            .WithAnnotation(new HealthCheckAnnotation($"{name}_check"));

    /// <summary>Keeps the data in a volume. The image's tag must be set before: from 18 on the data lies elsewhere in the image.</summary>
    public static IResourceBuilder<PostgresServerResource> WithDataVolume(
        this IResourceBuilder<PostgresServerResource> builder, string? name = null, bool isReadOnly = false)
    {
        var tag = builder.Resource.Annotations.OfType<ContainerImageAnnotation>().Last().Tag ?? "";
        var digits = new string([.. tag.TakeWhile(char.IsAsciiDigit)]);
        var isOld = int.TryParse(digits, CultureInfo.InvariantCulture, out var major) && major < 18;
        return builder.WithVolume(name ?? $"{builder.Resource.Name}-data", isOld ? "/var/lib/postgresql/data" : "/var/lib/postgresql", isReadOnly);
    }
}
