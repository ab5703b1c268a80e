using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using CloudTab.DevHost.Dashboard.Otlp;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace CloudTab.DevHost.Dashboard.Logs;

internal static class LogApi
{
    private const int MostLogs = 2_000;

    public static void MapLogs(this IEndpointRouteBuilder api)
    {
        api.MapGet("/logs", List);
        api.MapGet("/logs/stream", Stream);
    }

    private static Ok<LogList> List(LogStore logs, [AsParameters] LogQuery query, long? before, int? limit)
    {
        var found = logs.Find(query.Filter(), before, Math.Clamp(limit ?? 200, 1, MostLogs));
        var (first, next) = logs.Range;
        return TypedResults.Ok(new LogList([.. found.Select(LogView.Of)], first, next - first, first));
    }

    /// <summary>What came after a number (from now on, where none is given), then each new record.</summary>
    private static ServerSentEventsResult<LogView[]> Stream(
        LogStore logs, LiveUpdates updates, [AsParameters] LogQuery query, long? after, CancellationToken gone) =>
        TypedResults.ServerSentEvents(Follow(logs, updates, query.Filter(), after ?? logs.Range.Next - 1, gone));

    private static async IAsyncEnumerable<SseItem<LogView[]>> Follow(
        LogStore logs, LiveUpdates updates, LogFilter filter, long after, [EnumeratorCancellation] CancellationToken gone)
    {
        // The first event comes at once, even if empty: it tells the page that it is connected.
        var isFirst = true;
        await foreach (var _ in updates.TicksAsync(gone))
        {
            var found = logs.Follow(filter, ref after, MostLogs);
            if (found.Count > 0 || isFirst)
                yield return new([.. found.Select(LogView.Of)], "logs");
            isFirst = false;
        }
    }
}

/// <summary>The filter as a query string says it; <c>attribute=key:value</c> may be repeated.</summary>
internal sealed record LogQuery(string? Resource, LogLevel? Level, string? Text, string? Trace, string[]? Attribute)
{
    public LogFilter Filter() => new()
    {
        Resource = NotEmpty(Resource),
        Level = Level ?? LogLevel.Trace,
        Text = NotEmpty(Text),
        Trace = NotEmpty(Trace) is not { } trace ? null : Ids.TryTrace(trace, out var id) ? id : UInt128.MaxValue,
        Attributes = [.. (Attribute ?? []).Select(KeyValueQuery.Parse)],
    };

    private static string? NotEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}

/// <param name="First">Number of the oldest record that is there.</param>
/// <param name="Total">How many are there, whatever the filter.</param>
/// <param name="Dropped">How many made room for newer ones.</param>
internal sealed record LogList(LogView[] Logs, long First, long Total, long Dropped);

internal sealed record LogView(
    long Seq, double Time, string Resource, string Instance, string Level, string Category, string Message, string? Template,
    Tag[] Attributes, string? TraceId, string? SpanId, string? Exception)
{
    public static LogView Of(Log log) => new(
        log.Number, UnixTime.Milliseconds(log.Time), log.Source.Service, log.Source.Instance, log.Level.ToString(), log.Category, log.Message,
        log.Template, log.Attributes, Ids.Text(log.TraceId), Ids.Text(log.SpanId), log.Exception);
}
