using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using CloudTab.DevHost.Dashboard.Logs;
using CloudTab.DevHost.Dashboard.Metrics;
using CloudTab.DevHost.Dashboard.Traces;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CloudTab.DevHost.Dashboard.Resources;

internal static class ResourceApi
{
    public static void MapResources(this IEndpointRouteBuilder api)
    {
        api.MapGet("/resources", (ResourceViews resources) => TypedResults.Ok(resources.All()));
        api.MapGet("/resources/{id}/environment", Environment);
        api.MapGet("/resources/{id}/environment/{name}", Reveal);
        api.MapPost("/resources/{id}/commands/{command}", CommandAsync);
        api.MapGet("/stream", Stream);
    }

    private static async Task<Results<Ok<ResourceEnvironment>, NotFound>> Environment(Variables variables, string id, CancellationToken gone) =>
        await variables.OfAsync(id, gone) is { } all
            ? TypedResults.Ok(new ResourceEnvironment([.. all.Select(variable => variable.IsSecret ? variable with { Value = null } : variable)]))
            : TypedResults.NotFound();

    private static async Task<Results<Ok<RevealedVariable>, NotFound>> Reveal(Variables variables, string id, string name, CancellationToken gone) =>
        (await variables.OfAsync(id, gone))?.FirstOrDefault(variable => variable.Name == name) is { } found
            ? TypedResults.Ok(new RevealedVariable(found.Value!))
            : TypedResults.NotFound();

    /// <summary>Runs to its end even if the page that asked is closed: half a restart would be a stop.</summary>
    private static async Task<Results<NoContent, NotFound, ProblemHttpResult>> CommandAsync(
        ResourceViews resources, ResourceCommandService commands, LiveUpdates updates, string id, string command)
    {
        if (resources.Find(id) is not { } resource || !ResourceViews.AllCommands.Contains(command, StringComparer.Ordinal))
            return TypedResults.NotFound();
        if (!resource.Commands.Contains(command, StringComparer.Ordinal))
            return TypedResults.Problem($"There is no {command} for {resource.DisplayName} while its state is {resource.State}.", statusCode: StatusCodes.Status409Conflict);
        var result = await commands.ExecuteCommandAsync(id, command, updates.Stopping);
        return result.Success ? TypedResults.NoContent() : TypedResults.Problem(result.Message, statusCode: StatusCodes.Status409Conflict);
    }

    private static ServerSentEventsResult<byte[]> Stream(
        ResourceViews resources, SpanStore spans, LogStore logs, MetricStore metrics, LiveUpdates updates, CancellationToken gone) =>
        TypedResults.ServerSentEvents(Follow(resources, () => TelemetryTotals.Of(spans, logs, metrics), updates, gone));

    private static async IAsyncEnumerable<SseItem<byte[]>> Follow(
        ResourceViews resources, Func<TelemetryTotals> telemetry, LiveUpdates updates, [EnumeratorCancellation] CancellationToken gone)
    {
        byte[] lastResources = [];
        TelemetryTotals? lastTotals = null;
        await foreach (var tick in updates.TicksAsync(gone))
        {
            var now = JsonSerializer.SerializeToUtf8Bytes(resources.All(), DashboardJson.Default.ResourceList);
            if (!now.AsSpan().SequenceEqual(lastResources))
                yield return new(lastResources = now, "resources");

            // Every fourth beat: once a second is often enough for numbers that always change.
            if (tick % 4 == 0 && telemetry() is var totals && totals != lastTotals)
                yield return new(JsonSerializer.SerializeToUtf8Bytes(lastTotals = totals, DashboardJson.Default.TelemetryTotals), "telemetry");
        }
    }
}

internal sealed record ResourceEnvironment(Variable[] Variables);

internal sealed record RevealedVariable(string Value);

/// <summary>How much has come in since the start, and how much of it made room or was refused.</summary>
internal sealed record TelemetryTotals(long Spans, long Logs, long Points, int Traces, long DroppedSpans, long DroppedLogs, long DroppedPoints)
{
    public static TelemetryTotals Of(SpanStore spans, LogStore logs, MetricStore metrics)
    {
        var ofSpans = spans.Totals;
        var ofLogs = logs.Range;
        var ofPoints = metrics.Totals;
        return new(ofSpans.Received, ofLogs.Next, ofPoints.Received, ofSpans.Traces, ofSpans.Dropped, ofLogs.First, ofPoints.Dropped);
    }
}
