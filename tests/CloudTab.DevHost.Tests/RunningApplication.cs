using Aspire.Hosting;
using Aspire.Hosting.Testing;
using CloudTab.Testing;

namespace CloudTab.DevHost.Tests;

/// <summary>An application of TestApps in a folder of its own; ended, and the folder deleted, with the test.</summary>
public sealed class RunningApplication : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;

    private RunningApplication(DirectoryInfo folder, DistributedApplication app)
    {
        _folder = folder;
        App = app;
    }

    public DistributedApplication App { get; }

    public static async Task<RunningApplication> StartAsync(Action<IDistributedApplicationBuilder> model, params string[] args)
    {
        var folder = TemporaryData.New();
        var builder = DistributedApplicationTestingBuilder.Create([$"CLOUDTAB_DATA={folder.FullName}", .. args]);
        model(builder);
        return await StartAsync(folder, await builder.BuildAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>The TestAppHost through its own entry point.</summary>
    public static async Task<RunningApplication> StartAppHostAsync(params string[] args)
    {
        var folder = TemporaryData.New();
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.CloudTab_TestAppHost>(
            [$"CLOUDTAB_DATA={folder.FullName}", .. args], TestContext.Current.CancellationToken);
        return await StartAsync(folder, await builder.BuildAsync(TestContext.Current.CancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static async Task<RunningApplication> StartAsync(DirectoryInfo folder, DistributedApplication app)
    {
        var running = new RunningApplication(folder, app);
        try
        {
            await app.StartAsync(TestContext.Current.CancellationToken);
            return running;
        }
        catch
        {
            await running.DisposeAsync();
            throw;
        }
    }
}
