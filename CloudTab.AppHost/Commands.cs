using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.AppHost;

/// <summary>What a developer can do with the running application from its dashboard.</summary>
internal static class Commands
{
    private const string Migrator = "migrator";

    private static readonly TimeSpan ResetLimit = TimeSpan.FromMinutes(2);

    /// <summary>The sample job: an empty page of A4.</summary>
    private static readonly byte[] Page = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"u8.ToArray();

    /// <summary>Adds shops and keys by the Migrator's own verbs, and makes everything new.</summary>
    public static IResourceBuilder<ProjectResource> WithOperatorCommands(this IResourceBuilder<ProjectResource> migrator, Settings settings)
    {
        migrator.WithProcessCommand("add-shop", "Add a shop", context => migrator.VerbAsync(context, "shop", "add"), new()
        {
            IconName = "BuildingShop",
            Arguments = [Text("shop", "Id", "In addresses: a-z, 0-9 and '-'"), Text("name", "Name", "What its customers see")],
        });
        migrator.WithProcessCommand("add-key", "Add a key", context => migrator.VerbAsync(context, "key", "add"), new()
        {
            IconName = "Key",
            Description = "Adds a key to a shop and shows it, this once",
            Arguments = [Text("shop", "Shop", "Its id", "default"), Text("name", "Name", "What the key is for, such as the PC it is used on")],
        });
        return migrator.WithCommand("reset", "Reset all data", context => ResetAsync(context, settings), new()
        {
            IconName = "Delete",
            Description = "Deletes the database and all files, and starts anew",
            ConfirmationMessage = "Delete every shop, key, session and file?",
            UpdateState = _ => settings.Containers ? ResourceCommandState.Hidden : ResourceCommandState.Enabled,
            Progress = new() { Message = "Deleting the data and starting anew" },
        });
    }

    /// <summary>Sends a page to the default shop, as a customer would.</summary>
    public static IResourceBuilder<ProjectResource> WithSampleJobCommand(this IResourceBuilder<ProjectResource> gateway) =>
        gateway.WithCommand("sample-job", "Send a sample job", context => SendAsync(gateway.GetEndpoint("http"), context.CancellationToken), new()
        {
            IconName = "DocumentArrowUp",
            IsHighlighted = true,
            UpdateState = update => update.ResourceSnapshot.HealthStatus == Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Healthy ? ResourceCommandState.Enabled : ResourceCommandState.Disabled,
        });

    private static InteractionInput Text(string name, string label, string description, string? value = null) =>
        new() { Name = name, Label = label, Description = description, Value = value, InputType = InputType.Text, Required = true };

    private static async ValueTask<ProcessCommandSpec> VerbAsync(this IResourceBuilder<ProjectResource> migrator, ExecuteCommandContext context, params string[] verb)
    {
        var configuration = await ExecutionConfigurationBuilder.Create(migrator.Resource).WithEnvironmentVariablesConfig()
            .BuildAsync(migrator.ApplicationBuilder.ExecutionContext, context.Logger, context.CancellationToken);
        return new("dotnet")
        {
            Arguments = ["run", "--no-build", "--project", migrator.Resource.GetProjectMetadata().ProjectPath, "--", .. verb, context.Arguments.GetString("shop")!, context.Arguments.GetString("name")!],
            EnvironmentVariables = configuration.EnvironmentVariables.ToDictionary(StringComparer.Ordinal),
        };
    }

    /// <summary>Stops everything that runs, deletes the data, and starts in the order of the first start: no service may see the time before the migration.</summary>
    private static async Task<ExecuteCommandResult> ResetAsync(ExecuteCommandContext context, Settings settings)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        limit.CancelAfter(ResetLimit); // a service that does not start would keep the dialog open for ever
        var commands = context.Services.GetRequiredService<ResourceCommandService>();
        var notifications = context.Services.GetRequiredService<ResourceNotificationService>();
        var running = context.Services.GetRequiredService<DistributedApplicationModel>().Resources
            .Where(resource => resource is ProjectResource or ExecutableResource && resource.Name != Migrator).ToList();
        var (stores, services) = (running.Where(IsStore).ToList(), running.Where(resource => !IsStore(resource)).ToList());

        await DoAsync(running, KnownResourceCommands.StopCommand);
        foreach (var store in stores)
            Directory.Delete(Path.Combine(settings.Data, store.Name), recursive: true);

        await DoAsync(stores, KnownResourceCommands.StartCommand);
        foreach (var store in stores)
            await notifications.WaitForResourceHealthyAsync(store.Name, limit.Token);
        var before = TimeProvider.System.GetUtcNow().UtcDateTime;
        await commands.ExecuteCommandAsync(Migrator, KnownResourceCommands.StartCommand, limit.Token);
        await notifications.WaitForResourceAsync(Migrator, update => update.Snapshot.StopTimeStamp > before, limit.Token);
        await DoAsync(services, KnownResourceCommands.StartCommand);
        await notifications.WaitForResourceHealthyAsync("gateway", limit.Token);
        return CommandResults.Success("All data is gone, and everything runs again.");

        bool IsStore(IResource resource) => Directory.Exists(Path.Combine(settings.Data, resource.Name));

        Task DoAsync(IEnumerable<IResource> resources, string command) =>
            Task.WhenAll(resources.Select(resource => commands.ExecuteCommandAsync(resource, command, limit.Token)));
    }

    private static async Task<ExecuteCommandResult> SendAsync(EndpointReference gateway, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = new Uri(await gateway.GetValueAsync(cancellationToken) ?? throw new InvalidOperationException("The gateway has no address yet.")) };
        using var created = await client.PostAsJsonAsync("api/customer/sessions/create", new { customerName = "Sample customer" }, cancellationToken);
        if (!created.IsSuccessStatusCode)
            return CommandResults.Failure(await created.Content.ReadAsStringAsync(cancellationToken));
        var session = await created.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);

        using var form = new MultipartFormDataContent { { new ByteArrayContent(Page), "files", "sample.pdf" } };
        using var uploaded = await client.PostAsync($"api/customer/sessions/{session.GetProperty("sessionId")}/upload", form, cancellationToken);
        return uploaded.IsSuccessStatusCode
            ? CommandResults.Success(string.Create(CultureInfo.InvariantCulture, $"sample.pdf waits at the default shop. Its pickup code: {session.GetProperty("pickupCode")}"))
            : CommandResults.Failure(await uploaded.Content.ReadAsStringAsync(cancellationToken));
    }
}
