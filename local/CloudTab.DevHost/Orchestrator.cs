using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using CloudTab.DevHost.Dashboard;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace CloudTab.DevHost;

/// <summary>Runs the model: each replica when what it waits for is there, all of them to an end in reverse order.</summary>
internal sealed class Orchestrator(
    DistributedApplicationModel model,
    DataFolder data,
    PortAllocation ports,
    OtlpTarget telemetry,
    DashboardServer dashboard,
    ResourceNotificationService notifications,
    ResourceLoggerService logs,
    Terminal terminal,
    IServiceProvider services,
    IHostApplicationLifetime lifetime,
    TimeProvider time) : IHostedService, IDisposable
{
    private readonly Dictionary<ProjectResource, List<ProjectInstance>> _instances = [];
    private readonly TaskCompletionSource _startFailed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HealthMonitor _health = new(time, terminal);
    private readonly SemaphoreSlim _readiness = new(1, 1);
    private readonly Lock _stopLock = new();
    private readonly long _created = time.GetTimestamp();
    private bool _announced;
    private Task? _stopped;

    /// <summary>Completes when a resource has failed before all were ready for the first time.</summary>
    public Task StartFailed => _startFailed.Task;

    public IReadOnlyCollection<ProjectInstance> InstancesOf(IResource resource) =>
        resource is ProjectResource project ? _instances.GetValueOrDefault(project) ?? [] : [];

    /// <summary>The instance of this id, or the only one of the resource of this name.</summary>
    public IReadOnlyCollection<ProjectInstance> InstancesOf(string resourceId)
    {
        var byId = _instances.Values.SelectMany(all => all).Where(instance => instance.Id == resourceId).ToList();
        if (byId.Count > 0)
            return byId;
        return model.Resources.TryGetByName(resourceId, out var resource) && InstancesOf(resource) is { Count: 1 } only ? only : [];
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        WaitGraph.RefuseCircles(model.Resources);
        if (model.Resources.OfType<ContainerResource>().FirstOrDefault() is { } container)
        {
            throw new DistributedApplicationException(
                $"{container.Name} is a container, which takes Aspire to run: start without Containers=true, or fetch Aspire (dotnet restore eng/Aspire.proj).");
        }

        data.Lock();
        foreach (var parameter in model.Resources.OfType<ParameterResource>())
            await parameter.GetValueAsync(cancellationToken);
        foreach (var project in model.Resources.OfType<ProjectResource>())
            await AddInstancesAsync(project, cancellationToken);
        await dashboard.StartAsync(cancellationToken);

        var all = _instances.Values.SelectMany(instances => instances).ToList();
        terminal.Align(all.Select(instance => instance.DisplayName));
        terminal.Write($"{_instances.Count} resources, data in {data.Path}");
        AnnounceDashboard();
        foreach (var instance in all)
            _ = StartFirstAsync(instance);
    }

    /// <summary>Waits for what the replica waits for, then starts it. Its health is watched from then on.</summary>
    /// <exception cref="DistributedApplicationException">It runs already, or what it needs can no longer come about.</exception>
    public async Task StartAsync(ProjectInstance instance, CancellationToken cancellationToken)
    {
        var run = instance.BeginRun();
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(run, cancellationToken);
        try
        {
            await instance.PublishAsync(snapshot => snapshot with { State = KnownResourceStates.Waiting, ExitCode = null, HealthReports = Unanswered(instance) });
            foreach (var wait in instance.Resource.Annotations.OfType<WaitAnnotation>())
                await notifications.WaitForDependencyAsync(wait, [.. InstancesOf(wait.Resource).Select(other => other.Id)], linked.Token);

            await instance.PublishAsync(KnownResourceStates.Starting);
            var environment = await InstanceEnvironment.OfAsync(instance, telemetry, linked.Token);
            foreach (var endpoint in instance.Resource.Annotations.OfType<EndpointAnnotation>())
                ports.Release(endpoint.Allocated!.TargetPorts[instance.Index]);
            await instance.StartProcessAsync(environment, UrlsOf(instance), linked.Token);
        }
        catch (OperationCanceledException)
        {
            instance.EndRun();
            await instance.PublishAsync(KnownResourceStates.Exited);
            throw;
        }
        catch (Exception e) when (e is DistributedApplicationException or System.ComponentModel.Win32Exception or IOException)
        {
            instance.EndRun();
            await instance.PublishAsync(KnownResourceStates.FailedToStart);
            logs.Add(instance.Id, $"cannot start: {e.Message}", isError: true);
            terminal.Write(instance.DisplayName, $"cannot start: {e.Message}");
            throw e as DistributedApplicationException ?? new DistributedApplicationException(e.Message, e);
        }

        _ = WatchHealthAsync(instance, run);
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        // A signal and the end of a failed start may both ask for it, at the same moment.
        lock (_stopLock)
            return _stopped ??= StopAllAsync();
    }

    public void Dispose()
    {
        foreach (var instance in _instances.Values.SelectMany(all => all))
            instance.Dispose();
        _health.Dispose();
        _readiness.Dispose();
    }

    private async Task StopAllAsync()
    {
        await WaitGraph.StopAsync(_instances, time);
        await dashboard.DisposeAsync();
        ports.Dispose();
        data.Dispose();
    }

    private static System.Collections.Immutable.ImmutableArray<HealthReportSnapshot> Unanswered(ProjectInstance instance) =>
        [.. instance.Resource.Annotations.OfType<HealthCheckAnnotation>().Select(check => new HealthReportSnapshot(check.Key, null, null, null))];

    private static IEnumerable<UrlSnapshot> UrlsOf(ProjectInstance instance) => instance.Resource.Annotations.OfType<EndpointAnnotation>()
        .Select(endpoint => new UrlSnapshot(endpoint.Name, new EndpointReference(instance.Resource, endpoint.Name).Url, !endpoint.IsExternal));

    private async Task AddInstancesAsync(ProjectResource project, CancellationToken cancellationToken)
    {
        var replicas = project.Annotations.OfType<ReplicaAnnotation>().LastOrDefault()?.Replicas ?? 1;
        await ports.AllocateAsync(project, replicas, cancellationToken);
        var instances = Enumerable.Range(0, replicas)
            .Select(index => new ProjectInstance(project, index, notifications, logs, terminal, time) { OnDeath = Report }).ToList();
        _instances.Add(project, instances);
        foreach (var instance in instances)
        {
            await instance.PublishAsync(snapshot => snapshot with
            {
                State = KnownResourceStates.NotStarted,
                CreationTimeStamp = time.GetUtcNow().UtcDateTime,
            });
        }
    }

    private async Task StartFirstAsync(ProjectInstance instance)
    {
        try
        {
            await StartAsync(instance, lifetime.ApplicationStopping);
        }
        catch (DistributedApplicationException)
        {
            // Said already, beside its name.
            _startFailed.TrySetResult();
        }
        catch (OperationCanceledException)
        {
            // The application ends, or the resource was stopped, before it had started.
        }
    }

    private async Task WatchHealthAsync(ProjectInstance instance, CancellationToken run)
    {
        try
        {
            await _health.RunAsync(instance, () => BecameHealthyAsync(instance.Resource, run), run);
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }

    /// <summary>Once every living replica is healthy, the resource is ready: callbacks first, then those who wait for it.</summary>
    private async Task BecameHealthyAsync(ProjectResource resource, CancellationToken run)
    {
        await _readiness.WaitAsync(run);
        try
        {
            var living = InstancesOf(resource).Where(instance => !instance.Snapshot.HasEnded).ToList();
            if (!living.TrueForAll(instance => instance.Snapshot.HealthStatus == HealthStatus.Healthy) || living.TrueForAll(instance => instance.Snapshot.IsReady))
                return;

            foreach (var callback in resource.Annotations.OfType<ResourceReadyAnnotation>())
                await callback.Callback(new ResourceReadyEvent(resource, services), run);
            foreach (var instance in living)
                await instance.PublishAsync(snapshot => snapshot with { IsReady = !snapshot.HasEnded });
            AnnounceOnceReady();
        }
        finally
        {
            _readiness.Release();
        }
    }

    private void AnnounceOnceReady()
    {
        if (_announced || !_instances.Values.SelectMany(all => all).All(instance => instance.Snapshot is { IsReady: true } or { HasEnded: true, ExitCode: 0 }))
            return;
        _announced = true;
        terminal.Write($"Ready after {time.GetElapsedTime(_created).TotalSeconds:0.0} s. Ctrl-C ends it.");
        foreach (var (resource, endpoint) in model.Resources.SelectMany(resource => resource.Annotations.OfType<EndpointAnnotation>().Select(endpoint => (resource, endpoint))))
        {
            if (endpoint.IsExternal)
                terminal.Write($"  {resource.Name}  {endpoint.UriScheme}://{endpoint.TargetHost}:{endpoint.Allocated!.Port}");
        }

        AnnounceDashboard();
    }

    /// <summary>At the very start, to watch it, and again below all that the start has written.</summary>
    private void AnnounceDashboard()
    {
        if (dashboard.Link is { } link)
            terminal.Write($"  dashboard  {link}");
    }

    private void Report(ProjectInstance instance, int exitCode)
    {
        if (exitCode == 0)
        {
            terminal.Write(instance.DisplayName, "has finished");
            AnnounceOnceReady();
            return;
        }

        terminal.Write(instance.DisplayName, $"ended with exit code {exitCode}.{logs.LastLinesBlock(instance.Id)}");
        if (!_announced)
            _startFailed.TrySetResult();
    }
}
