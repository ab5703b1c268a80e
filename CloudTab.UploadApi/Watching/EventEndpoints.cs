using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.UploadApi;

/// <summary>A customer's session as a stream of server-sent events.</summary>
internal static class EventEndpoints
{
    public const string LastEventId = "Last-Event-ID";

    public static RouteGroupBuilder MapEvents(this RouteGroupBuilder group)
    {
        group.MapGet("/sessions/{sessionId}/events", Watch).WithSummary("Watch a session as server-sent events").WithTags(CustomerDocument.Sessions)
            .DisableHttpMetrics() // It lasts as long as its client wants.
            .Produces<string>(StatusCodes.Status200OK, "text/event-stream")
            .Allows(LastEventId)
            .Answers(Problems.TooManyStreams, Problems.TooManyStreamsInAll);
        return group;
    }

    private static async Task<Results<EmptyHttpResult, NoContent, Problem>> Watch(
        RequestedSession requested, HttpContext context, SessionStreams streams, CancellationToken cancellationToken)
    {
        if (await streams.FindAsync(requested, cancellationToken) is not { } found)
            return Problems.SessionNotFound;
        var known = KnownState.Parse(context.Request.Headers[LastEventId]);
        // The one answer that makes a browser's EventSource stop without an error.
        if (known.IsDeleted && found.IsGone)
            return TypedResults.NoContent();
        if (await streams.RunAsync(context, requested.Client, found, known) is { } refused)
            return refused;
        return TypedResults.Empty;
    }
}
