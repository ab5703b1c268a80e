using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestPipelineStartup(typeof(CloudTab.Testing.ModuleLock))]

namespace CloudTab.Testing;

/// <summary>
/// `dotnet test` starts as many test programs at once as there are cores, in any order, and only an option on its command line can change
/// that. One of ours starts whole relays and browsers, keeps both cores busy, and holds what it does to times: it waits here until no other
/// runs, and those that come after it wait until it has ended. The system releases the locks of a program that was killed.
/// </summary>
internal sealed class ModuleLock : ITestPipelineStartup
{
    private const string Alone = "CloudTab.EndToEnd.Tests";

    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);

    private FileStream? _running;

    public async ValueTask StartAsync(IMessageSink diagnosticMessageSink)
    {
        var share = Assembly.GetExecutingAssembly().GetName().Name == Alone ? FileShare.None : FileShare.Read;
        // Whoever waits to be alone holds this meanwhile: without it the others could go on one after another, with one core idle.
        await using var entering = await OpenAsync("entering.lock", share);
        _running = await OpenAsync("running.lock", share);
    }

    public ValueTask StopAsync() => _running?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static async Task<FileStream> OpenAsync(string name, FileShare share)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "..", "..", name);
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.Read, share);
            }
            catch (IOException) when (File.Exists(path))
            {
                await Task.Delay(Retry, TimeProvider.System, TestContext.Current.CancellationToken);
            }
        }
    }
}
