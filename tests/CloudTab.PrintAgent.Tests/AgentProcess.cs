using System.Globalization;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The agent as a shop runs it: a process of its own, with a folder that outlives it.</summary>
internal sealed class AgentProcess(RunningRelay relay, params string[] printers) : IAsyncDisposable
{
    // A namespace of the agent's own, in which also an ordinary user may mount, and which is gone with the agent.
    private const string OnSmallDisk = "mount -t tmpfs -o size=\"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"";

    private string _before = "";
    private ChildProcess? _process;

    public string Folder { get; } = Directory.CreateTempSubdirectory("cloudtab-agent-").FullName;

    /// <summary>The file, always empty, that only one agent at a time can open.</summary>
    public string Lock => Path.Combine(Folder, "lock");

    /// <summary>What it has written so far, of all its runs.</summary>
    public string Output => _before + _process?.Output;

    /// <summary>The file of its ledger.</summary>
    public string LedgerFile => Path.Combine(Folder, "ledger.db");

    /// <summary>Size of the disk on which its folder is, as mount(8) has it; null: the test's own disk.</summary>
    public string? DiskSize { get; init; }

    /// <summary>Its folder as this process can open it: the small disk is the agent's alone.</summary>
    public string FolderFromOutside => DiskSize is null ? Folder : string.Create(CultureInfo.InvariantCulture, $"/proc/{_process!.Id}/root{Folder}");

    public int Id => _process!.Id;

    /// <summary>More settings.</summary>
    public Dictionary<string, string> Settings { get; } = new(StringComparer.Ordinal);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        string[] command = ["dotnet", ChildProcess.BuiltOutput("CloudTab.PrintAgent")];
        if (DiskSize is { } size)
            command = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", OnSmallDisk, "sh", size, Folder, .. command];
        _process = await ChildProcess.StartProgramAsync(command, Environment(), isReady: null, cancellationToken);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        _before += _process.Output;
        await _process.DisposeAsync();
        _process = null;
    }

    /// <summary>SIGTERM, as at the end of a service, and the wait for its end.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> StopAsync() => _process!.StopAsync();

    /// <summary>Waits for its end, which comes by itself.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> EndAsync(CancellationToken cancellationToken) => _process!.WaitForExitAsync(cancellationToken);

    /// <summary>Runs a verb beside the agent.</summary>
    /// <returns>Its exit code and what it wrote.</returns>
    public async Task<(int Code, string Output)> RunAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        await using var verb = await ChildProcess.StartAsync("CloudTab.PrintAgent", Environment(), ready: null, cancellationToken, arguments);
        return (await verb.WaitForExitAsync(cancellationToken), verb.Output);
    }

    /// <summary>What is in its folder, all files together.</summary>
    public string Content() => string.Concat(Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories).Where(file => file != Lock).Select(file =>
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream, System.Text.Encoding.Latin1);
        return reader.ReadToEnd();
    }));

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await KillAsync();
        TestContext.Current.TestOutputHelper?.WriteLine(Output);
        Directory.Delete(Folder, recursive: true);
    }

    private Dictionary<string, string> Environment()
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["CLOUDTAB_URL"] = relay.Origin.ToString(),
            ["CLOUDTAB_API_KEY"] = relay.Key,
            ["CLOUDTAB_PRINTERS"] = string.Join(',', printers),
            ["CLOUDTAB_AGENT_DATA"] = Folder,
        };
        foreach (var (name, value) in Settings)
            environment[name] = value;
        return environment;
    }
}
