using System.CommandLine;
using System.Globalization;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>The command line. Without a verb the agent runs; the verbs look at its ledger or ask it for something, also while it runs.</summary>
internal static class Verbs
{
    private const int Latest = 20;
    private const int InUse = 78; // EX_CONFIG, as for a wrong setting

    public static RootCommand Build()
    {
        var root = new RootCommand("Prints what customers send to the shop. Without a verb it runs until it is stopped.")
        {
            Setup.Build(), Status(), Printers(), Jobs(), Print(), Retry(), Confirm(),
        };
        root.SetAction(async (_, _) =>
        {
            using var host = AgentHost.Build();
            return await host.RunOrExplainAsync(() => RunAloneAsync(host));
        });
        return root;
    }

    // Two agents would each go on with what is in the one ledger, and print it twice.
    private static async Task<int> RunAloneAsync(IHost host)
    {
        var folder = host.Services.GetRequiredService<IOptions<AgentOptions>>().Value.Folder;
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
            await host.RunAsync();
        return 0;
    }

    private static Command Status() => Verb("status", "Says whether something waits for a person", (services, _, output, _) =>
    {
        var latest = services.GetRequiredService<Ledger>().Latest(1_000);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"relay     {services.GetRequiredService<IOptions<AgentOptions>>().Value.Url}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"printing  {latest.Count(attempt => attempt.Step < Step.Settled)}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"unknown   {latest.Count(attempt => attempt.Outcome == Outcome.Unknown)}"));
        return Task.FromResult(0);
    });

    private static Command Printers() => Verb("printers", "Asks every printer for its state", async (services, _, output, token) =>
    {
        var printers = services.GetRequiredService<ShopPrinters>();
        foreach (var printer in printers.All)
        {
            var there = await printer.LookAsync(token);
            output.WriteLine(there is null ? $"{printer.Address}  offline" : $"{printer.Address}  {there.Name}  {there.State}  {string.Join(' ', there.Reasons)}");
        }

        return printers.All.All(printer => printer.Description is not null) ? 0 : 1;
    });

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
        return Verb("print", "Releases a job that is held (CLOUDTAB_AUTO_PRINT=false)", (services, parsed, _, _) =>
        {
            services.GetRequiredService<Ledger>().Request(parsed.GetRequiredValue(code), again: null);
            return Task.FromResult(0);
        }, code);
    }

    private static Command Retry()
    {
        var code = new Argument<string>("code") { Description = "The customer's pickup code" };
        var reason = new Option<string>("--reason") { Description = "Why it is printed again", DefaultValueFactory = _ => "asked for at the print agent" };
        return Verb("retry", "Prints the files of a session again that failed, or of which nobody knows whether they came out", (services, parsed, _, _) =>
        {
            services.GetRequiredService<Ledger>().Request(parsed.GetRequiredValue(code), parsed.GetRequiredValue(reason));
            return Task.FromResult(0);
        }, code, reason);
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
