using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace CloudTab.ShopApi;

/// <summary>What became of files at the printer, as print agents and people report it.</summary>
internal static class PrintEndpoints
{
    private const long LargestBody = 16 << 10;

    public static RouteGroupBuilder MapPrints(this RouteGroupBuilder group)
    {
        var prints = group.MapGroup("/files/{fileId}/prints").WithTags("Prints");
        prints.MapGet("", List).WithSummary("List the attempts to print a file, oldest first").Answers(Problems.FileNotFound);
        prints.MapPost("", Report).WithSummary("Report an attempt to print a file")
            .WithDescription(
                "The holder of the session's claim begins an attempt with its own `attempt` id, and reports it by the same id. The same report again, or one that is "
                + "older than what is known, changes nothing. While an attempt is `sent` or `printing` the claim does not lapse.")
            .WithMetadata(new RequestSizeLimitAttribute(LargestBody))
            .Answers(Problems.FileNotFound, Problems.FileDeleted, Problems.SessionClosed, Problems.AlreadyClaimed, Problems.NotClaimed)
            .Answers(Problems.StillPrinting, Problems.AlreadyPrinted, Problems.TooManyPrints)
            .Answers(Problems.InvalidReport("`attempt` must be a UUID."), Problems.InvalidPrintOptions(InvalidPrintOption.Copies))
            .Answers(Failures.Of(400), Failures.Of(408), Failures.Of(413));
        return group;
    }

    private static async Task<Results<Ok<PrintsView>, Problem>> List(Shopkeeper caller, string fileId, Prints prints, CancellationToken cancellationToken)
    {
        return Guid.TryParse(fileId, out var file) && await prints.ListAsync(caller.Shop, file, cancellationToken) is { } found
            ? TypedResults.Ok(new PrintsView(true, found))
            : Problems.FileNotFound;
    }

    private static async Task<Results<Ok<PrintAnswer>, Problem>> Report(
        Shopkeeper caller, string fileId, PrintReport report, Prints prints, CancellationToken cancellationToken)
    {
        var (clean, fault) = report.Clean();
        if (clean is null)
            return Problems.InvalidReport(fault!);
        if (!Guid.TryParse(fileId, out var file))
            return Problems.FileNotFound;
        var (outcome, print, invalid) = await prints.ReportAsync(caller.Key, file, clean, cancellationToken);
        if (invalid is not null)
            return Problems.InvalidPrintOptions(invalid);
        return print is null ? Problems.For(outcome) : TypedResults.Ok(new PrintAnswer(true, print));
    }
}

/// <summary>An attempt as it is known after a report.</summary>
internal sealed record PrintAnswer(bool Success, Print Print);

/// <summary>The attempts to print a file, oldest first.</summary>
internal sealed record PrintsView(bool Success, IReadOnlyList<Print> Prints);
