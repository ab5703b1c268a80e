using System.Reflection;
using Aspire.Hosting;

namespace CloudTab.DevHost;

/// <summary>
/// An AppHost's own <c>Main</c>, run by a test: it is held at <c>Build()</c> until the test has changed what it wants to change, and at
/// <c>Run()</c> until the test is over.
/// </summary>
internal sealed class AppHostEntryPoint(Assembly assembly, string[] arguments)
{
    private static readonly AsyncLocal<AppHostEntryPoint?> Ambient = new();

    private readonly TaskCompletionSource<DistributedApplicationBuilder> _builder = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DistributedApplication> _application = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> _build = new();
    private Task _main = Task.CompletedTask;

    /// <summary>The one whose <c>Main</c> the calling code belongs to, if a test runs it.</summary>
    public static AppHostEntryPoint? Current => Ambient.Value;

    public Assembly Assembly => assembly;

    public IReadOnlyList<string> Arguments => arguments;

    /// <summary>Runs <c>Main</c> as far as <c>Build()</c>.</summary>
    public async Task<DistributedApplicationBuilder> StartAsync(CancellationToken cancellationToken)
    {
        var main = assembly.EntryPoint ?? throw new InvalidOperationException($"{assembly.GetName().Name} is no program.");
        _main = Task.Factory.StartNew(
            () =>
            {
                Ambient.Value = this;
                object?[] parameters = main.GetParameters().Length == 0 ? [] : [Array.Empty<string>()];
                main.Invoke(null, BindingFlags.DoNotWrapExceptions, binder: null, parameters, culture: null);
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

        await Task.WhenAny(_builder.Task, _main).WaitAsync(cancellationToken);
        if (_main.IsFaulted)
            await _main;
        return _builder.Task.IsCompleted
            ? await _builder.Task
            : throw new InvalidOperationException($"{assembly.GetName().Name} ended without building an application.");
    }

    public async Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken)
    {
        _build.TrySetResult(true);
        await Task.WhenAny(_application.Task, _main).WaitAsync(cancellationToken);
        if (_main.IsFaulted)
            await _main;
        return await _application.Task.WaitAsync(cancellationToken);
    }

    /// <summary>The test has gone without building: <c>Main</c> must not wait for it.</summary>
    public void Abandon() => _build.TrySetResult(false);

    public void WaitUntilTestBuilds(DistributedApplicationBuilder builder)
    {
        _builder.TrySetResult(builder);
        if (!_build.Task.GetAwaiter().GetResult())
            throw new OperationCanceledException("The test ended before it built the application.");
    }

    public void Built(DistributedApplication application) => _application.TrySetResult(application);
}
