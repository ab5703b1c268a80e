using CloudTab.EndToEnd.Tests.Pages;
using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>One relay of one process for all tests of its collection.</summary>
public sealed class RunningStandalone : IRunningRelay, IAsyncLifetime
{
    /// <summary>The collection's name.</summary>
    public const string Collection = "A running Standalone";

    private RelayProcesses? _relay;

    /// <summary>Its processes: Postgres, S3, and itself.</summary>
    public RelayProcesses Processes => _relay!;

    public Uri Origin => Processes.Origin;

    public string Database => Processes.Postgres.ConnectionString;

    /// <summary>A key of the default shop.</summary>
    public string Key => Processes.Key;

    public async ValueTask InitializeAsync() => _relay = await RelayProcesses.StartStandaloneAsync(
        new Dictionary<string, string>(StringComparer.Ordinal) { ["DIRECT_UPLOADS"] = "true", ["PDF_TIME_LIMIT"] = "20000" }, TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _relay?.DisposeAsync() ?? ValueTask.CompletedTask;
}

[CollectionDefinition(RunningStandalone.Collection)]
public sealed class RunningStandaloneGroup : ICollectionFixture<RunningStandalone>, ICollectionFixture<Browsers>;
