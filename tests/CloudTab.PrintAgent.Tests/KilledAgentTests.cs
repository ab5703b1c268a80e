using System.Globalization;
using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>
/// The agent's process is killed (SIGKILL) with eight jobs at the printers, each at another place: before and after every exchange that lies
/// between two steps of the ledger, and at random bytes of the document. Its successor has the ledger's file, the printers' word and the relay's.
/// What came out of the printers is the judge.
/// </summary>
[Collection(RelayCollection.Name)]
public sealed class KilledAgentTests(RunningRelay relay, ITestOutputHelper output) : IAsyncLifetime
{
    // Jobs, each at a printer of its own.
    private const int AtOnce = 8;

    // Enough for every place, and for a hundred jobs.
    private const int FewestKills = 3;
    private const int DefaultKills = 13;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly List<TestPrinter> _printers = [];
    private readonly List<CutPrinter> _ways = [];
    private CutRelay? _relayWay;

    // Sessions and files of earlier jobs: a report of theirs may come twice.
    private string[] _earlier = [];

    /// <summary>At which exchange of a job the agent is killed.</summary>
    private enum Exchange
    {
        ReportSent,
        CreateJob,
        SendDocument,
        AskForJob,
        AskBeforePurge,
        ReportPrinted,
        Complete,
    }

    public async ValueTask InitializeAsync()
    {
        TestPrinter.Require();
        Given.RequireQpdf();
        _relayWay = await CutRelay.StartAsync(relay, Token);
        for (var i = 0; i < AtOnce; i++)
        {
            _printers.Add(await TestPrinter.StartAsync(Token));
            _ways.Add(await CutPrinter.StartAsync(_printers[^1], Token));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var way in _ways)
            await way.DisposeAsync();
        foreach (var printer in _printers)
            await printer.DisposeAsync();
        if (_relayWay is not null)
            await _relayWay.DisposeAsync();
    }

    [Fact]
    public async Task Every_job_is_printed_once_or_waits_for_a_person_wherever_the_agent_is_killed()
    {
        // PRINT_KILLS: how often; CHAOS_SEED repeats the places.
        var kills = NumberIn("PRINT_KILLS") ?? DefaultKills;
        var seed = NumberIn("CHAOS_SEED") ?? Random.Shared.Next();
        output.WriteLine($"CHAOS_SEED={seed} PRINT_KILLS={kills}");
        await using var agent = new AgentProcess(relay, [.. _ways.Select(way => way.Address)])
        {
            Settings = { ["CLOUDTAB_URL"] = _relayWay!.Origin, ["CLOUDTAB_PRINTER_TIMEOUT"] = "00:05:00" },
        };
        await agent.StartAsync(Token);

        var (jobs, steps) = (new List<Job>(), new HashSet<Step>());
        foreach (var places in Places(new Random(seed)).Chunk(AtOnce).Take(kills))
        {
            var killed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var now = new List<Job>();
            // The relay is waited for 30 s, for the answer to a report 10 s, and for a purge 3 s: jobs that wait for these begin last.
            foreach (var place in places.OrderBy(place => place.Exchange switch { Exchange.Complete => 1, Exchange.ReportSent => 2, Exchange.ReportPrinted => 3, Exchange.AskBeforePurge => 4, _ => 0 }))
                now.Add(await BeginAsync(jobs.Count + now.Count, place, agent, killed.Task));
            await agent.KillAsync();
            killed.SetResult();
            using (var ledger = new Ledger(agent.LedgerFile))
                steps.UnionWith(now.Select(job => ledger.LatestOf(job.File)!.Step));

            await agent.StartAsync(Token);
            foreach (var job in now)
                await EndsAsync(job);
            jobs.AddRange(now);
            Judge(jobs);
        }

        // Later starts have printed none of them again.
        await agent.KillAsync();
        Judge(jobs);
        Assert.Empty(Directory.GetFiles(Path.Combine(agent.Folder, "files")));
        if (kills >= FewestKills)
            Assert.Empty(Enumerable.Except([Step.Waiting, Step.Intent, Step.Created, Step.Sent, Step.Settled, Step.Purged, Step.Reported], steps));
        output.WriteLine($"{jobs.Count} jobs cut, {jobs.Count(job => job.IsUnknown)} unknown");
        foreach (var job in jobs.Where(job => job.IsUnknown))
            await relay.Client.Customer.WithdrawAsync(job.Session.SessionId, Token);
    }

