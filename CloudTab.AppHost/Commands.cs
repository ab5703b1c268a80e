using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.AppHost;

/// <summary>What a developer can do with the running application from its dashboard.</summary>
internal static class Commands
{
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

    private static async Task<ExecuteCommandResult> ResetAsync(ExecuteCommandContext context, Settings settings)
    {
        var model = context.Services.GetRequiredService<DistributedApplicationModel>();
        var commands = context.Services.GetRequiredService<ResourceCommandService>();
        var notifications = context.Services.GetRequiredService<ResourceNotificationService>();
        var all = model.Resources.Where(resource => resource is ProjectResource or ExecutableResource).ToList();

        await Task.WhenAll(all.Select(resource => commands.ExecuteCommandAsync(resource, KnownResourceCommands.StopCommand, context.CancellationToken)));
        await Task.WhenAll(all.Select(resource => notifications.WaitForResourceAsync(resource.Name, KnownResourceStates.TerminalStates, context.CancellationToken)));
        foreach (var folder in (string[])["postgres", "s3"])
            Directory.Delete(Path.Combine(settings.Data, folder), recursive: true);

        await Task.WhenAll(all.Select(resource => commands.ExecuteCommandAsync(resource, KnownResourceCommands.StartCommand, context.CancellationToken)));
        await notifications.WaitForResourceHealthyAsync("gateway", context.CancellationToken);
        return CommandResults.Success("All data is gone; everything runs again.");
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
