using System.CommandLine;
using System.Globalization;
using System.ServiceProcess;
using CloudTab.Client;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>The command line. Without a verb the agent runs; the verbs look at its ledger or ask it for something, also while it runs.</summary>
internal static class Verbs
{
    private const int Latest = 20;
    private const int InUse = 78; // EX_CONFIG, as for a wrong setting
    private const int LongestReason = 200; // the relay's limit
    private const int NoPrinter = 75; // EX_TEMPFAIL: the next start may find one
    private const int ProcessAborted = 1067; // ERROR_PROCESS_ABORTED of Windows

    public static RootCommand Build()
    {
        var root = new RootCommand("Prints what customers send to the shop. Without a verb it runs until it is stopped.")
        {
            Setup.Build(), Status(), Printers(), Jobs(), Print(), Retry(), Confirm(),
        };
        root.SetAction(async (_, token) =>
        {
            using var host = AgentHost.Build();
            return await host.RunOrExplainAsync(() => RunAloneAsync(host, token));
        });
        return root;
    }

    // Two agents would each go on with what is in the one ledger, and print it twice.
    private static async Task<int> RunAloneAsync(IHost host, CancellationToken cancellationToken)
    {
        var options = host.Services.GetRequiredService<IOptions<AgentOptions>>().Value;
        var folder = options.Folder;
        Directory.CreateDirectory(folder);
        FileStream alone;
        try
        {
            alone = new(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            await Console.Error.WriteLineAsync($"Not started: another print agent uses the folder {folder}");
            return InUse;
        }

        await using (alone)
        {
            if (options.ReadPrinters() is [] && !await FindPrintersAsync(options, cancellationToken))
                return NoPrinter;
            using var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() => TellServiceControl(host));
            await host.RunAsync(cancellationToken);
        }

        return 0;
    }

    // A service of Windows says that it has stopped, and why, before its process ends: the exit code of the process would come too late.
    private static void TellServiceControl(IHost host)
    {
        if (OperatingSystem.IsWindows() && host.HasFaulted() && host.Services.GetRequiredService<IHostLifetime>() is ServiceBase service)
            service.ExitCode = ProcessAborted;
    }

