using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.AppHost;

/// <summary>A shop's PC with one printer, to be started by hand: the print agent, and CUPS's test printer, whose paper is pictures in a folder.</summary>
internal static class Printing
{
    // Debian's packages cups-ipp-utils, dbus and poppler-utils.
    private static readonly string[] Programs = ["/usr/sbin/ippeveprinter", "/usr/bin/dbus-daemon", "/usr/bin/pdftoppm"];

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);

    /// <summary>Adds both, if this machine has what the printer is made of, and a command that prints a page.</summary>
    /// <param name="data">The folder for the agent's ledger and the printer's paper.</param>
    public static void AddPrinting(
        this IDistributedApplicationBuilder builder, IResourceBuilder<ProjectResource> gateway, IResourceBuilder<ParameterResource> shopkeeperKey, string data)
    {
        if (!Programs.All(File.Exists))
            return;

        var paper = Path.GetFullPath(Path.Combine(data, "paper"));
        var printer = builder.AddExecutable("test-printer", "/bin/sh", "../local/test-printer", "start.sh", paper)
            .WithEndpoint(scheme: "tcp", name: "ipp", env: "PORT")
            .WithIconName("Print")
            .WithExplicitStart();

        // Not a project resource: those are what is deployed.
        var address = printer.GetEndpoint("ipp");
        var agent = builder.AddExecutable("print-agent", "dotnet", "..", BuiltProgram.PathOf("CloudTab.PrintAgent"))
            .WithEnvironment("CLOUDTAB_URL", gateway.GetEndpoint("http"))
            .WithEnvironment("CLOUDTAB_API_KEY", shopkeeperKey)
            .WithEnvironment("CLOUDTAB_PRINTERS", ReferenceExpression.Create($"ipp://{address.Property(EndpointProperty.Host)}:{address.Property(EndpointProperty.Port)}/ipp/print"))
            .WithEnvironment("CLOUDTAB_AGENT_DATA", Path.GetFullPath(Path.Combine(data, "print-agent")))
            .WithOtlpExporter()
            .WithIconName("Desktop")
            .WaitFor(printer)
            .WithExplicitStart();

        gateway.WithCommand("print-sample-job", "Print a sample job", context => PrintAsync(gateway, [printer.Resource, agent.Resource], paper, context), Commands.WhenHealthy(
            "Print", "Starts test-printer and print-agent, sends a page to the default shop, and says where it has come out"));
    }

    private static async Task<ExecuteCommandResult> PrintAsync(IResourceBuilder<ProjectResource> gateway, IResource[] pc, string paper, ExecuteCommandContext context)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        limit.CancelAfter(Limit);
        var doing = "";
        try
        {
            foreach (var resource in pc)
            {
                doing = $"{resource.Name} to start";
                if (await StartAsync(resource, context.Services, limit.Token) is { Success: false } failed)
                    return failed;
            }

            using var client = await Commands.ClientOfAsync(gateway, limit.Token);
            var (session, refusal) = await Commands.SendAsync(client, limit.Token);
            if (refusal is not null)
                return CommandResults.Failure(refusal);
            doing = "the page to come out";
            while (await StatusAsync(client, session.GetProperty("sessionId").GetString()!, limit.Token) != "completed")
                await Task.Delay(Pause, TimeProvider.System, limit.Token);
            return CommandResults.Success($"The page has come out: {Directory.GetFiles(paper, "*.png").MaxBy(File.GetLastWriteTimeUtc)}");
        }
        catch (OperationCanceledException) when (!context.CancellationToken.IsCancellationRequested)
        {
            return CommandResults.Failure($"Waited for {doing} for a minute. The logs of test-printer and print-agent say more; a file `jam` in {paper} is a paper jam.");
        }
    }

    // Somebody may have started it before.
    private static async Task<ExecuteCommandResult> StartAsync(IResource resource, IServiceProvider services, CancellationToken cancellationToken)
    {
        var notifications = services.GetRequiredService<ResourceNotificationService>();
        var current = await notifications.WaitForResourceAsync(resource.Name, _ => true, cancellationToken);
        if (current.Snapshot.State?.Text is not ("Running" or "Starting" or "Waiting"))
        {
            var started = await services.GetRequiredService<ResourceCommandService>().ExecuteCommandAsync(resource, KnownResourceCommands.StartCommand, cancellationToken);
            if (!started.Success)
                return started;
        }

        await notifications.WaitForResourceAsync(resource.Name, KnownResourceStates.Running, cancellationToken);
        return CommandResults.Success();
    }

    private static async Task<string?> StatusAsync(HttpClient client, string session, CancellationToken cancellationToken) =>
        (await client.GetFromJsonAsync<JsonElement>($"api/customer/sessions/{session}/status", cancellationToken)).GetProperty("session").GetProperty("status").GetString();
}
