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
        group.MapGet("/days/{day}/jobs", List).WithTags("Days").ForPeople().WithSummary("List the jobs that were finished on a day, in their order")
            .Answers(Problems.InvalidDay, Problems.ApiKeyInvalid);
        group.MapPost("/days/jobs/{jobId}/paid", MarkPaid).WithTags("Days").ForPeople().WithSummary("Correct that a finished job was paid")
            .WithDescription("Also the part of a job that was finished while files that came late still wait, which the session's own `paid` cannot reach.")
            .Answers(Problems.JobNotFound);
        group.MapDelete("/days/jobs/{jobId}/paid", UnmarkPaid).WithTags("Days").ForPeople().WithSummary("Correct that a finished job was not paid").Answers(Problems.JobNotFound);
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
        if (!TryParse(day, timeZone, out var date))
            return Problems.InvalidDay;
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

    private static async Task<Results<Ok<FinishedJobs>, Problem>> List(
        Shopkeeper caller, string day, DaySheets days, CancellationToken cancellationToken, string timeZone = "UTC")
    {
        if (!TryParse(day, timeZone, out var date) || await days.FindAsync(caller.Shop, date, timeZone, cancellationToken) is not { } jobs)
            return Problems.InvalidDay;
        return TypedResults.Ok(new FinishedJobs(true, [.. jobs.Select(FinishedJobView.Of)]));
    }

    private static Task<Results<NoContent, Problem>> MarkPaid(Shopkeeper caller, string jobId, DaySheets days, CancellationToken cancellationToken) =>
        MarkAsync(caller, jobId, isPaid: true, days, cancellationToken);

    private static Task<Results<NoContent, Problem>> UnmarkPaid(Shopkeeper caller, string jobId, DaySheets days, CancellationToken cancellationToken) =>
        MarkAsync(caller, jobId, isPaid: false, days, cancellationToken);

    private static async Task<Results<NoContent, Problem>> MarkAsync(Shopkeeper caller, string jobId, bool isPaid, DaySheets days, CancellationToken cancellationToken)
    {
        var outcome = Guid.TryParse(jobId, out var job) ? await days.MarkAsync(caller.Key, job, isPaid, cancellationToken) : Outcome.NotFound;
        return outcome switch
        {
            Outcome.Done => TypedResults.NoContent(),
            Outcome.KeyRevoked => Problems.ApiKeyInvalid,
            _ => Problems.JobNotFound,
        };
    }

    private static bool TryParse(string day, string timeZone, out DateOnly date) =>
        DateOnly.TryParseExact(day, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out date) && date.Year is >= 2000 and <= 9000
        && timeZone.Length is > 0 and <= 64 && timeZone.All(c => char.IsAsciiLetterOrDigit(c) || "_+-/".Contains(c, StringComparison.Ordinal));

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

/// <summary>The jobs that a shop has finished on a day, in their order.</summary>
internal sealed record FinishedJobs(bool Success, IReadOnlyList<FinishedJobView> Jobs);

/// <summary>
/// A job that was finished, without its customer. `time` is by the clock of the zone; `amount` is what is known of its price, and `paidAmount` how much
/// of that was marked as paid, in the smallest unit of `currency`; `isComplete`: whether that is the whole price.
/// </summary>
internal sealed record FinishedJobView(
    Guid Id, string Time, int? Token, string Counter, int Files, long Pages, int UncountedFiles, long Amount, bool IsComplete, string Currency, long PaidAmount, bool IsPaid)
{
    public static FinishedJobView Of(FinishedJob job) => new(
        job.Id,
        job.FinishedAt.ToString("HH:mm", CultureInfo.InvariantCulture),
        job.Token,
        job.Counter,
        job.Files,
        job.Monochrome + job.Color,
        job.UncountedFiles,
        job.Amount,
        job.IsComplete,
        job.Currency,
        job.PaidAmount,
        job.IsPaid);
}
