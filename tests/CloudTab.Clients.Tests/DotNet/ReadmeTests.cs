using System.Text.RegularExpressions;
using CloudTab.Client;
using CloudTab.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudTab.Clients.Tests;

/// <summary>The examples of CloudTab.Client's page: what stands there is what runs here.</summary>
[Collection(RelayCollection.Name)]
public sealed partial class ReadmeTests(RunningRelay relay) : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudtab-");

    [Fact]
    public void Every_example_of_the_page_is_one_of_these()
    {
        var examples = Example.Matches(Repository.Read("tests/CloudTab.Clients.Tests/DotNet/ReadmeTests.cs"))
            .Select(match => string.Join('\n', match.Groups["code"].Value.TrimEnd().Split('\n').Select(line => line.Length > 8 ? line[8..] : "")));
        var shown = Block.Matches(Repository.Read("CloudTab.Client/README.md")).Select(match => match.Groups["code"].Value.TrimEnd());

        Assert.Equal(examples, shown);
    }

    [Fact]
    public async Task A_customer_s_file_is_printed()
    {
        var (origin, key) = (relay.Processes.Origin, relay.Processes.Key);
        using var document = new Document(100_000);
        var (path, folder, cancellationToken) = (document.Path, _folder.FullName, Token);

        // Example
        using var customer = new CloudTabClient(new CloudTabClientOptions { Address = origin });
        var session = await customer.Customer.CreateSessionAsync(new(CustomerName: "Asha"), cancellationToken);
        await using (var letter = File.OpenRead(path))
        {
            var file = new FileToUpload("letter.pdf", letter) { PrintOptions = new() { Copies = 2, Sides = Sides.TwoSidedLongEdge } };
            await customer.Customer.UploadResumablyAsync(session.SessionId, file, progress: null, cancellationToken);
        }

        await customer.Customer.SubmitAsync(session.SessionId, cancellationToken);
        Console.WriteLine($"Say {session.PickupCode} at the counter.");
        // End

        // Example
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddCloudTabClient(options =>
        {
            options.Address = origin;
            options.ApiKey = key;
        });
        // End
        using var host = builder.Build();
        var client = host.Services.GetRequiredService<CloudTabClient>();

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var running = PrintAllAsync(client, folder, stop.Token);
        await Eventually.HoldsAsync(
            async () => running.IsCompleted || (await customer.Customer.GetSessionAsync(session.SessionId, Token)).Status == SessionStatuses.Completed,
            "the session is completed",
            TimeSpan.FromMinutes(1),
            Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        Assert.Equal(SessionStatuses.Completed, (await customer.Customer.GetSessionAsync(session.SessionId, Token)).Status);
        Assert.Contains(_folder.EnumerateFiles(), file => file.Length == document.Size);
    }

    private static async Task PrintAllAsync(CloudTabClient client, string folder, CancellationToken cancellationToken)
    {
        // Example
        await foreach (var happened in client.Shop.ListenAsync(cancellationToken))
        {
            var waiting = happened switch
            {
                PendingSessions pending => pending.Sessions.Select(session => session.SessionId),
                SessionAnnounced announced => [announced.SessionId],
                _ => [],
            };
            foreach (var sessionId in waiting)
                await PrintAsync(sessionId);
        }

        async Task PrintAsync(string sessionId)
        {
            try
            {
                var session = await client.Shop.ClaimAsync(sessionId, cancellationToken);
                foreach (var file in session.Files.Where(file => file.IsStored && file.Scan != ScanResults.Infected))
                {
                    await using var printed = File.Create(Path.Combine(folder, $"{file.Id}"));
                    await client.Shop.DownloadAsync(file, printed, progress: null, cancellationToken);
                }

                await client.Shop.CompleteAsync(sessionId, cancellationToken);
            }
            catch (CloudTabException refusal) when (refusal.Code is "already_claimed" or "session_closed")
            {
                // Another counter was faster, or the customer has withdrawn it.
            }
        }
        // End
    }

    [Fact]
    public async Task An_upload_is_kept_over_the_end_of_the_program()
    {
        using var client = relay.Client();
        using var document = new Document(100_000);
        var session = await client.Customer.CreateSessionAsync(cancellationToken: Token);
        var (path, kept, cancellationToken) = (document.Path, Path.Combine(_folder.FullName, "upload"), Token);

        // Example
        await using var letter = File.OpenRead(path);
        if (!File.Exists(kept))
        {
            var begun = await client.Customer.BeginUploadAsync(session.SessionId, new FileToUpload("letter.pdf", letter), cancellationToken);
            await File.WriteAllTextAsync(kept, begun.AbsoluteUri, cancellationToken);
        }

        var upload = new Uri(await File.ReadAllTextAsync(kept, cancellationToken));
        await client.Customer.ContinueUploadAsync(upload, letter, new Progress<long>(sent => Console.WriteLine($"{sent} bytes")), cancellationToken);
        // End

        await relay.AssertPrintsAsync(session.SessionId, document);
    }

    [Fact]
    public async Task A_file_is_reported_as_printed()
    {
        using var client = relay.Client();
        var session = await client.ClaimedAsync(ClientOf.Pdf(1_000), Token);
        var (file, cancellationToken) = (session.Files[0], Token);

        // Example
        var report = new PrintReport(Guid.NewGuid(), "Front desk", PrintStates.Sent);
        await client.Shop.ReportPrintAsync(file.Id, report, cancellationToken);

        await client.Shop.ReportPrintAsync(file.Id, report with { State = PrintStates.Printing, Reasons = ["media-empty"] }, cancellationToken);

        await client.Shop.ReportPrintAsync(
            file.Id, report with { State = PrintStates.Printed, Grade = PrintGrades.PrinterFinished, Pages = 3 }, cancellationToken);
        // End

        Assert.Equal(3, Assert.Single(await client.Shop.GetPrintsAsync(file.Id, Token)).Pages);
        await client.Shop.CompleteAsync(session.SessionId, Token);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    // Code between the two lines, as deep as a method's.
    [GeneratedRegex(@"^ +// Example\n(?<code>.*?)^ +// End$", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Example { get; }

    [GeneratedRegex("^```csharp\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Block { get; }
}
