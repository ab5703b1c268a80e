using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>The AppHost as it is, started on a data folder and waited for, with two replicas.</summary>
public sealed class RunningAppHost : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);

    private RunningAppHost(DistributedApplication app) => App = app;

    public DistributedApplication App { get; }

    /// <summary>The public origin.</summary>
    public Uri Origin => App.GetEndpoint("gateway");

    public static async Task<RunningAppHost> StartAsync(
        DirectoryInfo data, CancellationToken cancellationToken, params IEnumerable<(string Name, string Value)> variables)
    {
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.CloudTab_AppHost>(
            AppHostArguments.For(data, replicas: 2), cancellationToken);
        // What a developer has set in the shell, every service inherits.
        foreach (var service in builder.Resources.OfType<ProjectResource>().ToList())
        {
            foreach (var (name, value) in variables)
                builder.CreateResourceBuilder(service).WithEnvironment(name, value);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StartLimit); // a Migrator that fails would be waited for without end
        var app = await builder.BuildAsync(cancellationToken);
        try
        {
            await app.StartAsync(limit.Token);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("gateway", limit.Token);
            return new RunningAppHost(app);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => App.DisposeAsync();
}
