using Microsoft.Extensions.Configuration;

// The shape of the real AppHost, small: a database, a job, a service in two replicas behind it, and one address for people.
var builder = DistributedApplication.CreateBuilder(args);

var password = builder.AddParameter("password", new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true, persist: true);

var postgres = builder.AddProject<Projects.CloudTab_LocalPostgres>("postgres")
    .WithHttpEndpoint()
    .WithEndpoint(name: "tcp", env: "PGPORT")
    .WithEnvironment("POSTGRES_DATA", Path.Combine(builder.Configuration["CLOUDTAB_DATA"]!, "postgres"))
    .WithEnvironment("POSTGRES_PASSWORD", password)
    .WithHttpHealthCheck("/health/ready");

var address = postgres.GetEndpoint("tcp");
var database = builder.AddConnectionString("database", ReferenceExpression.Create(
    $"Host={address.Property(EndpointProperty.IPV4Host)};Port={address.Property(EndpointProperty.Port)};Username=postgres;Password={password}"));

var job = builder.AddProject<Projects.CloudTab_TestApp>("job")
    .WithEnvironment("EXIT_CODE", builder.Configuration["JobExitCode"] ?? "0")
    .WaitFor(postgres);

var service = builder.AddProject<Projects.CloudTab_TestApp>("back-end")
    .WithHttpEndpoint()
    .WithReplicas(2)
    .WithReference(database)
    .WithHttpHealthCheck("/health")
    .WaitForCompletion(job);

builder.AddProject<Projects.CloudTab_TestApp>("front")
    .WithHttpEndpoint(port: builder.Configuration.GetValue("PORT", 5000))
    .WithExternalHttpEndpoints()
    .WithReference(service)
    .WithHttpHealthCheck("/health")
    .WaitFor(service);

builder.Build().Run();
