using Xunit.Sdk;
using Xunit.v3;

[assembly: TestPipelineStartup(typeof(CloudTab.Testing.OneModuleAtATime))]

namespace CloudTab.Testing;

/// <summary>
/// `dotnet test` starts as many test programs at once as there are cores, and only an option on its command line can change that. Ours
/// start whole relays and hold them to times, so each program waits here until it has the lock. The system releases the lock of a program
/// that was killed.
/// </summary>
internal sealed class OneModuleAtATime : ITestPipelineStartup
{
    private static readonly string LockFile = Path.Combine(AppContext.BaseDirectory, "..", "..", "tests.lock");
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);

    private FileStream? _lock;

    public async ValueTask StartAsync(IMessageSink diagnosticMessageSink)
    {
        while (_lock is null)
        {
            try
            {
                _lock = new FileStream(LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(LockFile))
            {
                await Task.Delay(Retry, TimeProvider.System, TestContext.Current.CancellationToken);
            }
        }
    }

    public ValueTask StopAsync() => _lock is null ? ValueTask.CompletedTask : _lock.DisposeAsync();
}
