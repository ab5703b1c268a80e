using CloudTab.Client;
using CloudTab.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent.Tests;

/// <summary>Tests of an agent's parts in the test's own process: with a relay, a ledger, and a printer whose connection a test can cut.</summary>
public abstract class AgentPartsTests(RunningRelay relay) : PaperTests
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().AddSingleton<Telemetry>().BuildServiceProvider();
    private AgentOptions? _settings;
    private CutPrinter? _way;
    private Ledger? _ledger;
    private ShopPrinters? _printers;
    private Converter? _converter;
    private FilePrinting? _files;

    private protected static TimeSpan Limit { get; } = TimeSpan.FromSeconds(30);

    // After so long the relay is asked again.
    private protected static TimeSpan TellAgain { get; } = TimeSpan.FromSeconds(5);

    private protected RunningRelay Relay => relay;

    private protected string Folder { get; } = Directory.CreateTempSubdirectory("cloudtab-files-").FullName;

    /// <summary>Sessions that the agents of other tests must not print afterwards.</summary>
    private protected List<string> Sent { get; } = [];

    private protected ForwardClock Clock { get; } = new();

    private protected AgentOptions Settings => _settings!;

    private protected CutPrinter Way => _way!;

    private protected Ledger Ledger => _ledger!;

    private protected ShopPrinters Printers => _printers!;

    private protected ShopPrinter Printer => Printers.All[0];

    private protected FilePrinting Files => _files!;

    public override async ValueTask InitializeAsync()
    {
        Given.RequireQpdf();
        await base.InitializeAsync();
        _way = await CutPrinter.StartAsync(Paper, Token);
        _settings = new() { Printers = Way.Address, Folder = Folder };
        // The agent of a test before, at printers that work, would count as another one that is still there. A key is one agent.
        await relay.Client.Shop.ReportAgentAsync(new AgentReport(Environment.MachineName, "1", []), Token);
        var options = Options.Create(_settings);
        var clock = TimeProvider.System;
        _ledger = new(_settings.LedgerFile);
        _printers = new(options, clock);
        _converter = new(Folder, path: null, clock, NullLogger<Converter>.Instance);
        _files = FilesOf(_printers);
    }

    public override async ValueTask DisposeAsync()
    {
        // Given back they would be printed by the agents of other tests.
        foreach (var session in Sent)
            await relay.Client.Shop.CompleteAsync(session, Token);
        _converter?.Dispose();
        _printers?.Dispose();
        _ledger?.Dispose();
        if (_way is not null)
            await _way.DisposeAsync();
        await base.DisposeAsync();
        await _services.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected FilePrinting FilesOf(ShopPrinters printers) => new(
        relay.Client, Ledger, printers, new(relay.Client, printers, Options.Create(Settings), TimeProvider.System),
        new(Settings.Files, new(Settings.Files, TimeProvider.System), _converter!),
        new(relay.Client, printers, TimeProvider.System, NullLogger<PrintReports>.Instance), _services.GetRequiredService<Telemetry>(), Options.Create(Settings), Clock,
        NullLogger<FilePrinting>.Instance);

    private protected SessionPrinting Sessions(AutoPrint autoPrint = AutoPrint.True, OtherAgents? others = null)
    {
        Settings.AutoPrint = autoPrint;
        return new(
            relay.Client, Ledger, Files, others ?? new(relay.Client, Printers, Options.Create(Settings), TimeProvider.System), Options.Create(Settings), TimeProvider.System,
            NullLogger<SessionPrinting>.Instance);
    }

    // A file of the session that was sent last.
    private protected async Task<Attempt> PrintAsync(FileDetails file, Again? again = null, Place? place = null)
    {
        var attempt = await Files.PrintAsync(Sent[^1], file, again, isAskedFor: false, place, Token);
        Assert.NotNull(attempt);
        return attempt;
    }

    // The printer is looked at before it gives a place. While another job has the turn it is looked at again, and the document is ready then.
    private protected Task WaitsForItsTurnAsync() => Eventually.HoldsAsync(
        () => Task.FromResult(Looks() > 1), "it waits for its turn", Limit, Token);

    private protected async Task<FilePrint?> PrintOfAsync(string session) => Assert.Single((await relay.Client.Shop.GetSessionAsync(session, Token)).Files).Print;

    private protected async Task<FileDetails> ClaimedAsync()
    {
        var session = await SendAsync(("one.pdf", Given.Pdf(), null));
        return Assert.Single((await relay.Client.Shop.ClaimAsync(session, Token)).Files);
    }

    private protected async Task<string> SendAsync(params IReadOnlyList<(string Name, byte[] Content, PrintOptionsChange? Options)> files)
    {
        Sent.Add((await relay.SendAsync(files)).SessionId);
        return Sent[^1];
    }

    private protected Attempt AttemptFor(FileDetails file) =>
        new(Guid.NewGuid(), file.Id, AttemptRun.NewToken(), Way.Address, TwoSteps: true, Copies: 1, TimeProvider.System.GetUtcNow());

    private protected int Looks() => Way.Requests.Count(one => one == IppOperation.GetPrinterAttributes);

    private protected int Documents() => Way.Requests.Count(one => one == IppOperation.SendDocument);

    /// <summary>The system's clock, whose timestamps a test moves forward. Timers run as they do.</summary>
    private protected sealed class ForwardClock : TimeProvider
    {
        private long _forward;

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _forward);

        public void Forward(TimeSpan by) => Interlocked.Add(ref _forward, (long)(by.TotalSeconds * TimestampFrequency));
    }
}
