using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.EndToEnd.Tests;

/// <summary>The AppHost as it is, started on a data folder and waited for; with two replicas, unless told otherwise.</summary>
public sealed class RunningAppHost : IAsyncDisposable
{
    private RunningAppHost(DistributedApplication app) => App = app;

    public DistributedApplication App { get; }

    /// <summary>The public origin.</summary>
    public Uri Origin => App.GetEndpoint("gateway");

    /// <summary>The default shop's key, which the AppHost has generated and keeps in its data folder.</summary>
    public required string Key { get; init; }

    public static async Task<RunningAppHost> StartAsync(
        DirectoryInfo data, CancellationToken cancellationToken, params IEnumerable<(string Name, string Value)> variables)
    {
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.CloudTab_AppHost>(
            [$"CLOUDTAB_DATA={data.FullName}", "Replicas=2", "Containers=false"], cancellationToken);
        // What a developer has set in the shell, every service inherits.
        foreach (var service in builder.Resources.OfType<ProjectResource>().ToList())
        {
            foreach (var (name, value) in variables)
                builder.CreateResourceBuilder(service).WithEnvironment(name, value);
        }

        var app = await builder.BuildAsync(cancellationToken);
        try
        {
            await app.StartAsync(cancellationToken);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("gateway", cancellationToken);
            var key = app.Services.GetRequiredService<DistributedApplicationModel>().Resources.OfType<ParameterResource>()
                .Single(parameter => parameter.Name == "shopkeeper-key");
            return new RunningAppHost(app) { Key = "ctk_" + await key.GetValueAsync(cancellationToken) };
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => App.DisposeAsync();
}
