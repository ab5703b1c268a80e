using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using CloudTab.EndToEnd.Tests.Pages;
using CloudTab.Testing;
using Microsoft.Extensions.Configuration.UserSecrets;

namespace CloudTab.EndToEnd.Tests;

/// <summary>One AppHost as it is, with two replicas, for all tests of its collection.</summary>
public sealed class RunningAppHost : IRunningRelay, IAsyncLifetime
{
    /// <summary>The collection's name.</summary>
    public const string Collection = "A running AppHost";

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("cloudtab-");
    private readonly (bool Exists, DateTime LastWriteTime) _secrets = DeveloperSecrets;
    private DistributedApplication? _app;

    public DistributedApplication App => _app!;

    /// <summary>The folder of its data.</summary>
    public DirectoryInfo Data => _data;

    public Uri Origin => App.GetEndpoint("gateway");

    public string Database { get; private set; } = "";

    /// <summary>Whether the developer's own user secrets were written since before the start.</summary>
    public bool WroteDeveloperSecrets => DeveloperSecrets != _secrets;

    private static (bool Exists, DateTime LastWriteTime) DeveloperSecrets
    {
        get
        {
            var file = new FileInfo(PathHelper.GetSecretsPathFromSecretsId("cloudtab-apphost"));
            return (file.Exists, file.LastWriteTimeUtc);
        }
    }

    public async ValueTask InitializeAsync()
    {
        using var limit = new CancellationTokenSource(StartLimit, TimeProvider.System); // a Migrator that fails would be waited for without end
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.CloudTab_AppHost>(AppHostArguments.For(_data, replicas: 2), limit.Token);
        // What a developer has set in the shell, every service inherits.
        foreach (var service in builder.Resources.OfType<ProjectResource>().ToList())
            builder.CreateResourceBuilder(service).WithEnvironment("DIRECT_UPLOADS", "true");

        _app = await builder.BuildAsync(limit.Token);
        await App.StartAsync(limit.Token);
        await App.ResourceNotifications.WaitForResourceHealthyAsync("gateway", limit.Token);
        Database = (await App.GetConnectionStringAsync("cloudtab", limit.Token))!;
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
        _data.Delete(recursive: true);
    }
}

[CollectionDefinition(RunningAppHost.Collection)]
public sealed class RunningAppHostGroup : ICollectionFixture<RunningAppHost>, ICollectionFixture<Browsers>;
