using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace CloudTab.ShopApi;

/// <summary>The print agents of a shop and their printers.</summary>
internal static class AgentEndpoints
{
    // A printer may list hundreds of papers.
    private const long LargestBody = 256 << 10;

    public static RouteGroupBuilder MapAgents(this RouteGroupBuilder group)
    {
        var agents = group.MapGroup("").WithTags("Agents");
        agents.MapPut("/agent", Put).WithSummary("Give a sign of life as a print agent, and describe its printers")
            .WithDescription("Every 30 seconds. An agent that was silent for 90 seconds is shown as offline, and after a week it is forgotten. Each agent has a key of its own.")
            .WithMetadata(new RequestSizeLimitAttribute(LargestBody))
            .Answers(Problems.InvalidReport("`printers` must be a list of at most 100."), Failures.Of(400), Failures.Of(408), Failures.Of(413));
        agents.MapGet("/agents", List).WithSummary("List the shop's print agents and their printers");
        return group;
    }

    private static async Task<Results<NoContent, Problem>> Put(Shopkeeper caller, AgentReport report, Agents agents, CancellationToken cancellationToken)
    {
        var (clean, fault) = report.Clean();
        if (clean is null)
            return Problems.InvalidReport(fault!);
        return await agents.ReportAsync(caller.Key, clean, cancellationToken) ? TypedResults.NoContent() : Problems.ApiKeyInvalid;
    }

    private static async Task<Results<Ok<AgentsView>, Problem>> List(Shopkeeper caller, Agents agents, CancellationToken cancellationToken)
    {
        return TypedResults.Ok(new AgentsView(true, await agents.ListAsync(caller.Shop, cancellationToken)));
    }
}

/// <summary>The print agents of a shop, by the names of their keys.</summary>
internal sealed record AgentsView(bool Success, IReadOnlyList<ListedAgent> Agents);
