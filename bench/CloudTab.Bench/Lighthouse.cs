using System.Net;
using System.Text.Json;
using CloudTab.Testing;

namespace CloudTab.Bench;

/// <summary>
/// Google's Lighthouse, from npm, on the pages behind the gateway: those of customers as on a phone with slow 4G and a quarter of the
/// processor, those of shops as on a desktop. All scores are out of 100.
/// </summary>
internal static class Lighthouse
{
    private const int LeastScore = 95;

    private static readonly string[] Categories = ["performance", "accessibility", "best-practices"];

    public static async Task RunAsync()
    {
        var program = Path.Combine(await Npm.InstallAsync("lighthouse"), "node_modules", "lighthouse", "cli", "index.js");
        var report = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        await using var relay = await RelayProcesses.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal), CancellationToken.None);
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = relay.Origin };
        var session = await UploadClient.CreateSessionAsync(client);
        await UploadClient.SendFormAsync(client, session, UploadClient.CreateFile(100_000));
        var cookie = await SignInAsync(client, relay.Key);

        Console.WriteLine();
        Console.WriteLine($"| page | {string.Join(" | ", Categories)} | limit | KiB | usable, s | blocked, ms |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        await ReportAsync("the customer's form", "/");
        await ReportAsync("the customer's files have arrived", session.Replace("/api/customer", "", StringComparison.Ordinal));
        await ReportAsync("the shop signs in", "/shop", "--preset=desktop");
        await ReportAsync("the shop's queue", "/shop", "--preset=desktop", $"--extra-headers={{\"Cookie\":\"{cookie}\"}}");
        File.Delete(report);

        async Task ReportAsync(string name, string path, params string[] more)
        {
            string[] command =
            [
                "node", program, new Uri(relay.Origin, path).ToString(), "--quiet", $"--only-categories={string.Join(',', Categories)}",
                "--output=json", $"--output-path={report}", $"--chrome-flags=--headless {string.Join(' ', Chromium.Arguments)}", .. more,
            ];
            var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["CHROME_PATH"] = Chromium.Path ?? throw new InvalidOperationException("There is no Chromium.") };
            await using var lighthouse = await ChildProcess.StartProgramAsync(command, environment, ready: null, CancellationToken.None);
            if (await lighthouse.WaitForExitAsync(CancellationToken.None) != 0)
                throw new InvalidOperationException(lighthouse.Output);

            using var read = JsonDocument.Parse(await File.ReadAllBytesAsync(report));
            var scores = Categories.Select(category => $"{100 * read.RootElement.GetProperty("categories").GetProperty(category).GetProperty("score").GetDouble():F0}");
            double Number(string audit) => read.RootElement.GetProperty("audits").GetProperty(audit).GetProperty("numericValue").GetDouble();
            Console.WriteLine(
                $"| {name} | {string.Join(" | ", scores)} | ≥ {LeastScore} | {Number("total-byte-weight") / 1024:F1} | {Number("largest-contentful-paint") / 1000:F1} | {Number("total-blocking-time"):F0} |");
        }
    }

    private static async Task<string> SignInAsync(HttpClient client, string key)
    {
        using var content = new FormUrlEncodedContent(new Dictionary<string, string>(StringComparer.Ordinal) { ["apiKey"] = key });
        using var request = new HttpRequestMessage(HttpMethod.Post, "/shop/sign-in") { Content = content, Headers = { { "Origin", client.BaseAddress!.GetLeftPart(UriPartial.Authority) } } };
        using var signedIn = await client.SendAsync(request);
        if (signedIn.StatusCode != HttpStatusCode.SeeOther)
            throw new InvalidOperationException($"Signing in was answered with {signedIn.StatusCode}.");
        return signedIn.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
    }
}
