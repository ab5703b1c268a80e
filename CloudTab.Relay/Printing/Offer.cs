using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace CloudTab.Relay;

/// <summary>What a shop prints, and for how much.</summary>
/// <param name="Currency">Three letters of ISO 4217.</param>
/// <param name="TwoSided">Whether it prints on both sides.</param>
/// <param name="Prices">What it prints on which paper. If there are none it prints everything, for prices that it tells at the counter.</param>
/// <param name="UpiAddress">Where a customer in India can pay to, such as `shop@bank`; null: not by UPI.</param>
public sealed partial record Offer(
    [property: JsonRequired] string Currency,
    [property: JsonRequired] bool TwoSided,
    [property: JsonRequired] IReadOnlyList<OfferedPrice> Prices,
    string? UpiAddress)
{
    /// <summary>Most minor units of a currency that a page may cost.</summary>
    public const long HighestPrice = 1_000_000;

    // What is printed if the customer does not say: the nearest to the usual that the shop has.
    internal PrintOptions PrintOptions => Prices.Count == 0 || Find(PrintOptions.Default) is not null
        ? PrintOptions.Default
        : PrintOptions.Default with { Media = Prices[0].Media, ColorMode = Prices[0].ColorMode };

    /// <summary>What the shop does not print of these options, or null.</summary>
    public InvalidPrintOption? FaultOf(PrintOptions options)
    {
        if (options.Sides != Sides.OneSided && !TwoSided)
            return new("sides", "must be one-sided: this shop does not print on both sides");
        if (Prices.Count == 0 || Find(options) is not null)
            return null;
        var media = WireNames.Of(options.Media);
        return Prices.Any(price => price.Media == options.Media)
            ? new("colorMode", $"cannot be {WireNames.Of(options.ColorMode)}: this shop does not print so on {media}")
            : new("media", $"cannot be {media}: this shop does not print on it");
    }

    /// <summary>What is wrong with the offer itself, or null.</summary>
    public string? WhyInvalid()
    {
        if (!CurrencyCode.IsMatch(Currency ?? ""))
            return "currency must be three letters of ISO 4217, such as INR.";
        if (Prices is null || Prices.Any(price => price is null))
            return "prices must be a list of {media, colorMode, price}.";
        if (Prices.Any(price => price.Price is < 0 or > HighestPrice))
            return $"price must be a whole number from 0 to {HighestPrice}, or null.";
        if (Prices.DistinctBy(price => (price.Media, price.ColorMode)).Count() < Prices.Count)
            return "prices must name each media with each colorMode once.";
        if (UpiAddress is not null && !Upi.IsMatch(UpiAddress))
            return "upiAddress must be an address of UPI, such as shop@bank, or null.";
        return UpiAddress is not null && Currency != "INR" ? "upiAddress must be null: UPI pays in INR only." : null;
    }

    /// <summary>The offer with another price for one kind of page, or without that kind.</summary>
    public Offer With(Media media, ColorMode colorMode, OfferedPrice? price) => this with
    {
        Prices = [.. Prices.Where(other => (other.Media, other.ColorMode) != (media, colorMode)).Concat(price is null ? [] : [price]).OrderBy(other => (other.Media, other.ColorMode))],
    };

    /// <summary>The offer as it is stored.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, PrintingContext.Default.Offer);

    private OfferedPrice? Find(PrintOptions options) =>
        Prices.FirstOrDefault(price => price.Media == options.Media && price.ColorMode == options.ColorMode);

    [GeneratedRegex("^[A-Z]{3}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex CurrencyCode { get; }

    // NPCI's UPI Linking Specification: a virtual payment address, of at most 255 characters. It becomes a part of a link.
    [GeneratedRegex("^[A-Za-z0-9._-]{1,190}@[A-Za-z][A-Za-z0-9]{1,63}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex Upi { get; }
}

/// <summary>What a page costs, printed like this.</summary>
/// <param name="Price">In the smallest unit of the currency (paise, cents), for each side that is printed; null: told at the counter.</param>
public sealed record OfferedPrice([property: JsonRequired] Media Media, [property: JsonRequired] ColorMode ColorMode, [property: JsonRequired] long? Price);
