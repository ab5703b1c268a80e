namespace CloudTab.Relay;

/// <summary>What a job comes to: the files that its session holds, or held when it ended.</summary>
public static class JobTotals
{
    /// <summary>
    /// Columns of a statement that reads <see cref="From"/>, in this order: pages, uncounted files, amount, currency, whether that is all, when
    /// it was paid, and how much that was.
    /// </summary>
    public const string Columns = """
        totals.pages AS Pages, totals.uncounted_files AS UncountedFiles, totals.amount AS Amount, totals.currency AS Currency,
        totals.is_complete AS IsPriceComplete, sessions.paid_at AS PaidAt, sessions.paid_amount AS PaidAmount
        """;

    /// <summary>
    /// Goes on after `FROM sessions`. Needs the parameter ofShop: a shop sees nothing of a session that was not submitted. What a file
    /// was to cost in a currency that the shop has no more is told at the counter.
    /// </summary>
    public const string From = """
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(files.printed_pages), 0)::bigint AS pages, (count(files.id) FILTER (WHERE files.printed_pages IS NULL))::int AS uncounted_files,
                   (sum(files.price) FILTER (WHERE files.currency = shops.offer ->> 'currency'))::bigint AS amount,
                   min(shops.offer ->> 'currency') AS currency,
                   count(files.id) > 0 AND count(files.price) FILTER (WHERE files.currency = shops.offer ->> 'currency') = count(files.id) AS is_complete
            FROM shops LEFT JOIN files ON files.session = sessions.id AND files.stored_at IS NOT NULL AND files.left_at IS NULL
                AND (files.status = 'stored' OR sessions.ended_at IS NOT NULL) AND (sessions.submitted_at IS NOT NULL OR NOT @ofShop)
            WHERE shops.id = sessions.shop_id
        ) AS totals
        """;
}

/// <summary>What a job costs.</summary>
/// <param name="Amount">In the smallest unit of the currency (paise, cents): the sum of what is known, null if nothing is.</param>
/// <param name="Currency">Three letters of ISO 4217.</param>
/// <param name="IsComplete">Whether that is all. Otherwise the shop tells the rest at the counter.</param>
public sealed record JobPrice(long? Amount, string Currency, bool IsComplete)
{
    /// <summary>Whether it is more than what was paid for the whole job once: files came in since, or are printed in another way.</summary>
    /// <param name="paid">In the smallest unit of the currency; null if the price was not known then, or nothing is paid.</param>
    public bool Exceeds(long? paid) => paid is { } amount && !(IsComplete && Amount <= amount);

    /// <summary>What there is left to pay; null if the shop tells it at the counter.</summary>
    public long? RestAfter(long paid) => IsComplete ? Amount - paid : null;
}
