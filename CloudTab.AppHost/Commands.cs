using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CloudTab.AppHost;

/// <summary>What a developer can do with the running application from its dashboard.</summary>
internal static class Commands
{
    /// <summary>The sample job: a page of A4.</summary>
    private static readonly byte[] Page = """
        %PDF-1.4
        1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
        2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
        3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>endobj
        4 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
        5 0 obj<</Length 48>>stream
        BT /F 48 Tf 90 600 Td (From send to paper) Tj ET
        endstream endobj
        trailer<</Root 1 0 R>>
        %%EOF
        """u8.ToArray();

    /// <summary>The Migrator's own verbs: adds shops and keys, and deletes everything.</summary>
    public static IResourceBuilder<ProjectResource> WithOperatorCommands(this IResourceBuilder<ProjectResource> migrator)
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
        return migrator.WithProcessCommand("reset", "Reset all data", context => migrator.VerbAsync(context, "reset"), new()
        {
            IconName = "Delete",
            Description = "Deletes every shop, key, session and file",
            ConfirmationMessage = "Delete every shop, key, session and file?",
        });
    }

    /// <summary>Sends a page to the default shop, as a customer would.</summary>
    public static IResourceBuilder<ProjectResource> WithSampleJobCommand(this IResourceBuilder<ProjectResource> gateway) =>
        gateway.WithCommand("sample-job", "Send a sample job", context => SendAsync(gateway, context.CancellationToken), WhenHealthy("DocumentArrowUp"));

    /// <summary>A command that is there when the resource is healthy.</summary>
    public static CommandOptions WhenHealthy(string icon, string? description = null) => new()
    {
        IconName = icon,
        Description = description,
        IsHighlighted = true,
        UpdateState = update => update.ResourceSnapshot.HealthStatus == HealthStatus.Healthy ? ResourceCommandState.Enabled : ResourceCommandState.Disabled,
    };

    /// <summary>A client of the customer's API.</summary>
    public static async Task<HttpClient> ClientOfAsync(IResourceBuilder<ProjectResource> gateway, CancellationToken cancellationToken) =>
        new() { BaseAddress = new Uri(await gateway.GetEndpoint("http").GetValueAsync(cancellationToken) ?? throw new InvalidOperationException("The gateway has no address yet.")) };

    /// <summary>Sends the sample job.</summary>
    /// <returns>The session, or what the relay answered instead of taking it.</returns>
    public static async Task<(JsonElement Session, string? Refusal)> SendAsync(HttpClient client, CancellationToken cancellationToken)
    {
        using var created = await client.PostAsJsonAsync("api/customer/sessions/create", new { customerName = "Sample customer" }, cancellationToken);
        if (!created.IsSuccessStatusCode)
            return (default, await created.Content.ReadAsStringAsync(cancellationToken));
        var session = await created.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);

        using var form = new MultipartFormDataContent { { new ByteArrayContent(Page), "files", "sample.pdf" } };
        using var uploaded = await client.PostAsync($"api/customer/sessions/{session.GetProperty("sessionId")}/upload", form, cancellationToken);
        return (session, uploaded.IsSuccessStatusCode ? null : await uploaded.Content.ReadAsStringAsync(cancellationToken));
    }

    private static InteractionInput Text(string name, string label, string description, string? value = null) =>
        new() { Name = name, Label = label, Description = description, Value = value, InputType = InputType.Text, Required = true };

    private static async ValueTask<ProcessCommandSpec> VerbAsync(this IResourceBuilder<ProjectResource> migrator, ExecuteCommandContext context, params string[] verb)
    {
        var configuration = await ExecutionConfigurationBuilder.Create(migrator.Resource).WithEnvironmentVariablesConfig()
            .BuildAsync(migrator.ApplicationBuilder.ExecutionContext, context.Logger, context.CancellationToken);
        return new("dotnet")
        {
            Arguments = [BuiltProgram.PathOf("CloudTab.Migrator"), .. verb, .. context.Arguments.Select(argument => argument.Value!)],
            EnvironmentVariables = configuration.EnvironmentVariables.ToDictionary(StringComparer.Ordinal),
        };
    }

    private static async Task<ExecuteCommandResult> SendAsync(IResourceBuilder<ProjectResource> gateway, CancellationToken cancellationToken)
    {
        using var client = await ClientOfAsync(gateway, cancellationToken);
        var (session, refusal) = await SendAsync(client, cancellationToken);
        return refusal is null ? CommandResults.Success($"sample.pdf waits at the default shop. Its pickup code: {session.GetProperty("pickupCode")}") : CommandResults.Failure(refusal);
    }
}
