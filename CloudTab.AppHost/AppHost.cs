using Aspire.Hosting.Lifecycle;
using CloudTab.AppHost;
using Microsoft.Extensions.Hosting;

var builder = DistributedApplication.CreateBuilder(args);
if (Settings.Read(builder) is not { } settings)
    return 1;

// What a test or a developer gives (Parameters:shopkeeper-key, SHOPKEEPER_API_KEY) takes the place of what is generated.
var shopkeeperKey = builder.AddParameter("shopkeeper-key", new Secret("ctk_", 43), secret: true, persist: true);

var stores = new Stores(builder, settings);

var migrator = builder.AddProject<Projects.CloudTab_Migrator>("migrator")
    .WithReference(stores.Database)
    .WithEnvironment(stores.ConfigureBucket)
    .WithEnvironment("SHOPKEEPER_API_KEY", shopkeeperKey)
    .WithIconName("ArrowUp")
    .WithOperatorCommands()
    .WaitFor(stores.Postgres)
    .WaitFor(stores.S3);

var uploadApi = builder.AddProject<Projects.CloudTab_UploadApi>("upload-api")
    .WithHttpEndpoint()
    .WithReplicas(settings.Replicas)
    .WithReference(stores.Database)
    .WithEnvironment(stores.ConfigureBucket)
    .WithHttpHealthCheck("/health/ready")
    .WithIconName("ArrowUpload")
    .WaitForCompletion(migrator);

var shopApi = builder.AddProject<Projects.CloudTab_ShopApi>("shop-api")
    .WithHttpEndpoint()
    .WithReplicas(settings.Replicas)
    .WithReference(stores.Database)
    .WithEnvironment(stores.ConfigureBucket)
    .WithHttpHealthCheck("/health/ready")
    .WithIconName("Print")
    .WaitForCompletion(migrator);

var notifier = builder.AddProject<Projects.CloudTab_Notifier>("notifier")
    .WithHttpEndpoint()
    .WithReplicas(settings.Replicas)
    .WithReference(stores.Database)
    .WithEnvironment(stores.ConfigureBucket)
    .WithHttpHealthCheck("/health/ready")
    .WithIconName("Alert")
    .WaitForCompletion(migrator);

var janitor = builder.AddProject<Projects.CloudTab_Janitor>("janitor")
    .WithHttpEndpoint()
    .WithReference(stores.Database)
    .WithEnvironment(stores.ConfigureBucket)
    .WithHttpHealthCheck("/health/ready")
    .WithIconName("Broom")
    .WaitForCompletion(migrator);

// It waits for nobody: its own health tells when the services behind it answer.
var gateway = builder.AddProject<Projects.CloudTab_Gateway>("gateway")
    .WithHttpEndpoint(port: settings.Port)
    .WithExternalHttpEndpoints()
    .WithReference(uploadApi)
    .WithReference(shopApi)
    .WithReference(notifier)
    .WithReference(janitor)
    .WithHttpHealthCheck("/health")
    .WithUrlForEndpoint("http", url => url.DisplayText = "Customer's page")
    .WithUrlForEndpoint("http", _ => new() { Url = "/shop", DisplayText = "Shop's page" })
    .WithUrlForEndpoint("http", _ => new() { Url = "/docs/", DisplayText = "API reference" })
    .WithIconName("Globe")
    .WithSampleJobCommand();
builder.AddPrinting(gateway, shopkeeperKey, settings.Data);
if (builder.Environment.IsDevelopment())
    gateway.OnResourceReady(async (_, _, token) => Console.WriteLine($"  {gateway.GetEndpoint("http").Url}, the shop's key: {await shopkeeperKey.Resource.GetValueAsync(token)}"));

// The AppHost's own environment (Development, unless told otherwise) is that of every service. None speaks HTTPS here: without a word on
// that, the dashboard asks for a development certificate.
foreach (var project in builder.Resources.OfType<ProjectResource>())
{
    builder.CreateResourceBuilder(project).StartedDirectly().WithEnvironment("DOTNET_ENVIRONMENT", builder.Environment.EnvironmentName)
        .WithoutHttpsCertificate().WithCertificateTrustScope(CertificateTrustScope.None);
}

builder.Services.AddEventingSubscriber<FailureReport>();
builder.Build().Run();
return 0;
