using CloudTab.Pages;
using CloudTab.Relay;

namespace CloudTab.ShopApi.Pages;

/// <summary>What a row of the queue shows before its script runs, or without it: the same as scripts/shop/format.ts says.</summary>
/// <param name="Urgency">`new`, `waiting`, `late` or `taken`: the row's colour.</param>
/// <param name="Wishes">How the files are to be printed, as chips.</param>
/// <param name="Paid">What was paid; null if nothing was.</param>
/// <param name="Print">What the printer says; null if nobody prints.</param>
/// <param name="ClaimedBy">The other counter that has it.</param>
public sealed record ShopJob(
    string PickupCode,
    string? CustomerName,
    int? Token,
    string Urgency,
    string Age,
    string Extent,
    string? Price,
    IReadOnlyList<ShopJob.Chip> Wishes,
    ShopJob.Payment? Paid,
    ShopJob.PrintSummary? Print,
    string? ClaimedBy)
{
    private static readonly TimeSpan Waits = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan IsLate = TimeSpan.FromMinutes(15);

    public static ShopJob Of(PendingSession job, Words words, DateTime now) => new(
        job.PickupCode, job.CustomerName, job.Token, UrgencyOf(now - job.SubmittedAt), AgeOf(now - job.SubmittedAt, words), ExtentOf(job.FileCount, job.Pages, job.UncountedFiles, words),
        PriceOf(job.Price, words), [.. WishesOf(job.PrintOptions, words)], PaymentOf(job.PaidAt, job.PaidAmount, job.Price, words),
        PrintOf(job.Prints, job.FileCount, words), ClaimedBy: null);

    public static ShopJob Of(ProcessingSession job, Words words, DateTime now) => new(
        job.PickupCode, job.CustomerName, job.Token, "taken", AgeOf(now - job.SubmittedAt, words), ExtentOf(job.FileCount, job.Pages, job.UncountedFiles, words),
        PriceOf(job.Price, words), [.. WishesOf(job.PrintOptions, words)], PaymentOf(job.PaidAt, job.PaidAmount, job.Price, words),
        PrintOf(job.Prints, job.FileCount, words), job.ClaimedByYou ? null : job.ClaimedBy);

    private static string UrgencyOf(TimeSpan age) => age < Waits ? "new" : age < IsLate ? "waiting" : "late";

    private static string AgeOf(TimeSpan age, Words words) => (int)age.TotalMinutes switch
    {
        < 1 => words["shop.age.now"],
        < 60 and var minutes => words["shop.age.minutes", ("minutes", minutes)],
        var minutes => words["shop.age.hours", ("hours", minutes / 60), ("minutes", minutes % 60)],
    };

    private static string ExtentOf(int files, long pages, int uncountedFiles, Words words)
    {
        var extent = words.Count("common.files", files);
        if (pages == 0)
            return extent;
        return $"{extent} · {(uncountedFiles == 0 ? words.Count("shop.pages", (int)pages) : words["shop.pagesAtLeast", ("count", pages)])}";
    }

    private static string? PriceOf(JobPrice price, Words words)
    {
        if (price.Amount is not { } amount)
            return null;
        var money = Money.Format(amount, price.Currency);
        return price.IsComplete ? money : words["shop.price.atLeast", ("money", money)];
    }

    private static Payment? PaymentOf(DateTime? paidAt, long? paidAmount, JobPrice price, Words words)
    {
        if (paidAmount is { } part && price.Exceeds(part))
            return new(words.PaidInPart(part, price.RestAfter(part), price.Currency), IsAll: false);
        return paidAt is null ? null : new(words["shop.paid"], IsAll: true);
    }

    private static IEnumerable<Chip> WishesOf(List<PrintOptions> all, Words words)
    {
        if (all.Count == 0)
            yield break;
        var modes = all.Select(options => options.ColorMode).Distinct().ToList();
        yield return new(words[modes.Count > 1 ? "shop.mixedColors" : $"common.colorMode.{WireNames.Of(modes[0])}"], modes.Contains(ColorMode.Color));
        if (all.Exists(options => options.Sides != Sides.OneSided))
            yield return new(words["shop.twoSided"], true);
        if (all.Find(options => options.PageRanges is not null)?.PageRanges is { } ranges)
            yield return new(all.Count == 1 ? words["shop.pageRanges", ("pages", ranges.Replace(",", ", ", StringComparison.Ordinal))] : words["shop.somePages"], true);
        if (all.Max(options => options.Copies) is > 1 and var copies)
            yield return new(FormattableString.Invariant($"×{copies}"), true);
        foreach (var media in all.Select(options => options.Media).Distinct().Where(media => media != Media.A4))
            yield return new(words[$"common.media.{WireNames.Of(media)}"], true);
        foreach (var numberUp in all.Select(options => options.NumberUp).OfType<int>().Distinct())
            yield return new(words["common.perSheet", ("count", numberUp)], true);
    }

    // What somebody has to see to comes first, then what is still to come.
    private static PrintSummary? PrintOf(List<ListedPrint>? prints, int files, Words words)
    {
        if (prints is null)
            return null;
        if (prints.Find(IsInTrouble) is { } trouble)
            return new(Describe(trouble), IsTrouble: true, IsDone: false);
        if ((prints.Find(print => print.State == PrintState.Printing) ?? prints.Find(print => print.State == PrintState.Sent)) is { } busy)
            return new(Describe(busy), IsTrouble: false, IsDone: false);
        if (prints.Count < files)
            return new(words["shop.print.some", ("printed", prints.Count), ("files", files)], IsTrouble: false, IsDone: false);
        return new(Describe(prints.Find(print => print.Grade == PrintGrade.HandedOver) ?? prints[0]), IsTrouble: false, IsDone: true);

        // A printer that only prints something else first is no trouble.
        bool IsInTrouble(ListedPrint print) => print.State is PrintState.Failed or PrintState.Unknown
            || (print.State != PrintState.Printed && words.PrinterTrouble(print.Reasons.Where(reason => reason != "busy")) is not null);

        string Describe(ListedPrint print) =>
            words.DescribePrint("shop", WireNames.Of(print.State), print.Grade is { } grade ? WireNames.Of(grade) : null, print.Reasons);
    }

    /// <summary>One thing that a customer wants; special if it is not what most want.</summary>
    public sealed record Chip(string Text, bool IsSpecial);

    /// <summary>What was paid, and whether that is all.</summary>
    public sealed record Payment(string Text, bool IsAll);

    /// <summary>What the printer says of a job's files together.</summary>
    public sealed record PrintSummary(string Text, bool IsTrouble, bool IsDone);
}
