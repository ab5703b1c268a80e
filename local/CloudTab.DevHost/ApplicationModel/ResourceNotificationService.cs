using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The current state of every instance of every resource, and a way to wait for the one you want.</summary>
public class ResourceNotificationService
{
    private readonly Lock _lock = new();
    private readonly ResourceLoggerService _logs;
    private ImmutableDictionary<string, ResourceEvent> _current = ImmutableDictionary<string, ResourceEvent>.Empty;
    private ImmutableList<ChannelWriter<ResourceEvent>> _watchers = [];

    internal ResourceNotificationService(ResourceLoggerService logs) => _logs = logs;

    public Task PublishUpdateAsync(IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        lock (_lock)
        {
            var before = _current.GetValueOrDefault(resourceId)?.Snapshot ?? new CustomResourceSnapshot { ResourceType = "Project", Properties = [] };
            var update = new ResourceEvent(resource, resourceId, stateFactory(before));
            _current = _current.SetItem(resourceId, update);

            // Unbounded channels: the watchers are few, and an update is small and rare.
            foreach (var watcher in _watchers)
                watcher.TryWrite(update);
        }

        return Task.CompletedTask;
    }

    public bool TryGetCurrentState(string resourceId, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ResourceEvent? resourceEvent) =>
        _current.TryGetValue(resourceId, out resourceEvent);

    /// <summary>The current state of every instance, then every change.</summary>
    public async IAsyncEnumerable<ResourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateUnbounded<ResourceEvent>();
        ImmutableDictionary<string, ResourceEvent> known;
        lock (_lock)
        {
            known = _current;
            _watchers = _watchers.Add(channel.Writer);
        }

        try
        {
            foreach (var update in known.Values)
                yield return update;
            await foreach (var update in channel.Reader.ReadAllAsync(cancellationToken))
                yield return update;
        }
        finally
        {
            lock (_lock)
                _watchers = _watchers.Remove(channel.Writer);
        }
    }

    /// <summary>Waits until an instance of the resource meets the condition.</summary>
    public async Task<ResourceEvent> WaitForResourceAsync(
        string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default)
    {
        await foreach (var update in WatchAsync(cancellationToken))
        {
            if (string.Equals(update.Resource.Name, resourceName, StringComparison.OrdinalIgnoreCase) && predicate(update))
                return update;
        }

        throw new OperationCanceledException(cancellationToken);
    }

    /// <summary>Waits until an instance of the resource is in this state; null means <see cref="KnownResourceStates.Running"/>.</summary>
    public Task WaitForResourceAsync(string resourceName, string? targetState = null, CancellationToken cancellationToken = default) =>
        WaitForResourceAsync(resourceName, [targetState ?? KnownResourceStates.Running], cancellationToken);

    /// <summary>Waits until an instance of the resource is in one of these states.</summary>
    /// <returns>The state.</returns>
    public async Task<string> WaitForResourceAsync(
        string resourceName, IEnumerable<string> targetStates, CancellationToken cancellationToken = default)
    {
        var states = targetStates.ToHashSet(StringComparer.OrdinalIgnoreCase);
        var reached = await WaitForResourceAsync(
            resourceName, update => update.Snapshot.State is { } state && states.Contains(state.Text), cancellationToken);
        return reached.Snapshot.State!.Text;
    }

    /// <summary>Waits until an instance of the resource runs, all its health checks pass and its ready callbacks have run.</summary>
    /// <exception cref="DistributedApplicationException">It ended, or could not be started; the message has its last lines.</exception>
    public async Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default)
    {
        var update = await WaitForResourceAsync(resourceName, update => IsReady(update) || update.Snapshot.HasEnded, cancellationToken);
        return IsReady(update)
            ? update
            : throw new DistributedApplicationException(
                $"Stopped waiting for resource '{resourceName}' to become healthy: {Ending(update)}.{_logs.LastLinesBlock(update.ResourceId)}");
    }

    /// <summary>Waits for what a <see cref="WaitAnnotation"/> asks of every instance of another resource.</summary>
    /// <exception cref="DistributedApplicationException">It can no longer come about.</exception>
    internal async Task WaitForDependencyAsync(WaitAnnotation wait, IReadOnlyCollection<string> instances, CancellationToken cancellationToken)
    {
        var pending = instances.ToHashSet(StringComparer.Ordinal);
        if (pending.Count == 0)
            return;

        await foreach (var update in WatchAsync(cancellationToken))
        {
            if (!pending.Contains(update.ResourceId))
                continue;

            if (IsMet(wait, update))
                pending.Remove(update.ResourceId);
            else if (update.Snapshot.HasEnded)
                throw new DistributedApplicationException($"it needs {wait.Resource.Name}, which {Ending(update)}");
            if (pending.Count == 0)
                return;
        }
    }

    internal bool IsMet(WaitAnnotation wait, string instance) => TryGetCurrentState(instance, out var current) && IsMet(wait, current);

    private static bool IsMet(WaitAnnotation wait, ResourceEvent current) => wait.WaitType == WaitType.WaitForCompletion
        ? current.Snapshot.State?.Text == KnownResourceStates.Finished && current.Snapshot.ExitCode == wait.ExitCode
        : IsReady(current);

    private static bool IsReady(ResourceEvent update) => update.Snapshot is { HealthStatus: HealthStatus.Healthy, IsReady: true };

    private static string Ending(ResourceEvent update) => update.Snapshot.ExitCode is { } code
        ? $"ended with exit code {code}"
        : update.Snapshot.State?.Text == KnownResourceStates.FailedToStart ? "could not be started" : "was stopped";
}
