using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

var builder = DistributedApplication.CreateBuilder(args);

var data = Path.GetFullPath(builder.Configuration["CLOUDTAB_DATA"] ?? ".cloudtab", Path.GetFullPath("..", builder.AppHostDirectory));
var replicas = builder.Configuration.GetValue("Replicas", 1);

// Generated once and kept: what the database and the bucket were created with must still hold in the next run.
var postgresPassword = builder.AddParameter("postgres-password", Generated(32), secret: true, persist: true);
var s3AccessKey = builder.AddParameter("s3-access-key", Generated(20), persist: true);
var s3SecretKey = builder.AddParameter("s3-secret-key", Generated(40), secret: true, persist: true);
var generatedKey = builder.AddParameter("shopkeeper-key", Generated(43), secret: true, persist: true);
var shopkeeperKey = builder.Configuration["SHOPKEEPER_API_KEY"] is { Length: > 0 } given
    ? ReferenceExpression.Create($"{given}")
    : ReferenceExpression.Create($"ctk_{generatedKey}");

var postgres = builder.AddProject<Projects.CloudTab_LocalPostgres>("postgres")
    .WithHttpEndpoint()
    .WithEndpoint(name: "tcp", env: "PGPORT")
    .WithEnvironment("POSTGRES_DATA", Path.Combine(data, "postgres"))
    .WithEnvironment("POSTGRES_DB", "cloudtab")
    .WithEnvironment("POSTGRES_PASSWORD", postgresPassword)
    .WithHttpHealthCheck("/health/ready");

var address = postgres.GetEndpoint("tcp");
var database = builder.AddConnectionString("cloudtab", ReferenceExpression.Create(
    $"Host={address.Property(EndpointProperty.IPV4Host)};Port={address.Property(EndpointProperty.Port)};Username=postgres;Password={postgresPassword};Database=cloudtab"));

var s3 = builder.AddProject<Projects.CloudTab_LocalS3>("s3")
    .WithHttpEndpoint()
    .WithEnvironment("LOCALS3_DATA", Path.Combine(data, "s3"))
    .WithEnvironment("AWS_ACCESS_KEY_ID", s3AccessKey)
    .WithEnvironment("AWS_SECRET_ACCESS_KEY", s3SecretKey)
    .WithEnvironment("AWS_REGION", "us-east-1")
    .WithHttpHealthCheck("/_health");

var migrator = builder.AddProject<Projects.CloudTab_Migrator>("migrator")
    .WithReference(database)
    .WithEnvironment(ObjectStore)
    .WithEnvironment("SHOPKEEPER_API_KEY", shopkeeperKey)
    .WaitFor(postgres)
    .WaitFor(s3);

var uploadApi = builder.AddProject<Projects.CloudTab_UploadApi>("upload-api")
    .WithHttpEndpoint()
    .WithReplicas(replicas)
    .WithReference(database)
    .WithEnvironment(ObjectStore)
    .WithHttpHealthCheck("/health/ready")
    .WaitForCompletion(migrator);

var shopApi = builder.AddProject<Projects.CloudTab_ShopApi>("shop-api")
    .WithHttpEndpoint()
    .WithReplicas(replicas)
    .WithReference(database)
    .WithEnvironment(ObjectStore)
    .WithHttpHealthCheck("/health/ready")
    .WaitForCompletion(migrator);

var notifier = builder.AddProject<Projects.CloudTab_Notifier>("notifier")
    .WithHttpEndpoint()
    .WithReplicas(replicas)
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
    .WithHttpEndpoint(port: builder.Configuration.GetValue("PORT", 5000))
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
