using CloudTab.DevHost;

namespace Aspire.Hosting.ApplicationModel;

public sealed class ExecuteCommandResult
{
    public required bool Success { get; init; }

    public bool Canceled { get; init; }

    /// <summary>Why it failed.</summary>
    public string? Message { get; init; }
}

/// <summary>Runs the commands of <see cref="KnownResourceCommands"/>.</summary>
public class ResourceCommandService
{
    private readonly Orchestrator _orchestrator;

    internal ResourceCommandService(Orchestrator orchestrator) => _orchestrator = orchestrator;

    /// <summary>Runs the command on every replica of the resource.</summary>
    public Task<ExecuteCommandResult> ExecuteCommandAsync(IResource resource, string commandName, CancellationToken cancellationToken = default) =>
        ExecuteAsync(_orchestrator.InstancesOf(resource), resource.Name, commandName, cancellationToken);

    /// <summary>Runs the command on one instance; where the resource has only one, its plain name will do.</summary>
    public Task<ExecuteCommandResult> ExecuteCommandAsync(string resourceId, string commandName, CancellationToken cancellationToken = default) =>
        ExecuteAsync(_orchestrator.InstancesOf(resourceId), resourceId, commandName, cancellationToken);

    private async Task<ExecuteCommandResult> ExecuteAsync(
        IReadOnlyCollection<ProjectInstance> instances, string name, string command, CancellationToken cancellationToken)
    {
        if (instances.Count == 0)
            return Failure($"There is no running resource '{name}'.");
        if (command != KnownResourceCommands.StartCommand && command != KnownResourceCommands.StopCommand
            && command != KnownResourceCommands.RestartCommand)
        {
            return Failure($"Resource '{name}' has no command '{command}'.");
        }

        try
        {
            if (command != KnownResourceCommands.StartCommand)
            {
                // What does not end in time is killed, as at the end of the application.
                using var impatient = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                impatient.CancelAfter(WaitGraph.StopLimit);
                await Task.WhenAll(instances.Select(instance => instance.StopAsync(impatient.Token)));
            }

            if (command != KnownResourceCommands.StopCommand)
                await Task.WhenAll(instances.Select(instance => _orchestrator.StartAsync(instance, cancellationToken)));
            return new ExecuteCommandResult { Success = true };
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return new ExecuteCommandResult { Success = false, Canceled = true };
        }
        catch (DistributedApplicationException e)
        {
            return Failure(e.Message);
        }
    }

    private static ExecuteCommandResult Failure(string message) => new() { Success = false, Message = message };
}
