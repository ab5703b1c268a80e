using System.ComponentModel.DataAnnotations;

namespace CloudTab.Janitor;

/// <summary>How often the Janitor looks, how much it does at a time, and how long ended sessions are remembered.</summary>
internal sealed class JanitorOptions : IValidatableObject
{
    /// <summary>
    /// Milliseconds between the rounds of what is due by the clock: expiry, lapsed claims, removal, purge (JANITOR_INTERVAL, default 5,000).
    /// Files outlive their time by as much; too short only costs Postgres queries that find nothing.
    /// </summary>
    [ConfigurationKeyName("JANITOR_INTERVAL")]
    [Range(100, 3_600_000)]
    public int Interval { get; set; } = 5_000;

    /// <summary>
    /// Milliseconds between the rounds that list the bucket (JANITOR_LISTING_INTERVAL, default 600,000 = 10 min). Listing is what S3 bills; too long, and what a crash left behind stays longer.
    /// </summary>
    [ConfigurationKeyName("JANITOR_LISTING_INTERVAL")]
    [Range(100, 86_400_000)]
    public int ListingInterval { get; set; } = 600_000;

    /// <summary>
    /// Rows that one statement changes at most (JANITOR_BATCH_SIZE, default 500). Each holds its locks until the batch is done: too
    /// many, and customers wait; too few, and a backlog takes many round trips.
    /// </summary>
    [ConfigurationKeyName("JANITOR_BATCH_SIZE")]
    [Range(1, 10_000)]
    public int BatchSize { get; set; } = 500;

    /// <summary>
    /// Milliseconds that one batch may take (JANITOR_BATCH_TIMEOUT, default 60,000). Shorter than S3 needs to delete 1,000 objects,
    /// and nothing is ever finished.
    /// </summary>
    [ConfigurationKeyName("JANITOR_BATCH_TIMEOUT")]
    [Range(1_000, 3_600_000)]
    public int BatchTimeout { get; set; } = 60_000;

    /// <summary>
    /// Batches in one round at most (JANITOR_BATCHES, default 100): the next round through a large bucket continues where this one
    /// stopped.
    /// </summary>
    [ConfigurationKeyName("JANITOR_BATCHES")]
    [Range(1, 100_000)]
    public int Batches { get; set; } = 100;

    /// <summary>
    /// Milliseconds that an ended session is kept, without its files (PURGE_AFTER, default 86,400,000 = 24 h). Until then its
    /// customer and its shop are told how it ended; afterwards nobody ever knew it.
    /// </summary>
    [ConfigurationKeyName("PURGE_AFTER")]
    [Range(60_000, 2_592_000_000)]
    public long PurgeAfter { get; set; } = 86_400_000;

    /// <summary>
    /// Milliseconds that a receipt is kept (RECEIPT_LIFETIME, default 7,776,000,000 = 90 days; no less than PURGE_AFTER). It holds no
    /// name, but sizes, times and hashes of files. Customers who have copied theirs can check it for ever.
    /// </summary>
    [ConfigurationKeyName("RECEIPT_LIFETIME")]
    [Range(60_000, 315_360_000_000)]
    public long ReceiptLifetime { get; set; } = 7_776_000_000;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ReceiptLifetime < PurgeAfter)
            yield return new("RECEIPT_LIFETIME is less than PURGE_AFTER: sessions would refer to receipts that are gone");
    }
}
