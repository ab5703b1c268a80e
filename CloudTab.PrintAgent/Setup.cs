using System.CommandLine;
using CloudTab.Client;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent;

/// <summary>`print-agent setup`: asks for the settings, tries them, and writes them down for this user alone. What is set already is the answer to an empty line.</summary>
internal sealed class Setup(TextReader input, TextWriter output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static Command Build()
    {
        var command = new Command("setup", "Asks for the relay, the shop's key and the printers, tries them, and keeps them");
        command.SetAction((parsed, token) => new Setup(Console.In, parsed.InvocationConfiguration.Output).RunAsync(token));
        return command;
    }

    private async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        AgentOptions options;
        try
        {
            options = AgentHost.ReadSettings();
        }
        catch (InvalidOperationException unreadable)
        {
            return Fail(unreadable.Message);
        }

        var url = await AskAsync("Address of the relay, such as https://print.example.com", options.Url?.ToString(), cancellationToken);
        if (!Uri.TryCreate(url, UriKind.Absolute, out var relay) || relay.Scheme is not ("http" or "https"))
            return Fail("This is no address.");
        var key = await AskAsync("The shop's key for this PC", options.ApiKey, cancellationToken, shown: "the one that is set");
        if (await RefusalAsync(relay, key, cancellationToken) is { } refusal)
            return Fail(refusal);
        var printers = await AskForPrintersAsync(options.Printers, cancellationToken);

        (options.Url, options.ApiKey, options.Printers) = (relay, key, printers);
        if (options.Validate(new(options)).FirstOrDefault() is { } wrong)
            return Fail(wrong.ErrorMessage!);
        if (options.ReadPrinters() is [])
            return Fail("There is no printer.");
        await SettingsFile.WriteAsync(
            new Dictionary<string, string>(StringComparer.Ordinal) { ["CLOUDTAB_URL"] = relay.ToString(), ["CLOUDTAB_API_KEY"] = key, ["CLOUDTAB_PRINTERS"] = printers }, cancellationToken);
        output.WriteLine($"Written to {SettingsFile.Location}.");
        return await TryPrintersAsync(options, cancellationToken) ? 0 : 1;
    }

    private async Task<string> AskForPrintersAsync(string? set, CancellationToken cancellationToken)
    {
        output.WriteLine("Searching for printers …");
        var found = await PrinterSearch.RunAsync(TimeProvider.System, cancellationToken);
        foreach (var printer in found)
            output.WriteLine($"  {printer.Address}  {printer.Name}");
        return await AskAsync(
            "Printers, with commas between them: ipp://10.0.0.7/ipp/print, ipps://…, or cups:queue",
            set is { Length: > 0 } ? set : string.Join(',', found.Select(printer => printer.Address)), cancellationToken);
    }

    private async Task<bool> TryPrintersAsync(AgentOptions options, CancellationToken cancellationToken)
    {
        using var printers = new ShopPrinters(Options.Create(options), TimeProvider.System);
        foreach (var printer in printers.All)
        {
            await printer.LookAsync(cancellationToken);
            Verbs.Show(printer, output);
        }

        if (!(await AskAsync("Print a test page on each? y or n", "n", cancellationToken)).StartsWith('y'))
            return true;

        var all = true;
        foreach (var printer in printers.All)
        {
            var (isPrinted, words) = await TestPage.PrintAsync(printer, TimeProvider.System, cancellationToken);
            all &= isPrinted;
            output.WriteLine($"  {printer.Name}: {words}");
        }

        return all;
    }

    private async Task<string> AskAsync(string question, string? suggestion, CancellationToken cancellationToken, string? shown = null)
    {
        output.WriteLine(suggestion is { Length: > 0 } ? $"{question} [{shown ?? suggestion}]:" : question + ":");
        return await input.ReadLineAsync(cancellationToken) is { } answer && answer.Trim() is { Length: > 0 } given ? given : suggestion ?? "";
    }

    private int Fail(string reason)
    {
        output.WriteLine(reason);
        return 1;
    }

    private static async Task<string?> RefusalAsync(Uri relay, string key, CancellationToken cancellationToken)
    {
        try
        {
            using var client = new CloudTabClient(new() { Address = relay, ApiKey = key, Timeout = Limit, MaxRetries = 0 });
            await client.Shop.GetPendingPageAsync(limit: 1, cancellationToken: cancellationToken);
            return null;
        }
        catch (OptionsValidationException wrong)
        {
            return wrong.Message;
        }
        catch (CloudTabException refusal)
        {
            return PrintReports.IsOfKey(refusal) ? "The relay does not know this key." : $"The relay answered {(int)refusal.Status}: {refusal.Message}";
        }
        catch (Exception away) when (PrintReports.IsAway(away, cancellationToken))
        {
            return $"The relay cannot be reached: {away.Message}";
        }
    }
}
