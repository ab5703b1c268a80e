using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CloudTab.DevHost.Dashboard.Resources;

/// <summary>Everything in the app model as the page shows it: each replica of what runs, then what is only a value.</summary>
internal sealed class ResourceViews(
    DistributedApplicationModel model,
    Orchestrator orchestrator,
    ResourceNotificationService notifications,
    ResourceLoggerService logs,
    ProcessUsage usage,
    IReadOnlyDictionary<IResource, string[]> references,
    string application,
    TimeProvider time)
{
    public static readonly string[] AllCommands = [KnownResourceCommands.StartCommand, KnownResourceCommands.StopCommand, KnownResourceCommands.RestartCommand];

    private const string Running = nameof(Running);
    private const string Unhealthy = nameof(Unhealthy);

    /// <summary>A start takes a moment; only then is failing its health checks a condition and not a stage.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(15);

    public ResourceList All() => new(
        application.EndsWith(".AppHost", StringComparison.Ordinal) ? application[..^".AppHost".Length] : application,
        [.. model.Resources.SelectMany(Of)]);

    public ResourceView? Find(string id) => model.Resources.SelectMany(Of).FirstOrDefault(view => view.Id == id);

    private IEnumerable<ResourceView> Of(IResource resource)
    {
        var instances = orchestrator.InstancesOf(resource);
        return instances.Count > 0
            ? instances.Select(instance => Of(instance, instances.Count))
            : [Blank(resource, resource.Name) with { State = resource is IValueProvider ? Running : KnownResourceStates.NotStarted }];
    }

    private ResourceView Of(ProjectInstance instance, int replicas)
    {
        var snapshot = instance.Snapshot;
        var state = StateOf(snapshot);
        var isAlive = state is Running or Unhealthy || state == KnownResourceStates.Starting || state == KnownResourceStates.Stopping;
        int? pid = isAlive && snapshot.Properties.FirstOrDefault(property => property.Name == "executable.pid")?.Value is int id ? id : null;
        var (cores, memory) = pid is null ? (null, null) : usage.Of(pid.Value);
        return Blank(instance.Resource, instance.Id) with
        {
            DisplayName = instance.DisplayName,
            Replica = instance.Index,
            Replicas = replicas,
            State = state,
            WaitingFor = state == KnownResourceStates.Waiting ? [.. WaitingFor(instance.Resource)] : [],
            ExitCode = snapshot.ExitCode,
            LastLines = snapshot.HasEnded && snapshot.ExitCode is not 0 ? [.. logs.LastLines(instance.Id).Select(line => line.Content)] : [],
            Health = [.. snapshot.HealthReports.Select(report => new HealthView(
                report.Name, report.Status?.ToString() ?? "Unknown", report.Description, report.ExceptionText, UnixTime.Milliseconds(report.LastRunAt)))],
            Urls = [.. snapshot.Urls.Select(url => new UrlView(url.Name, url.Url, url.IsInternal))],
            CreatedAt = UnixTime.Milliseconds(snapshot.CreationTimeStamp),
            StartedAt = UnixTime.Milliseconds(snapshot.StartTimeStamp),
            StoppedAt = UnixTime.Milliseconds(snapshot.StopTimeStamp),
            Pid = pid,
            Cpu = cores,
            Memory = memory,
            Commands = CommandsIn(state),
            Source = snapshot.Properties.FirstOrDefault(property => property.Name == "project.path")?.Value as string,
        };
    }

    private ResourceView Blank(IResource resource, string id) => new(id, resource.Name, resource.Name, TypeOf(resource))
    {
        References = references.GetValueOrDefault(resource, []),
        WaitsFor = [.. resource.Annotations.OfType<WaitAnnotation>()
            .Select(wait => new WaitView(wait.Resource.Name, wait.WaitType == WaitType.WaitForCompletion ? "completion" : "healthy"))],
    };

    private static string TypeOf(IResource resource) => resource switch
    {
        ProjectResource => "Project",
        ParameterResource => "Parameter",
        IResourceWithConnectionString => "ConnectionString",
        _ => resource.GetType().Name.Replace("Resource", "", StringComparison.Ordinal),
    };

    private string StateOf(CustomResourceSnapshot snapshot)
    {
        var state = snapshot.State?.Text ?? KnownResourceStates.NotStarted;
        // To Aspire a process has finished whenever it ended by itself, even where it was killed. Here that would look like success.
        if (state == KnownResourceStates.Finished && snapshot.ExitCode is not 0)
            return KnownResourceStates.Exited;
        if (state != KnownResourceStates.Running || snapshot.HealthStatus == HealthStatus.Healthy)
            return state;
        var isStarting = !snapshot.IsReady && time.GetUtcNow().UtcDateTime - snapshot.StartTimeStamp < StartPatience;
        return isStarting ? KnownResourceStates.Starting : Unhealthy;
    }

    private IEnumerable<string> WaitingFor(ProjectResource resource) => resource.Annotations.OfType<WaitAnnotation>()
        .Where(wait => orchestrator.InstancesOf(wait.Resource).Any(other => !notifications.IsMet(wait, other.Id)))
        .Select(wait => wait.Resource.Name).Distinct(StringComparer.Ordinal);

    private static string[] CommandsIn(string state)
    {
        if (state == KnownResourceStates.Stopping)
            return [];
        return state == KnownResourceStates.NotStarted || KnownResourceStates.TerminalStates.Contains(state, StringComparer.Ordinal)
            ? [KnownResourceCommands.StartCommand]
            : [KnownResourceCommands.StopCommand, KnownResourceCommands.RestartCommand];
    }
}

internal sealed record ResourceList(string Application, ResourceView[] Resources);

internal sealed record ResourceView(string Id, string Name, string DisplayName, string Type)
{
    /// <summary>From 0.</summary>
    public int Replica { get; init; }

    public int Replicas { get; init; } = 1;

    public string State { get; init; } = "";

    public string[] WaitingFor { get; init; } = [];

    public int? ExitCode { get; init; }

    /// <summary>What it wrote before it died.</summary>
    public string[] LastLines { get; init; } = [];

    public HealthView[] Health { get; init; } = [];

    public UrlView[] Urls { get; init; } = [];

    public double? CreatedAt { get; init; }

    public double? StartedAt { get; init; }

    public double? StoppedAt { get; init; }

    public int? Pid { get; init; }

    /// <summary>Cores in use.</summary>
    public double? Cpu { get; init; }

    /// <summary>Bytes that are resident.</summary>
    public long? Memory { get; init; }

    public string[] Commands { get; init; } = [];

    public string[] References { get; init; } = [];

    public WaitView[] WaitsFor { get; init; } = [];

    /// <summary>The project's file.</summary>
    public string? Source { get; init; }
}

internal sealed record HealthView(string Name, string Status, string? Description, string? Exception, double? At);

internal sealed record UrlView(string? Name, string Url, bool Internal);

internal sealed record WaitView(string Name, string Type);