    private static int? NumberIn(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;

    // All places once in random order, with a random byte of the document for every other one; then again.
    private static IEnumerable<Place> Places(Random random)
    {
        while (true)
        {
            var places = Enum.GetValues<Exchange>().SelectMany(exchange => new[] { new Place(exchange, Cut.Before), new Place(exchange, Cut.After) }).ToList();
            while (places.Count < 3 * AtOnce)
                places.Add(new(Exchange.SendDocument, Cut.Within, random.NextDouble()));
            foreach (var place in places.OrderBy(_ => random.Next()).ToList())
                yield return place;
        }
    }

    // One job begins after the other, so whatever passes next belongs to this one: the others wait for their end.
    private async Task<Job> BeginAsync(int number, Place place, AgentProcess agent, Task killed)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cut = 0;
        switch (place.Exchange)
        {
            case Exchange.ReportSent:
                AtRelay("/prints", "\"sent\"");
                break;
            case Exchange.ReportPrinted:
                AtRelay("/prints", "\"printed\"");
                break;
            case Exchange.Complete:
                AtRelay("/complete", "");
                break;
            default:
                foreach (var way in _ways)
                    AtPrinter(way);
                break;
        }

        var session = await relay.SendAsync(("one.pdf", Given.NumberedPdf(number), Given.OwnSize));
        var file = Assert.Single((await relay.Client.Shop.GetSessionAsync(session.SessionId, Token)).Files).Id;
        await reached.Task.WaitAsync(Limit, TimeProvider.System, Token);
        _earlier = [.. _earlier, session.SessionId, file.ToString()];
        using var ledger = new Ledger(agent.LedgerFile);
        return new(number, place, session, file, ledger.LatestOf(file)!.Token);

        void AtRelay(string path, string body) => _relayWay!.CutAt(
            request => request.StartsWith("POST ", StringComparison.Ordinal) && request.Contains(path, StringComparison.Ordinal) && request.Contains(body, StringComparison.Ordinal)
                && !Array.Exists(_earlier, id => request.Contains(id, StringComparison.OrdinalIgnoreCase)) && IsFirst(),
            place.Cut, ReachedAsync);

        void AtPrinter(CutPrinter way)
        {
            var completed = way.SaidCompleted;
            way.Share = place.Share;
            way.CutAt(operation => place.Exchange switch
            {
                Exchange.CreateJob => operation == IppOperation.CreateJob && IsFirst(),
                Exchange.SendDocument => operation == IppOperation.SendDocument && IsFirst(),
                Exchange.AskForJob => operation == IppOperation.GetJobAttributes && IsFirst(),
                _ => operation == IppOperation.GetJobAttributes && way.SaidCompleted > completed && IsFirst(),
            }, place.Cut, ReachedAsync);
        }

        bool IsFirst() => Interlocked.Exchange(ref cut, 1) == 0;

        Task ReachedAsync()
        {
            reached.SetResult();
            return killed;
        }
    }

    private async Task EndsAsync(Job job)
    {
        await Eventually.HoldsAsync(async () =>
        {
            var session = await relay.AnswerAsync(job.Session);
            job.IsUnknown = session.Contains("\"pending\"", StringComparison.Ordinal) && session.Contains("\"unknown\"", StringComparison.Ordinal);
            return job.IsUnknown || session.Contains("\"completed\"", StringComparison.Ordinal);
        }, $"job {job.Number}, cut at {job.Place}, is settled", Limit, Token);
    }

    private void Judge(List<Job> jobs)
    {
        var papers = _printers.SelectMany(printer => printer.Paper).Select(paper => (Number: Given.NumberOf(paper.Document), paper.Name)).ToList();
        var ofOurs = 0;
        foreach (var job in jobs)
        {
            // Of half a document only the job's name is known: the one that it had when the agent was killed.
            var prints = papers.Where(paper => paper.Number == job.Number || paper.Name == job.JobName).ToList();
            Assert.True(prints.Count == 1 || job.IsUnknown && prints.Count == 0, $"job {job.Number}, cut at {job.Place}: {prints.Count} prints, unknown: {job.IsUnknown}");
            Assert.True(job.IsUnknown || prints[0].Number == job.Number, $"job {job.Number}, cut at {job.Place}, is a half and called printed");
            // Whether a document that was on its way has arrived is all that a printer may leave open.
            Assert.True(!job.IsUnknown || job.Place is { Exchange: Exchange.SendDocument, Cut: not Cut.Before }, $"job {job.Number}, cut at {job.Place}, is unknown");
            ofOurs += prints.Count;
        }

        Assert.Equal(papers.Count, ofOurs);
    }

    /// <param name="Share">How much of a request that is cut within the printer gets.</param>
    private sealed record Place(Exchange Exchange, Cut Cut, double Share = 0);

    /// <param name="JobName">The printer's name for the job when the agent was killed.</param>
    private sealed record Job(int Number, Place Place, CreatedSession Session, Guid File, string JobName)
    {
        public bool IsUnknown { get; set; }
    }
}
