using System.CommandLine;
using System.Net;

namespace CloudTab.PrintAgent;

/// <summary>`print-agent setup`: asks for the settings, tries them, and writes them down for this user alone.</summary>
internal static class Setup
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static Command Build()
    {
        var command = new Command("setup", "Asks for the relay, the shop's key and the printers, tries them, and keeps them");
        command.SetAction((parsed, token) => RunAsync(Console.In, parsed.InvocationConfiguration.Output, token));
        return command;
    }

    private static async Task<int> RunAsync(TextReader input, TextWriter output, CancellationToken cancellationToken)
    {
        var url = await AskAsync("Address of the relay, such as https://print.example.com");
        var key = await AskAsync("The shop's key for this PC");
        if (!Uri.TryCreate(url, UriKind.Absolute, out var relay) || relay.Scheme is not ("http" or "https"))
            return Fail("This is no address.");
        if (await RefusalAsync(relay, key, cancellationToken) is { } refusal)
            return Fail(refusal);

        var printers = await AskAsync("Printers, with commas between them: ipp://10.0.0.7/ipp/print, ipps://…, or cups:queue");
        var options = new AgentOptions { Url = relay, ApiKey = key, Printers = printers };
        if (options.Validate(new(options)).FirstOrDefault() is { } wrong)
            return Fail(wrong.ErrorMessage!);
        using (var all = new ShopPrinters(Microsoft.Extensions.Options.Options.Create(options), TimeProvider.System))
        {
            foreach (var printer in all.All)
                await output.WriteLineAsync(await printer.LookAsync(cancellationToken) is { } there ? $"  {there.Name}: {there.State}" : $"  {printer.Address} does not answer; it is kept all the same");
        }

        await WriteAsync(AgentHost.SettingsFile, $"CLOUDTAB_URL={relay}\nCLOUDTAB_API_KEY={key}\nCLOUDTAB_PRINTERS={printers}\n", cancellationToken);
        await output.WriteLineAsync($"Written to {AgentHost.SettingsFile}. Start the agent without a verb, or as a service.");
        return 0;

        async Task<string> AskAsync(string question)
        {
            await output.WriteLineAsync(question + ":");
            return (await input.ReadLineAsync(cancellationToken) ?? "").Trim();
        }

        int Fail(string reason)
        {
            output.WriteLine(reason);
            return 1;
        }
    }

    private static async Task<string?> RefusalAsync(Uri relay, string key, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = relay, Timeout = Limit };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/shopkeeper/sessions/pending?limit=1");
        request.Headers.TryAddWithoutValidation("X-API-Key", key);
        try
        {
            using var answer = await client.SendAsync(request, cancellationToken);
            return answer.StatusCode switch
            {
                HttpStatusCode.OK => null,
                HttpStatusCode.Unauthorized => "The relay does not know this key.",
                var status => $"The relay answered {(int)status}.",
            };
        }
        catch (Exception away) when (away is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return $"The relay cannot be reached: {away.Message}";
        }
    }

    // The key is in it: nobody but this user may read it.
    private static async Task WriteAsync(string file, string settings, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var writer = new StreamWriter(file, options);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite); // also of a file that was there
        await writer.WriteAsync(settings.AsMemory(), cancellationToken);
    }
}