    // Anybody in the network can say to be a printer: those of the first start are kept, and no other is taken.
    private static async Task<bool> FindPrintersAsync(AgentOptions options, CancellationToken cancellationToken)
    {
        var found = await PrinterSearch.RunAsync(TimeProvider.System, cancellationToken);
        if (found is [])
        {
            await Console.Error.WriteLineAsync("Not started: CLOUDTAB_PRINTERS is not set, and no printer was found; the verb `setup` asks for them");
            return false;
        }

        options.Printers = string.Join(',', found.Select(printer => printer.Address));
        await SettingsFile.WriteAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["CLOUDTAB_PRINTERS"] = options.Printers }, cancellationToken);
        await Console.Error.WriteLineAsync($"Printers that were found, and are kept in {SettingsFile.Location}: {options.Printers}");
        return true;
    }

    private static Command Status() => Verb("status", "Says whether something waits for a person", (services, _, output, _) =>
    {
        var latest = services.GetRequiredService<Ledger>().Latest(1_000);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"relay     {services.GetRequiredService<IOptions<AgentOptions>>().Value.Url}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"printing  {latest.Count(attempt => attempt.Step < Step.Settled)}"));
        // What was printed again since needs nobody.
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"unknown   {latest.DistinctBy(attempt => attempt.File).Count(attempt => attempt.Outcome == Outcome.Unknown)}"));
        return Task.FromResult(0);
    });

    private static Command Printers()
    {
        var find = new Option<bool>("--find") { Description = "Searches the network for others, too" };
        return Verb("printers", "Asks every printer for its state; without any, searches the network for some", async (services, parsed, output, token) =>
        {
            var printers = services.GetRequiredService<ShopPrinters>();
            await Task.WhenAll(printers.All.Select(printer => printer.LookAsync(token)));
            foreach (var printer in printers.All)
                Show(printer, output);

            if (printers.All is [] || parsed.GetValue(find))
            {
                foreach (var other in (await PrinterSearch.RunAsync(TimeProvider.System, token)).Where(other => printers.Find(other.Address) is null))
                    output.WriteLine($"{other.Address}  {other.Name}  found");
            }

            return printers.All.All(printer => printer.Description is not null) ? 0 : 1;
        }, find);
    }

    /// <summary>Writes what the printer has said of its state, or why it has not.</summary>
    public static void Show(ShopPrinter printer, TextWriter output)
    {
        output.WriteLine(printer.Description is { } there ? $"{printer.Address}  {there.Name}  {there.State}  {string.Join(' ', there.Reasons)}" : $"{printer.Address}  offline: {printer.Fault}");
        if (printer.Description?.AbortCommand is { } command)
            output.WriteLine($"  CUPS prints a job of this queue again by itself if it fails, also one that is on paper in part. Against it: {command}");
    }

    private static Command Jobs() => Verb("jobs", "Lists the latest attempts to print, newest first", (services, _, output, _) =>
    {
        foreach (var attempt in services.GetRequiredService<Ledger>().Latest(Latest))
        {
            var state = attempt.Outcome?.ToString().ToLowerInvariant() ?? attempt.Step.ToString().ToLowerInvariant();
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{attempt.Id}  {attempt.At.ToLocalTime():yyyy-MM-dd HH:mm}  {state}  {attempt.Printer}  {attempt.Reasons}"));
        }

        return Task.FromResult(0);
    });

    private static Command Print()
    {
        var code = new Argument<string>("code") { Description = "The customer's pickup code" };
        return Verb("print", "Releases a job that is held (CLOUDTAB_AUTO_PRINT=false)", (services, parsed, output, token) =>
            AskAsync(services, parsed.GetRequiredValue(code), again: null, output, token), code);
    }

    private static Command Retry()
    {
        var code = new Argument<string>("code") { Description = "The customer's pickup code" };
        var reason = new Option<string>("--reason") { Description = "Why it is printed again", DefaultValueFactory = _ => "asked for at the print agent" };
        reason.Validators.Add(given =>
        {
            if (given.GetValueOrDefault<string>()?.Trim() is not { Length: > 0 and <= LongestReason })
                given.AddError($"A reason has 1 to {LongestReason} characters.");
        });
        return Verb("retry", "Prints the files of a session again that failed, or of which nobody knows whether they came out", (services, parsed, output, token) =>
            AskAsync(services, parsed.GetRequiredValue(code), parsed.GetRequiredValue(reason).Trim(), output, token), code, reason);
    }

    // The agent hears of it through the ledger, now or when it is started. Only a code that the relay knows as wrong is of no use.
    private static async Task<int> AskAsync(IServiceProvider services, string code, string? again, TextWriter output, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(PrintReports.Limit);
        try
        {
            if (await RefusalOfAsync(services, code, again, limit.Token) is { } refusal)
            {
                output.WriteLine(refusal);
                return 1;
            }
        }
        catch (CloudTabException refused) when (PrintReports.IsRefusal(refused))
        {
            output.WriteLine(refused.Message);
            return 1;
        }
        catch (Exception away) when (PrintReports.IsAway(away, cancellationToken))
        {
            output.WriteLine("The relay cannot be reached now. The agent asks it for this session until it can.");
        }

        services.GetRequiredService<Ledger>().Ask(code, again);
        return 0;
    }

    // What the agent would leave alone, without a word where the command was typed.
    private static async Task<string?> RefusalOfAsync(IServiceProvider services, string code, string? again, CancellationToken cancellationToken)
    {
        var shop = services.GetRequiredService<CloudTabClient>().Shop;
        var session = await shop.GetSessionAsync(code, cancellationToken);
        if (session.Status is not (SessionStatuses.Pending or SessionStatuses.Processing))
            return $"This session has ended: it is {session.Status}.";
        if (session.Status == SessionStatuses.Processing && !(await shop.GetProcessingAsync(cancellationToken)).Any(one => one.SessionId == session.SessionId && one.ClaimedByYou))
            return $"This session is claimed by {session.ClaimedBy}, who has to give it back first.";
        return again is null && await services.GetRequiredService<SessionPrinting>().NeedsPersonAsync(session, cancellationToken)
            ? "A person has to look at a file of this session, which has failed or may be on paper. Then `retry` prints it again."
            : null;
    }

    private static Command Confirm()
    {
        var id = new Argument<string>("attempt") { Description = "The attempt, as `jobs` lists it, or its first letters" };
        var printed = new Argument<string>("outcome") { Description = "`printed` or `failed`" };
        printed.AcceptOnlyFromAmong("printed", "failed");
        return Verb("confirm", "Says what became of an attempt whose outcome is unknown", (services, parsed, output, _) =>
        {
            var ledger = services.GetRequiredService<Ledger>();
            if (ledger.Find(parsed.GetRequiredValue(id)) is not { Outcome: Outcome.Unknown, Step: Step.Reported } attempt)
            {
                output.WriteLine("There is no such attempt with an unknown outcome that the relay knows.");
                return Task.FromResult(1);
            }

            ledger.Write(parsed.GetRequiredValue(printed) == "printed"
                ? attempt with { Step = Step.Purged, Outcome = Outcome.Done, Grade = "confirmed", Reasons = "" }
                : attempt with { Step = Step.Purged, Outcome = Outcome.Aborted }, isBack: true);
            return Task.FromResult(0);
        }, id, printed);
    }

    private static Command Verb(
        string name, string description, Func<IServiceProvider, ParseResult, TextWriter, CancellationToken, Task<int>> run, params ReadOnlySpan<Symbol> symbols)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
                command.Arguments.Add(argument);
            else if (symbol is Option option)
                command.Options.Add(option);
        }

        command.SetAction(async (parsed, token) =>
        {
            using var host = AgentHost.Build();
            return await host.RunOrExplainAsync(() => run(host.Services, parsed, parsed.InvocationConfiguration.Output, token));
        });
        return command;
    }
}
