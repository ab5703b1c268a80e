using System.CommandLine;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using CloudTab.Relay;

namespace CloudTab.Migrator;

/// <summary>The verbs for what a shop prints, and for how much.</summary>
internal static class OfferVerbs
{
    /// <summary>`shop offer`: lists an offer, or sets what is in it besides prices.</summary>
    public static Command Offer(Offers offers, Argument<string> shop)
    {
        var currency = new Option<string?>("--currency") { Description = "Three letters of ISO 4217, e.g. INR" };
        var twoSided = new Option<bool?>("--two-sided") { Description = "Whether the shop prints on both sides: true or false" };
        var offer = new Command("offer", "Lists what a shop prints and for how much, or sets its currency and sides") { shop, currency, twoSided };
        offer.SetAction((given, cancellationToken) => Verbs.ExplainedAsync(async () =>
        {
            var (code, both) = (given.GetValue(currency), given.GetValue(twoSided));
            if (code is not null || both is not null)
            {
                await ChangeAsync(offers, given.GetRequiredValue(shop), before => before with { Currency = code ?? before.Currency, TwoSided = both ?? before.TwoSided }, cancellationToken);
                return;
            }

            var found = await offers.FindAsync(given.GetRequiredValue(shop), cancellationToken) ?? throw NoShop(given.GetRequiredValue(shop));
            Console.WriteLine($"currency\t{found.Currency}");
            Console.WriteLine($"two-sided\t{(found.TwoSided ? "true" : "false")}");
            Console.WriteLine($"upi\t{found.UpiAddress ?? "none"}");
            foreach (var (media, colorMode, price) in found.Prices)
                Console.WriteLine($"{WireNames.Of(media)}\t{WireNames.Of(colorMode)}\t{price?.ToString(CultureInfo.InvariantCulture) ?? "none"}");
        }));
        return offer;
    }

    /// <summary>`shop price`: sets one price.</summary>
    public static Command Price(Offers offers, Argument<string> shop)
    {
        var media = new Argument<string>("media") { Description = "The paper" };
        media.AcceptOnlyFromAmong([.. WireNames.Of<Media>()]);
        var colorMode = new Argument<string>("colorMode") { Description = "How it is printed on" };
        colorMode.AcceptOnlyFromAmong([.. WireNames.Of<ColorMode>()]);
        var price = new Argument<string>("price")
        {
            Description = "For a page, in the smallest unit of the currency (paise, cents); `none`: told at the counter; `remove`: not offered",
        };
        var command = new Command("price", "Sets what a page costs. A shop without any prints everything, for prices that it tells at the counter")
        {
            shop, media, colorMode, price,
        };
        command.SetAction((given, cancellationToken) => Verbs.ExplainedAsync(() =>
        {
            var (paper, mode) = (WireNames.Find<Media>(given.GetRequiredValue(media))!.Value, WireNames.Find<ColorMode>(given.GetRequiredValue(colorMode))!.Value);
            var text = given.GetRequiredValue(price);
            var listed = text == "remove" ? null : new OfferedPrice(paper, mode, ReadPrice(text));
            return ChangeAsync(offers, given.GetRequiredValue(shop), before => before.With(paper, mode, listed), cancellationToken);
        }));
        return command;
    }

    /// <summary>`shop upi`: sets where customers can pay to.</summary>
    public static Command Upi(Offers offers, Argument<string> shop)
    {
        var address = new Argument<string>("address") { Description = "An address of UPI such as shop@bank, or `none`" };
        var upi = new Command("upi", "Sets where customers in India can pay to") { shop, address };
        upi.SetAction((given, cancellationToken) => Verbs.ExplainedAsync(() =>
        {
            var to = given.GetRequiredValue(address) is var text && text == "none" ? null : text;
            return ChangeAsync(offers, given.GetRequiredValue(shop), before => before with { UpiAddress = to }, cancellationToken);
        }));
        return upi;
    }

    private static async Task ChangeAsync(Offers offers, string shop, Func<Offer, Offer> change, CancellationToken cancellationToken)
    {
        var changed = await offers.ChangeAsync(
            shop,
            before =>
            {
                var after = change(before);
                return after.WhyInvalid() is { } reason ? throw new ValidationException(reason) : after;
            },
            cancellationToken);
        if (changed is null)
            throw NoShop(shop);
    }

    private static long? ReadPrice(string text) => text switch
    {
        "none" => null,
        _ when long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var price) => price,
        _ => throw new ValidationException("The price is a whole number, `none` or `remove`"),
    };

    private static ValidationException NoShop(string shop) => new($"There is no shop '{shop}'");
}
