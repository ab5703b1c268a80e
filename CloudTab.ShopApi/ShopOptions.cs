using System.ComponentModel.DataAnnotations;

namespace CloudTab.ShopApi;

/// <summary>What the shopkeepers' API allows.</summary>
public sealed class ShopOptions
{
    /// <summary>
    /// Wrong keys that one client address may send in a minute (RATE_LIMIT_KEY_FAILURES_PER_MINUTE, default 30, in Development no
    /// limit). Too small, and one PC with an old key locks out the others behind the same address; too large, and an imported
    /// key that is short can be guessed.
    /// </summary>
    [ConfigurationKeyName("RATE_LIMIT_KEY_FAILURES_PER_MINUTE")]
    [Range(1, 1_000_000)]
    public int? KeyFailuresPerMinute { get; set; }
}
