using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using CloudTab.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.EndToEnd.Tests;

/// <summary>The printer and the print agent that a developer starts from the dashboard.</summary>
[Collection(RunningAppHost.Collection)]
public sealed class PrintingTests(RunningAppHost relay)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Once_printer_and_agent_are_started_a_customers_file_becomes_a_picture_of_paper_also_after_a_jam()
    {
        RequirePrinter();
        await CommandAsync("test-printer", KnownResourceCommands.StartCommand);
        await CommandAsync("print-agent", KnownResourceCommands.StartCommand);
        try
        {
            var paper = Directory.CreateDirectory(System.IO.Path.Combine(relay.Data.FullName, "paper")).FullName;
            var jam = System.IO.Path.Combine(paper, "jam");
            await File.WriteAllTextAsync(jam, "", Token);
            using var customer = new HttpClient { BaseAddress = relay.Origin };
            using var created = await customer.PostAsync(Path("/api/customer/sessions/create"), content: null, Token);
            var session = (await created.Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("sessionId").GetString();
            using var form = new MultipartFormDataContent { { new ByteArrayContent("From send to paper."u8.ToArray()), "files", "letter.txt" } };
            using var uploaded = await customer.PostAsync(Path($"/api/customer/sessions/{session}/upload"), form, Token);
            uploaded.EnsureSuccessStatusCode();

            await Eventually.HoldsAsync(async () => (await StatusAsync()).Contains("media-jam", StringComparison.Ordinal), "the customer hears of the jam", Limit, Token);
            Assert.Empty(Directory.GetFiles(paper, "*.png"));
            File.Delete(jam);
            await Eventually.HoldsAsync(async () => (await StatusAsync()).Contains("\"completed\"", StringComparison.Ordinal), "the session is completed", Limit, Token);
            Assert.DoesNotContain("media-jam", await StatusAsync(), StringComparison.Ordinal);
            Assert.Single(Directory.GetFiles(paper, "*.png"));

            Task<string> StatusAsync() => customer.GetStringAsync(Path($"/api/customer/sessions/{session}/status"), Token);
        }
        finally
        {
            await StopAsync();
        }
    }

    /// <summary>Also if both are started already.</summary>
    [Fact]
    public async Task One_command_shows_a_sample_job_through_to_paper()
    {
        RequirePrinter();
        var pictures = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            for (var click = 1; click <= 2; click++)
            {
                var message = await CommandAsync("gateway", "print-sample-job");
                var picture = message[(message.IndexOf(": ", StringComparison.Ordinal) + 2)..];
                Assert.Equal("PNG", System.Text.Encoding.ASCII.GetString(await File.ReadAllBytesAsync(picture, Token), 1, 3));
                Assert.True(pictures.Add(picture), message);
                File.Delete(picture); // other tests count what comes out
            }
        }
        finally
        {
            await StopAsync();
        }
    }

    private void RequirePrinter() => Prerequisite.Require(
        relay.App.Services.GetRequiredService<DistributedApplicationModel>().Resources.Any(resource => resource.Name == "test-printer"),
        "Debian's cups-ipp-utils, dbus or poppler-utils is not installed");

    // They would print what other tests send.
    private async Task StopAsync()
    {
        await CommandAsync("print-agent", KnownResourceCommands.StopCommand);
        await CommandAsync("test-printer", KnownResourceCommands.StopCommand);
    }

    private async Task<string> CommandAsync(string resource, string command)
    {
        var result = await relay.App.Services.GetRequiredService<ResourceCommandService>().ExecuteCommandAsync(resource, command, Token);
        Assert.True(result.Success, $"{resource} {command}: {result.Message}");
        return result.Message ?? "";
    }

    private static Uri Path(string path) => new(path, UriKind.Relative);
}
