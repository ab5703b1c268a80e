namespace CloudTab.Client;

/// <summary>What a shop prints, and for how much.</summary>
/// <param name="Currency">Three letters of ISO 4217.</param>
/// <param name="TwoSided">Whether it prints on both sides.</param>
/// <param name="Prices">What it prints on which paper. If there are none it prints everything, for prices that it tells at the counter.</param>
/// <param name="UpiAddress">Where a customer in India can pay to, such as `shop@bank`; null: not by UPI.</param>
public sealed record Offer(string Currency, bool TwoSided, IReadOnlyList<OfferedPrice> Prices, string? UpiAddress = null);

/// <summary>What a page costs, printed like this.</summary>
/// <param name="Media">One of <see cref="MediaNames"/>.</param>
/// <param name="ColorMode">One of <see cref="ColorModes"/>.</param>
/// <param name="Price">In the smallest unit of the currency (paise, cents) for each side that is printed, 1,000,000 at most; null: told at the counter.</param>
public sealed record OfferedPrice(string Media, string ColorMode, long? Price);

/// <summary>What a job costs.</summary>
/// <param name="Amount">In the smallest unit of the currency: the sum of what is known, null if nothing is.</param>
/// <param name="Currency">Three letters of ISO 4217.</param>
/// <param name="IsComplete">Whether that is all. Otherwise the shop tells the rest at the counter.</param>
public sealed record JobPrice(long? Amount, string Currency, bool IsComplete)
{
    /// <summary>Whether it is more than what was paid for the whole job once: files came in since, or are printed in another way.</summary>
    /// <param name="paid">The job's `PaidAmount`: in the smallest unit of the currency; null if the price was not known then, or nothing is paid.</param>
    public bool Exceeds(long? paid) => paid is { } amount && !(IsComplete && Amount <= amount);
}
