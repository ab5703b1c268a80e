using CloudTab.AppHost;
using Microsoft.Extensions.Hosting;

var builder = DistributedApplication.CreateBuilder(args);
if (Settings.Read(builder.Configuration) is not { } settings)
    return;

// Generated once and kept: what the database and the bucket were created with must still hold in the next run.
var postgresPassword = builder.AddParameter("postgres-password", Generated(32), secret: true, persist: true);
var s3AccessKey = builder.AddParameter("s3-access-key", Generated(20), persist: true);
var s3SecretKey = builder.AddParameter("s3-secret-key", Generated(40), secret: true, persist: true);
var shopkeeperKey = settings.ShopkeeperKey is { Length: > 0 } given
    ? ReferenceExpression.Create($"{builder.AddParameter("shopkeeper-key", given, secret: true)}")
    : ReferenceExpression.Create($"ctk_{builder.AddParameter("shopkeeper-key", Generated(43), secret: true, persist: true)}");

// Postgres and S3 are containers where a container runtime answers, as they are in files for deployment; else programs of this
// repository, with their data in one folder.
IResourceBuilder<IResource> postgres;
IResourceBuilder<IResourceWithConnectionString> database;
IResourceBuilder<IResourceWithEndpoints> s3;
if (settings.Containers ?? (builder.ExecutionContext.IsPublishMode || ContainerRuntime.Answers(settings.Runtime)))
{
    var server = builder.AddPostgres("postgres", password: postgresPassword)
        .WithImageTag("18")
        .WithDataVolume("cloudtab-postgres");

    var localStack = builder.AddContainer("s3", "localstack/localstack", "4.14.0")
        .WithHttpEndpoint(targetPort: 4566)
        .WithEnvironment("SERVICES", "s3")
        .WithHttpHealthCheck("/_localstack/health");
    if (settings.LocalStackToken is { Length: > 0 } token)
        localStack.WithEnvironment("LOCALSTACK_AUTH_TOKEN", builder.AddParameter("localstack-auth-token", token, secret: true));

    (postgres, database, s3) = (server, server.AddDatabase("cloudtab"), localStack);
}
else
{
    var data = Path.GetFullPath(settings.Data, Path.GetFullPath("..", builder.AppHostDirectory));
    var server = builder.AddProject<Projects.CloudTab_LocalPostgres>("postgres")
        .WithHttpEndpoint()
        .WithEndpoint(name: "tcp", env: "PGPORT")
        .WithEnvironment("POSTGRES_DATA", Path.Combine(data, "postgres"))
        .WithEnvironment("POSTGRES_DB", "cloudtab")
        .WithEnvironment("POSTGRES_PASSWORD", postgresPassword)
        .WithHttpHealthCheck("/health/ready");

    var address = server.GetEndpoint("tcp");
    var connection = builder.AddConnectionString("cloudtab", ReferenceExpression.Create(
        $"Host={address.Property(EndpointProperty.IPV4Host)};Port={address.Property(EndpointProperty.Port)};Username=postgres;Password={postgresPassword};Database=cloudtab"));

    var localS3 = builder.AddProject<Projects.CloudTab_LocalS3>("s3")
        .WithHttpEndpoint()
        .WithEnvironment("LOCALS3_DATA", Path.Combine(data, "s3"))
        .WithEnvironment("AWS_ACCESS_KEY_ID", s3AccessKey)
        .WithEnvironment("AWS_SECRET_ACCESS_KEY", s3SecretKey)
        .WithEnvironment("AWS_REGION", "us-east-1")
        .WithHttpHealthCheck("/_health");

    (postgres, database, s3) = (server, connection, localS3);
}

var migrator = builder.AddProject<Projects.CloudTab_Migrator>("migrator")
    .WithReference(database)
    .WithEnvironment(ObjectStore)
    .WithEnvironment("SHOPKEEPER_API_KEY", shopkeeperKey)
    .WaitFor(postgres)
    .WaitFor(s3);

var uploadApi = builder.AddProject<Projects.CloudTab_UploadApi>("upload-api")
    .WithHttpEndpoint()
    .WithReplicas(settings.Replicas)
    .WithReference(database)
    .WithEnvironment(ObjectStore)
    .WithHttpHealthCheck("/health/ready")
    .WaitForCompletion(migrator);

var shopApi = builder.AddProject<Projects.CloudTab_ShopApi>("shop-api")
    .WithHttpEndpoint()
    .WithReplicas(settings.Replicas)
    .WithReference(database)
    .WithEnvironment(ObjectStore)
    .WithHttpHealthCheck("/health/ready")
    .WaitForCompletion(migrator);

var notifier = builder.AddProject<Projects.CloudTab_Notifier>("notifier")
    .WithHttpEndpoint()
    .WithReplicas(settings.Replicas)
    .WithReference(database)
    .WithEnvironment(ObjectStore)
    .WithHttpHealthCheck("/health/ready")
    .WaitForCompletion(migrator);

var janitor = builder.AddProject<Projects.CloudTab_Janitor>("janitor")
    .WithHttpEndpoint()
    .WithReference(database)
    .WithEnvironment(ObjectStore)
    .WithHttpHealthCheck("/health/ready")
    .WaitForCompletion(migrator);

var gateway = builder.AddProject<Projects.CloudTab_Gateway>("gateway")
    .WithHttpEndpoint(port: settings.Port)
    .WithExternalHttpEndpoints()
    .WithReference(uploadApi)
    .WithReference(shopApi)
    .WithReference(notifier)
    .WithReference(janitor)
    .WithHttpHealthCheck("/health")
    .WaitFor(uploadApi)
    .WaitFor(shopApi)
    .WaitFor(notifier)
    .WaitFor(janitor);

// The AppHost's own environment (Development, unless told otherwise) is that of every service. Programs that each say where they
// listen and how to end them would hide the one address that matters.
foreach (var project in builder.Resources.OfType<ProjectResource>())
{
    builder.CreateResourceBuilder(project)
        .WithEnvironment("DOTNET_ENVIRONMENT", builder.Environment.EnvironmentName)
        .WithEnvironment("Logging__LogLevel__Microsoft.Hosting.Lifetime", "Warning");
}

// What `aspire publish` writes files for; a run takes no notice.
if (settings.PublishTo == Settings.Target.Kubernetes)
    builder.AddKubernetesEnvironment("kubernetes");
else
    builder.AddDockerComposeEnvironment("compose");

if (builder.Environment.IsDevelopment())
{
    gateway.OnResourceReady(async (_, _, token) =>
        Console.WriteLine($"  The shop's key: {await shopkeeperKey.GetValueAsync(token)}"));
}

builder.Build().Run();

void ObjectStore(EnvironmentCallbackContext context)
{
    context.EnvironmentVariables["AWS_ENDPOINT_URL_S3"] = s3.GetEndpoint("http");
    context.EnvironmentVariables["AWS_ACCESS_KEY_ID"] = s3AccessKey.Resource;
    context.EnvironmentVariables["AWS_SECRET_ACCESS_KEY"] = s3SecretKey.Resource;
    context.EnvironmentVariables["AWS_REGION"] = "us-east-1";
    context.EnvironmentVariables["AWS_S3_BUCKET"] = "cloudtab";
}

static GenerateParameterDefault Generated(int length) => new() { MinLength = length, Special = false };
