using CloudTab.Gateway;
using CloudTab.Janitor;
using CloudTab.Notifier;
using CloudTab.ServiceDefaults;
using CloudTab.ShopApi;
using CloudTab.Testing;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>Only Relay and the Migrator know how Postgres and S3 are spoken to.</summary>
public sealed class BoundaryTests
{
    private static readonly string[] Clients = ["Npgsql", "Dapper", "AWSSDK", "Polly"];

    [Theory]
    [InlineData(typeof(GatewayOptions))]
    [InlineData(typeof(JanitorOptions))]
    [InlineData(typeof(SocketOptions))]
    [InlineData(typeof(ShutdownOptions))]
    [InlineData(typeof(ApiKeyAuthentication))]
    [InlineData(typeof(UploadOptions))]
    public void Types_of_a_database_or_store_client_are_not_used_in(Type ofAssembly)
    {
        var used = ofAssembly.Assembly.GetReferencedAssemblies().Select(assembly => assembly.Name!);

        Assert.DoesNotContain(used, name => Clients.Any(client => name.StartsWith(client, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_gateway_ships_no_client_of_a_database_or_a_store()
    {
        var packages = await File.ReadAllTextAsync(Repository.PathOf("CloudTab.Gateway/packages.lock.json"), Token);

        Assert.All(Clients, client => Assert.DoesNotContain($"\"{client}", packages, StringComparison.Ordinal));
    }
}
