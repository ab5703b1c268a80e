using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.ShopApi;

/// <summary>Tickets for the socket.</summary>
internal static class TicketEndpoints
{
    public static RouteGroupBuilder MapTickets(this RouteGroupBuilder group)
    {
        group.MapPost("/ticket", Create).WithTags("Socket").WithSummary("Get a ticket that authenticates one socket, once")
            .WithDescription("For pages, which do not know the key: send it over `/ws` as `{\"type\":\"authenticate\",\"ticket\":…}` within 30 seconds.");
        return group;
    }

    private static async Task<Results<Ok<TicketView>, Problem>> Create(Shopkeeper caller, Tickets tickets, CancellationToken cancellationToken)
    {
        var ticket = await tickets.CreateAsync(caller.Key, cancellationToken);
        return TypedResults.Ok(new TicketView(true, ticket, (int)Tickets.Lifetime.TotalSeconds));
    }
}

/// <summary>A ticket for one socket, and for how many seconds it is good.</summary>
internal sealed record TicketView(bool Success, string Ticket, int ExpiresIn);
