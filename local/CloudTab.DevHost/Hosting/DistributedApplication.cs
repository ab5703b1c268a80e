using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using CloudTab.DevHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>Something that the one who starts the application can put right; its message says what, in one line.</summary>
public class DistributedApplicationException : Exception
{
    public DistributedApplicationException()
    {
    }

    public DistributedApplicationException(string message)
        : base(message)
    {
    }

    public DistributedApplicationException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>The application that the model describes, and its life.</summary>
public class DistributedApplication : IHost, IAsyncDisposable
{
    private readonly IHost _host;
    private readonly Orchestrator _orchestrator;
    private readonly bool _ownedByTest = AppHostEntryPoint.Current is not null;

    private bool _disposed;

    internal DistributedApplication(IHost host)
    {
        _host = host;
        _orchestrator = host.Services.GetRequiredService<Orchestrator>();
    }

    public IServiceProvider Services => _host.Services;

    public ResourceNotificationService ResourceNotifications => Services.GetRequiredService<ResourceNotificationService>();

    public ResourceCommandService ResourceCommands => Services.GetRequiredService<ResourceCommandService>();

    public static IDistributedApplicationBuilder CreateBuilder(string[] args)
    {
        var entryPoint = AppHostEntryPoint.Current;
        return new DistributedApplicationBuilder(
            [.. args, .. entryPoint?.Arguments ?? []],
            entryPoint?.Assembly ?? Assembly.GetEntryAssembly()!,
            isTest: entryPoint is not null);
    }

    public void Run() => RunAsync().GetAwaiter().GetResult();

    /// <summary>Runs until a signal asks for the end, or until the start has failed; the exit code tells which.</summary>
    public virtual async Task RunAsync(CancellationToken cancellationToken = default)
    {
        if (_ownedByTest)
        {
            // The test starts, stops and disposes; the AppHost's own code ends when that is done.
            var over = new TaskCompletionSource();
            await using var registration = Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopped.Register(over.SetResult);
            await over.Task;
            return;
        }

        try
        {
            await StartAsync(cancellationToken);
            var shutdown = _host.WaitForShutdownAsync(cancellationToken);
            await Task.WhenAny(_orchestrator.StartFailed, shutdown);
            if (_orchestrator.StartFailed.IsCompleted)
            {
                Environment.ExitCode = 1;
                Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
            }

            await shutdown;
        }
        catch (Exception e) when (e is DistributedApplicationException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            Environment.ExitCode = 1;
        }
        finally
        {
            await DisposeAsync();
        }
    }

    /// <summary>Starts the resources, and returns before they are healthy.</summary>
    /// <exception cref="DistributedApplicationException">A port is taken, a project is not built, or the data folder is in use.</exception>
    public virtual Task StartAsync(CancellationToken cancellationToken = default) => _host.StartAsync(cancellationToken);

    public virtual Task StopAsync(CancellationToken cancellationToken = default) => _host.StopAsync(cancellationToken);

    public virtual void Dispose()
    {
        DisposeAsync().AsTask().GetAwaiter().GetResult();
        GC.SuppressFinalize(this);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        await StopAsync(CancellationToken.None);

        // A host whose start has failed stops nothing.
        await _orchestrator.StopAsync(CancellationToken.None);
        if (_host is IAsyncDisposable host)
            await host.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
