using System.ComponentModel.DataAnnotations;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>What customers may upload, and how much in a time. All limits are inclusive.</summary>
internal sealed class UploadOptions : LimitOptions
{
    /// <summary>
    /// Bytes in all files of all shops together from which on none takes more (MAX_STORED_SIZE, default 1,099,511,627,776 = 1 TiB). It is
    /// a high-water mark: requests that have begun finish beyond it, it is looked at every 5 s (with many shops less often, once a minute
    /// at least), and what comes by form is recorded every third of UPLOAD_LEASE. Set it below the space that the
    /// store has by what may come in both together.
    /// </summary>
    [ConfigurationKeyName("MAX_STORED_SIZE")]
    [Range(1, 1L << 60)]
    public long MaxStoredSize { get; set; } = 1L << 40;

    /// <summary>
    /// Media types that are accepted (ACCEPTED_TYPES, comma-separated, e.g. `application/pdf,image/jpeg`; default all that
    /// CloudTab can tell: <see cref="MediaTypes.Endings"/>).
    /// </summary>
    [ConfigurationKeyName("ACCEPTED_TYPES")]
    public string? AcceptedTypes { get; set; }

    /// <summary>
    /// Sessions that one client address may create in a minute (RATE_LIMIT_SESSIONS_PER_MINUTE, default 120; in Development no
    /// limit unless set). Too small shuts out a shop whose customers share its Wi-Fi.
    /// </summary>
    [ConfigurationKeyName("RATE_LIMIT_SESSIONS_PER_MINUTE")]
    [Range(1, 1_000_000)]
    public int? SessionsPerMinute { get; set; }

    /// <summary>
    /// Sessions that all clients of one shop may create in a minute (RATE_LIMIT_SHOP_SESSIONS_PER_MINUTE, default 1,200; in Development no
    /// limit unless set). Too small turns customers away; too large, and those of one shop slow down all others.
    /// </summary>
    [ConfigurationKeyName("RATE_LIMIT_SHOP_SESSIONS_PER_MINUTE")]
    [Range(1, 1_000_000)]
    public int? SessionsOfShopPerMinute { get; set; }

    /// <summary>
    /// Bytes that all clients of one shop may send in a minute (RATE_LIMIT_SHOP_BYTES_PER_MINUTE, default 17,179,869,184 = 16 GiB; in
    /// Development no limit unless set). Too small turns customers away; too large, and those of one shop slow down all others.
    /// </summary>
    [ConfigurationKeyName("RATE_LIMIT_SHOP_BYTES_PER_MINUTE")]
    [Range(1, 1L << 50)]
    public long? BytesOfShopPerMinute { get; set; }

    /// <summary>
    /// Bytes that one client address may send in a minute (RATE_LIMIT_BYTES_PER_MINUTE, default 4,294,967,296 = 4 GiB; in Development
    /// no limit unless set). Too small shuts out a shop whose customers share its Wi-Fi.
    /// </summary>
    [ConfigurationKeyName("RATE_LIMIT_BYTES_PER_MINUTE")]
    [Range(1, 1L << 40)]
    public long? BytesPerMinute { get; set; }

    /// <summary>
    /// Milliseconds for which a client may send nothing in the middle of an upload (UPLOAD_SILENCE, default 60,000). Too small cuts
    /// off phones that change their network; too large keeps the sessions of phones alive that are gone.
    /// </summary>
    [ConfigurationKeyName("UPLOAD_SILENCE")]
    [Range(1_000, 3_600_000)]
    public long Silence { get; set; } = 60_000;

    /// <summary>The media types of ACCEPTED_TYPES, or all that are known.</summary>
    public IReadOnlySet<string> Accepted => string.IsNullOrWhiteSpace(AcceptedTypes)
        ? MediaTypes.Endings.Keys.ToHashSet(StringComparer.Ordinal)
        : AcceptedTypes.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(type => type.ToLowerInvariant())
            .ToHashSet(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var fault in base.Validate(validationContext))
            yield return fault;
        foreach (var type in Accepted.Except(MediaTypes.Endings.Keys, StringComparer.Ordinal))
            yield return new($"ACCEPTED_TYPES: '{type}' is none of {string.Join(", ", MediaTypes.Endings.Keys.Order(StringComparer.Ordinal))}");
        if (Accepted.Count == 0)
            yield return new("ACCEPTED_TYPES names no type");
    }
}
