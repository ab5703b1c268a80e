using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.AppHost;

/// <summary>PostgreSQL and S3: programs of this repository that keep their data in one folder, or containers.</summary>
internal sealed class Stores
{
    private const string Region = "us-east-1";

    private readonly IResourceBuilder<ParameterResource> _password;
    private readonly IResourceBuilder<ParameterResource> _accessKey;
    private readonly IResourceBuilder<ParameterResource> _secretKey;

    public Stores(IDistributedApplicationBuilder builder, Settings settings)
    {
        // Generated once and kept in the user secrets, since what they have opened in one run they must open in the next.
        _password = builder.AddParameter("postgres-password", new Secret("", 32), secret: true, persist: true);
        _accessKey = builder.AddParameter("s3-access-key", new Secret("", 20), persist: true);
        _secretKey = builder.AddParameter("s3-secret-key", new Secret("", 40), secret: true, persist: true);
        (Postgres, Database) = settings.Containers ? PostgresContainer(builder) : PostgresProgram(builder, settings.Data);
        S3 = settings.Containers ? LocalStack(builder, settings.LocalStackToken) : LocalS3(builder, settings.Data);

        Postgres.WithIconName("Database");
        S3.WithIconName("Storage");
        _password.WithParentRelationship(Postgres);
        Database.WithParentRelationship(Postgres);
        _accessKey.WithParentRelationship(S3);
        _secretKey.WithParentRelationship(S3);
    }

    public IResourceBuilder<IResource> Postgres { get; }

    public IResourceBuilder<IResourceWithConnectionString> Database { get; }

    public IResourceBuilder<IResourceWithEndpoints> S3 { get; }

    /// <summary>Tells a service where the bucket is and how to open it.</summary>
    public void ConfigureBucket(EnvironmentCallbackContext context)
    {
        context.EnvironmentVariables["AWS_ENDPOINT_URL_S3"] = S3.GetEndpoint("http");
        context.EnvironmentVariables["AWS_ACCESS_KEY_ID"] = _accessKey.Resource;
        context.EnvironmentVariables["AWS_SECRET_ACCESS_KEY"] = _secretKey.Resource;
        context.EnvironmentVariables["AWS_REGION"] = Region;
        context.EnvironmentVariables["AWS_S3_BUCKET"] = "cloudtab";
    }

    private (IResourceBuilder<IResource> Server, IResourceBuilder<IResourceWithConnectionString> Database) PostgresContainer(IDistributedApplicationBuilder builder)
    {
        var server = builder.AddPostgres("postgres", password: _password).WithImageTag("18").WithDataVolume("cloudtab-postgres");
        return (server, server.AddDatabase("cloudtab"));
    }

    private (IResourceBuilder<IResource> Server, IResourceBuilder<IResourceWithConnectionString> Database) PostgresProgram(
        IDistributedApplicationBuilder builder, string data)
    {
        var server = builder.AddExecutable("postgres", "node", "../local/CloudTab.LocalPostgres", "postgres.mjs")
            .WithEndpoint(scheme: "tcp", name: "tcp", env: "PGPORT")
            .WithEnvironment("PGDATA", Path.Combine(data, "postgres"))
            .WithEnvironment("PGDATABASE", "cloudtab")
            .WithEnvironment("POSTGRES_PASSWORD", _password);

        var address = server.GetEndpoint("tcp");
        var connection = builder.AddConnectionString("cloudtab", ReferenceExpression.Create(
            $"Host={address.Property(EndpointProperty.IPV4Host)};Port={address.Property(EndpointProperty.Port)};Username=postgres;Password={_password};Database=cloudtab"));
        builder.Services.AddHealthChecks().AddNpgSql(
            _ => connection.Resource.ConnectionStringExpression.GetValueAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult()!, name: "postgres");
        return (server.WithHealthCheck("postgres"), connection);
    }

    private static IResourceBuilder<IResourceWithEndpoints> LocalStack(IDistributedApplicationBuilder builder, string? token)
    {
        var localStack = builder.AddContainer("s3", "localstack/localstack", "4.14.0")
            .WithHttpEndpoint(targetPort: 4566)
            .WithEnvironment("SERVICES", "s3")
            .WithHttpHealthCheck("/_localstack/health");
        if (token is { Length: > 0 })
            localStack.WithEnvironment("LOCALSTACK_AUTH_TOKEN", builder.AddParameter("localstack-auth-token", token, secret: true));
        return localStack;
    }

    private IResourceBuilder<IResourceWithEndpoints> LocalS3(IDistributedApplicationBuilder builder, string data) =>
        builder.AddProject<Projects.CloudTab_LocalS3>("s3")
            .WithHttpEndpoint()
            .WithEnvironment("LOCALS3_DATA", Path.Combine(data, "s3"))
            .WithEnvironment("AWS_ACCESS_KEY_ID", _accessKey)
            .WithEnvironment("AWS_SECRET_ACCESS_KEY", _secretKey)
            .WithEnvironment("AWS_REGION", Region)
            .WithHttpHealthCheck("/_health");
}
