using System.Globalization;
using System.Text;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.ShopApi;

/// <summary>What a shop has printed on a day: its sums, or as CSV each job.</summary>
internal static class DayEndpoints
{
    private const string Csv = "text/csv";

    public static RouteGroupBuilder MapDays(this RouteGroupBuilder group)
    {
        group.MapGet("/days/{day}", Get).WithTags("Days").ForPeople().WithSummary("Look at what was printed on a day, and what for")
            .WithDescription("If the request's `Accept` names `text/csv`, or `format` is `csv`, the answer has a line for each job.")
            .SendsCsv()
            .Answers(Problems.InvalidDay, Problems.ApiKeyInvalid);
        return group;
    }

    private static TBuilder SendsCsv<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.SendsBytes(Csv);

    private static async Task<Results<Ok<DaySheetView>, ContentHttpResult, Problem>> Get(
        Shopkeeper caller,
        HttpContext context,
        string day,
        DaySheets days,
        Offers offers,
        CancellationToken cancellationToken,
        string timeZone = "UTC",
        string? format = null)
    {
        if (!DateOnly.TryParseExact(day, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) || date.Year is < 2000 or > 9000
            || timeZone.Length is 0 or > 64 || !timeZone.All(c => char.IsAsciiLetterOrDigit(c) || "_+-/".Contains(c, StringComparison.Ordinal)))
        {
            return Problems.InvalidDay;
        }

        if (await offers.FindAsync(caller.Shop, cancellationToken) is not { } offer)
            return Problems.ApiKeyInvalid;
        if (await days.FindAsync(caller.Shop, date, timeZone, cancellationToken) is not { } jobs)
            return Problems.InvalidDay;
        context.Response.Headers.Vary = "Accept";
        if (format != "csv" && !AsksForCsv(context.Request))
            return TypedResults.Ok(DaySheetView.Of(jobs, offer.Currency));
        context.Response.Headers.ContentDisposition = $"attachment; filename={day}.csv";
        return TypedResults.Text(DayCsv.Write(jobs), Csv, Encoding.UTF8);
    }

    private static bool AsksForCsv(HttpRequest request) =>
        request.GetTypedHeaders().Accept.Any(accepted => accepted.MediaType.Equals(Csv, StringComparison.OrdinalIgnoreCase));
}

/// <summary>
/// What a shop has printed on a day. `unpricedJobs` are those whose price was, at least in part, told at the counter: `paid` and `unpaid` have
/// what is known. Both are in the smallest unit of `currency` (paise, cents).
/// </summary>
internal sealed record DaySheetView(
    bool Success, int Jobs, int Files, long Pages, long Monochrome, long Color, int UncountedFiles, long Paid, long Unpaid, int UnpricedJobs, string Currency)
{
    public static DaySheetView Of(List<FinishedJob> jobs, string currency)
    {
        // What was to be paid in a currency that the shop has no more cannot be added.
        var priced = jobs.Where(job => job.Currency == currency).ToList();
        return new(
            true,
            jobs.Count,
            jobs.Sum(job => job.Files),
            jobs.Sum(job => job.Monochrome + job.Color),
            jobs.Sum(job => job.Monochrome),
            jobs.Sum(job => job.Color),
            jobs.Sum(job => job.UncountedFiles),
            priced.Sum(job => job.PaidAmount),
            priced.Sum(job => job.Amount - job.PaidAmount),
            jobs.Count - priced.Count(job => job.IsComplete),
            currency);
    }
}
