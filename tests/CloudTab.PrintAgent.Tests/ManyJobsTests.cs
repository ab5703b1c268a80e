using System.Diagnostics;
using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>A busy afternoon: jobs without a pause, for two printers.</summary>
[Collection(RelayCollection.Name)]
public sealed class ManyJobsTests(RunningRelay relay, ITestOutputHelper output)
{
    private const int Sessions = 40;
    private const int FilesOfEach = 5;

    [Fact]
    public async Task Two_hundred_jobs_in_a_row_come_out_once_each_and_leave_nothing()
    {
        TestPrinter.Require();
        Given.RequireQpdf();
        await using var left = await TestPrinter.StartAsync(Token);
        await using var right = await TestPrinter.StartAsync(Token);
        await using var agent = new AgentProcess(relay, left.Address, right.Address);
        await agent.StartAsync(Token);

        var watch = Stopwatch.StartNew();
        var sessions = new List<CreatedSession>();
        for (var session = 0; session < Sessions; session++)
            sessions.Add(await relay.SendAsync([.. Enumerable.Range(session * FilesOfEach, FilesOfEach).Select(number => ($"a-telling-name-{number}.pdf", Given.NumberedPdf(number), Given.OwnSize))]));
        output.WriteLine($"Sent within {watch.Elapsed}");
        foreach (var session in sessions)
            await relay.EndsAsync(session, SessionStatuses.Completed);
        output.WriteLine($"Printed within {watch.Elapsed}, {left.Begun} here and {right.Begun} there");

        Assert.Equal(
            Enumerable.Range(0, Sessions * FilesOfEach),
            left.Paper.Concat(right.Paper).Select(job => Given.NumberOf(job.Document) ?? -1).Order());
        Assert.Empty(Directory.GetFiles(Path.Combine(agent.Folder, "files")));
        Assert.DoesNotContain("a-telling-name", agent.Content(), StringComparison.Ordinal);
    }
}
