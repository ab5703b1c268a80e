using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.Bench;

/// <summary>
/// From a customer's upload to paper: the whole relay behind its gateway, the print agent, and two printers that are CUPS's ippeveprinter. A
/// printer has accepted a job when it begins with its document.
/// </summary>
internal static class Printing
{
    private const int WarmUp = 30;
    private const int Alone = 60;
    private const int Together = 200;
    private const int Customers = 4;
    private const int LargeSize = 500;
    private const int LesserSize = 125;

    private const double MostMilliseconds = 300;
    private const double LeastPerSecond = 10;
    private const double MostIdleMemory = 80;

    // A ratio of both peaks says little: each is what the garbage collector has just not collected, 89 to 117 MiB for either size. But an agent that kept
    // even the lesser file in memory would pass its size.
    private const double MostPeakMemory = LesserSize;

    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    public static async Task RunAsync()
    {
        await using var relay = await RelayProcesses.StartAsync(
            new Dictionary<string, string>(StringComparer.Ordinal) { ["MAX_FILE_SIZE"] = "1073741824", ["Logging__LogLevel__Default"] = "Warning" }, CancellationToken.None);
        await using var left = await TestPrinter.StartAsync(CancellationToken.None);
        await using var right = await TestPrinter.StartAsync(CancellationToken.None);
        TestPrinter[] printers = [left, right];
        var folder = Directory.CreateTempSubdirectory("cloudtab-agent-");
        await using var agent = await ChildProcess.StartProgramAsync(
            [await PublishAsync()],
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["CLOUDTAB_URL"] = relay.Origin.ToString(),
                ["CLOUDTAB_API_KEY"] = relay.Key,
                ["CLOUDTAB_PRINTERS"] = $"{left.Address},{right.Address}",
                ["CLOUDTAB_AGENT_DATA"] = folder.FullName,
                ["Logging__LogLevel__Default"] = "Warning",
            },
            isReady: null,
            CancellationToken.None);
        using var client = new CloudTabClient(new CloudTabClientOptions { Address = relay.Origin, ApiKey = relay.Key });

        await Task.Delay(Idle, TimeProvider.System);
        var started = Usage.Memory(agent.Id);
        for (var job = 0; job < WarmUp; job++)
            await EndAsync(client, await SendAsync(client, OnePage(job)));

        var latencies = new List<double>();
        for (var job = 0; job < Alone; job++)
            latencies.Add(await LatencyAsync(client, printers, OnePage(job)));
        latencies.Sort();
        var perSecond = await PerSecondAsync(client, printers);
        await Task.Delay(Idle, TimeProvider.System);
        var idle = Usage.Memory(agent.Id);

        var lesser = await PeakAsync(client, agent.Id, LesserSize);
        var large = await PeakAsync(client, agent.Id, LargeSize);
        folder.Delete(recursive: true);

        Console.WriteLine();
        Console.WriteLine("| printing, PDFs of one page | measured | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Console.WriteLine($"| from the upload's answer to the printer's begin, agent idle, p50, ms | {latencies[Alone / 2]:F0} | < {MostMilliseconds:F0} | {latencies[Alone / 2] / MostMilliseconds:F2} |");
        Console.WriteLine($"| the same, p95, ms | {latencies[Alone * 95 / 100]:F0} | | |");
        Console.WriteLine($"| jobs a second, two printers, {Customers} customers | {perSecond:F1} | ≥ {LeastPerSecond:F0} | {perSecond / LeastPerSecond:F2} |");
        Console.WriteLine($"| agent's memory when it has started, MiB | {started:F0} | < {MostIdleMemory:F0} | {started / MostIdleMemory:F2} |");
        Console.WriteLine($"| agent's memory, idle after {WarmUp + Alone + Together} jobs, MiB | {idle:F0} | < {MostIdleMemory:F0} | {idle / MostIdleMemory:F2} |");
        Console.WriteLine($"| agent's peak memory with a PDF of {LesserSize} MiB, MiB | {lesser:F0} | < {MostPeakMemory:F0} | {lesser / MostPeakMemory:F2} |");
        Console.WriteLine($"| agent's peak memory with a PDF of {LargeSize} MiB, MiB | {large:F0} | < {MostPeakMemory:F0} | {large / MostPeakMemory:F2} |");
    }

