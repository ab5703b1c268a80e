using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Aspire.Hosting.ApplicationModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CloudTab.DevHost.Dashboard.Resources;

internal static partial class ConsoleApi
{
    public static void MapConsole(this IEndpointRouteBuilder api)
    {
        api.MapGet("/resources/{id}/console", Stream);
        api.MapGet("/resources/{id}/console.txt", Download);
    }

    /// <summary>The lines after a number, as far as they are kept, then each new one.</summary>
    private static Results<ServerSentEventsResult<ConsoleLine[]>, NotFound> Stream(
        ResourceViews resources, ResourceLoggerService logs, LiveUpdates updates, string id, int? after, CancellationToken gone) => resources.Find(id) is null
            ? TypedResults.NotFound()
            : TypedResults.ServerSentEvents(Follow(logs, updates, id, after ?? 0, gone));

    private static async IAsyncEnumerable<SseItem<ConsoleLine[]>> Follow(
        ResourceLoggerService logs, LiveUpdates updates, string id, int after, [EnumeratorCancellation] CancellationToken gone)
    {
        var isFirst = true;
        await foreach (var _ in updates.TicksAsync(gone))
        {
            ConsoleLine[] lines = [.. logs.LinesAfter(id, after).Select(line => new ConsoleLine(line.LineNumber, UnixTime.Milliseconds(line.Time), line.Content, line.IsErrorMessage))];
            if (lines.Length > 0 || isFirst)
                yield return new(lines, "lines");
            after = lines.Length > 0 ? lines[^1].N : after;
            isFirst = false;
        }
    }

    private static Results<FileContentHttpResult, NotFound> Download(ResourceViews resources, ResourceLoggerService logs, string id)
    {
        if (resources.Find(id) is not { } resource)
            return TypedResults.NotFound();
        var text = new StringBuilder();
        foreach (var line in logs.LinesAfter(id, 0))
            text.Append(ControlSequence.Replace(line.Content, "")).Append('\n');
        return TypedResults.File(Encoding.UTF8.GetBytes(text.ToString()), "text/plain; charset=utf-8", $"{resource.DisplayName}.txt");
    }

    /// <summary>ECMA-48: CSI sequences (colours, cursor), OSC sequences (titles, links), and the two-character ones.</summary>
    [GeneratedRegex(@"\e(\[[0-?]*[ -/]*[@-~]|\][^\a\e]*(\a|\e\\)?|[ -/]*[0-~])", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ControlSequence { get; }
}

internal sealed record ConsoleLine(int N, double Time, string Text, bool Error);
