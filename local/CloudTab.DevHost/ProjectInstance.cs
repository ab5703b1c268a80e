using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using CloudTab.Supervision;

namespace CloudTab.DevHost;

/// <summary>What the build adds to <see cref="IProjectMetadata"/>, so that nothing need be built or guessed at start.</summary>
public interface IBuiltProject : IProjectMetadata
{
    /// <summary>The assembly that the project was built to.</summary>
    string TargetPath { get; }
}

/// <summary>One replica of a project: its process, its output, its state.</summary>
internal sealed class ProjectInstance(
    ProjectResource resource, int index, ResourceNotificationService notifications, ResourceLoggerService logs, Terminal terminal, TimeProvider time)
    : IDisposable
{
    /// <summary>A resource is a program of its own, not a part of the AppHost: these describe the latter.</summary>
    private static readonly string[] NotInherited =
        ["ASPNETCORE_URLS", "ASPNETCORE_HTTP_PORTS", "ASPNETCORE_HTTPS_PORTS", "DOTNET_LAUNCH_PROFILE", "PORT"];

    private readonly Lock _runLock = new();
    private readonly SemaphoreSlim _exclusive = new(1, 1);
    private CancellationTokenSource? _run;
    private Process? _process;
    private Task _ended = Task.CompletedTask;
    private bool _stopRequested;

    public ProjectResource Resource => resource;

    /// <summary>Which of the replicas, from 0: it picks the target port.</summary>
    public int Index => index;

    /// <summary>Tells the replicas apart, in this run and from those of earlier runs.</summary>
    public string Suffix { get; } = RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyz", 8);

    public string Id => $"{resource.Name}-{Suffix}";

    /// <summary>How people know it: the plain name where there is only one.</summary>
    public string DisplayName { get; } =
        resource.Annotations.OfType<ReplicaAnnotation>().LastOrDefault()?.Replicas > 1 ? $"{resource.Name}.{index + 1}" : resource.Name;

    public CustomResourceSnapshot Snapshot => notifications.TryGetCurrentState(Id, out var current)
        ? current.Snapshot
        : new CustomResourceSnapshot { ResourceType = "Project", Properties = [] };

    /// <summary>Told, with the exit code, when the process has ended without having been asked to.</summary>
    public required Action<ProjectInstance, int> OnDeath { get; init; }

    public Task PublishAsync(Func<CustomResourceSnapshot, CustomResourceSnapshot> change) => notifications.PublishUpdateAsync(resource, Id, change);

    public Task PublishAsync(string state) => PublishAsync(snapshot => snapshot with { State = state });

    /// <summary>Marks the beginning of a run; the token ends with it.</summary>
    /// <exception cref="DistributedApplicationException">It is running or starting already.</exception>
    public CancellationToken BeginRun()
    {
        lock (_runLock)
        {
            if (_run is not null)
                throw new DistributedApplicationException($"{DisplayName} is already running.");
            _run = new CancellationTokenSource();
            _stopRequested = false;
            return _run.Token;
        }
    }

    public void EndRun()
    {
        lock (_runLock)
        {
            _run?.Cancel();
            _run?.Dispose();
            _run = null;
        }
    }

    /// <summary>Starts the built output; what it writes and how it ends is followed from then on.</summary>
    public async Task StartProcessAsync(IReadOnlyDictionary<string, string> environment, IEnumerable<UrlSnapshot> urls, CancellationToken run)
    {
        var metadata = resource.Annotations.OfType<IProjectMetadata>().Last();
        var target = (metadata as IBuiltProject)?.TargetPath;
        if (!File.Exists(target))
            throw new DistributedApplicationException($"{resource.Name} is not built ({target}): run `dotnet build`.");

        var start = ChildGuard.Command("KILL", [DotnetHost(), target], environment);
        start.WorkingDirectory = Path.GetDirectoryName(metadata.ProjectPath)!;
        foreach (var inherited in NotInherited.Except(environment.Keys, StringComparer.Ordinal))
            start.Environment.Remove(inherited);

        int processId;
        await _exclusive.WaitAsync(run);
        try
        {
            run.ThrowIfCancellationRequested();
            var started = Process.Start(start)!;
            _process?.Dispose();
            _process = started;
            processId = _process.Id;
            _ended = FollowAsync(_process);
        }
        finally
        {
            _exclusive.Release();
        }

        await PublishAsync(snapshot => snapshot with
        {
            State = snapshot.HasEnded ? snapshot.State : KnownResourceStates.Running,
            StartTimeStamp = time.GetUtcNow().UtcDateTime,
            StopTimeStamp = null,
            Urls = [.. urls],
            EnvironmentVariables = [.. environment.Select(pair => new EnvironmentVariableSnapshot(pair.Key, pair.Value, IsFromSpec: true))],
            Properties = ImmutableArray.Create(
                new ResourcePropertySnapshot("executable.pid", processId), new ResourcePropertySnapshot("project.path", metadata.ProjectPath)),
        });
    }

    /// <summary>SIGTERM, and SIGKILL where the token ends first. A start that still waits is given up.</summary>
    public async Task StopAsync(CancellationToken impatient)
    {
        _stopRequested = true;
        EndRun();
        await _exclusive.WaitAsync(CancellationToken.None);
        try
        {
            if (_process is not { HasExited: false } process)
            {
                await _ended;
                if (!Snapshot.HasEnded)
                    await PublishAsync(KnownResourceStates.Exited);
                return;
            }

            await PublishAsync(KnownResourceStates.Stopping);
            ChildGuard.Signal(process, PosixSignal.SIGTERM);
            try
            {
                await _ended.WaitAsync(impatient);
            }
            catch (OperationCanceledException)
            {
                process.Kill();
                await _ended;
            }
        }
        finally
        {
            _exclusive.Release();
        }
    }

    public void Dispose()
    {
        EndRun();
        _process?.Dispose();
        _exclusive.Dispose();
    }

    private async Task FollowAsync(Process process)
    {
        var output = KeepLinesAsync(process.StandardOutput, isError: false);
        var errors = KeepLinesAsync(process.StandardError, isError: true);
        await process.WaitForExitAsync(CancellationToken.None);
        ChildGuard.Release(process);

        // What it wrote last is read to the end, unless something it has left behind still holds the pipe.
        await Task.WhenAny(Task.WhenAll(output, errors), Task.Delay(TimeSpan.FromSeconds(1), time));

        var code = process.ExitCode;
        EndRun();
        await PublishAsync(snapshot => snapshot with
        {
            State = _stopRequested ? KnownResourceStates.Exited : KnownResourceStates.Finished,
            ExitCode = code,
            StopTimeStamp = time.GetUtcNow().UtcDateTime,
            HealthReports = [],
            IsReady = false,
        });
        if (!_stopRequested)
            OnDeath(this, code);
    }

    private async Task KeepLinesAsync(StreamReader reader, bool isError)
    {
        while (await reader.ReadLineAsync(CancellationToken.None) is { } line)
        {
            logs.Add(Id, line, isError);
            terminal.Write(DisplayName, line);
        }
    }

    /// <summary>The dotnet that runs this process, also where it is not in PATH.</summary>
    private static string DotnetHost() =>
        Environment.GetEnvironmentVariable("DOTNET_HOST_PATH")
        ?? Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
}