    // The one file that a shop gets.
    private static async Task<string> PublishAsync()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "print-agent");
        string[] command = ["dotnet", "publish", Repository.PathOf("CloudTab.PrintAgent"), "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "-o", folder, "-v", "q"];
        await using var publish = await ChildProcess.StartProgramAsync(command, new Dictionary<string, string>(StringComparer.Ordinal), isReady: null, CancellationToken.None);
        if (await publish.WaitForExitAsync(CancellationToken.None) != 0)
            throw new InvalidOperationException(publish.Output);
        return Path.Combine(folder, "CloudTab.PrintAgent");
    }

    private static async Task<CreatedSession> SendAsync(CloudTabClient client, Stream file)
    {
        var session = await client.Customer.CreateSessionAsync();
        await client.Customer.UploadAsync(session.SessionId, [new FileToUpload("one.pdf", file)]);
        return session;
    }

    private static Task EndAsync(CloudTabClient client, CreatedSession session) => Eventually.HoldsAsync(
        async () => (await client.Customer.GetSessionAsync(session.SessionId)).Status == SessionStatuses.Completed, "the session is completed", Limit, CancellationToken.None);

    private static async Task<double> LatencyAsync(CloudTabClient client, TestPrinter[] printers, Stream file)
    {
        var before = printers.Sum(printer => printer.Begun);
        var session = await SendAsync(client, file);
        var answered = TimeProvider.System.GetUtcNow();
        await EndAsync(client, session);
        if (printers.Sum(printer => printer.Begun) != before + 1)
            throw new InvalidOperationException("The job was not printed once.");
        return (printers.Max(printer => printer.LastBegun) - answered).TotalMilliseconds;
    }

    private static async Task<double> PerSecondAsync(CloudTabClient client, TestPrinter[] printers)
    {
        var before = printers.Sum(printer => printer.Begun);
        var began = TimeProvider.System.GetUtcNow();
        var job = 0;
        await Load.TimesAsync(Together, Customers, () => SendAsync(client, OnePage(Interlocked.Increment(ref job))));
        await Eventually.HoldsAsync(() => Task.FromResult(printers.Sum(printer => printer.Begun) == before + Together), "all are begun", Limit, CancellationToken.None);
        return Together / (printers.Max(printer => printer.LastBegun) - began).TotalSeconds;
    }

    private static async Task<double> PeakAsync(CloudTabClient client, int agent, int megabytes)
    {
        var path = Path.GetTempFileName();
        try
        {
            await using var file = File.Open(path, FileMode.Create);
            WritePdf(file, "A large one", (long)megabytes << 20);
            file.Position = 0;
            Usage.ForgetPeakMemory(agent);
            await EndAsync(client, await SendAsync(client, file));
            return Usage.PeakMemory(agent);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static MemoryStream OnePage(int number)
    {
        var pdf = new MemoryStream();
        WritePdf(pdf, $"Job {number.ToString(CultureInfo.InvariantCulture)}", filler: 0);
        pdf.Position = 0;
        return pdf;
    }

    /// <param name="filler">Bytes of a stream that no page shows.</param>
    private static void WritePdf(Stream output, string text, long filler)
    {
        var offsets = new List<long>();
        Write($"%PDF-1.4\n");
        var drawing = $"BT /F 40 Tf 60 400 Td ({text}) Tj ET";
        string[] objects =
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Count 1 /Kids [4 0 R] >>",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> /Contents 5 0 R >>",
            $"<< /Length {drawing.Length} >>\nstream\n{drawing}\nendstream",
        ];
        foreach (var body in objects)
            Write($"{Begin()} 0 obj\n{body}\nendobj\n");
        Write($"{Begin()} 0 obj\n<< /Length {filler} >>\nstream\n");
        var block = new byte[1 << 16];
        for (var left = filler; left > 0; left -= block.Length)
            output.Write(block, 0, (int)Math.Min(left, block.Length));
        Write($"\nendstream\nendobj\n");
        var start = output.Position;
        Write($"xref\n0 {offsets.Count + 1}\n0000000000 65535 f \n");
        foreach (var offset in offsets)
            Write($"{offset:D10} 00000 n \n");
        Write($"trailer\n<< /Size {offsets.Count + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");

        int Begin()
        {
            offsets.Add(output.Position);
            return offsets.Count;
        }

        void Write(FormattableString part) => output.Write(Encoding.ASCII.GetBytes(part.ToString(CultureInfo.InvariantCulture)));
    }
}
