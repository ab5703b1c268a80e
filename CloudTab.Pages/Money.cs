using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;

namespace CloudTab.Pages;

/// <summary>Amounts as people read them, the same as the scripts' shared/money.ts writes.</summary>
public static class Money
{
    // ISO 4217: of the currencies whose smallest unit is not the hundredth. The scripts read the same file: what browsers know (CLDR) is how many
    // decimals people write, 0 for PKR and HUF for example.
    private static readonly FrozenDictionary<string, int> Exceptions =
        JsonSerializer.Deserialize<Dictionary<string, int>>(BuiltAssets.Read("decimals.json"))!.ToFrozenDictionary(StringComparer.Ordinal);

    // Lakhs and crores.
    private static readonly NumberFormatInfo Indian = new() { NumberGroupSizes = [3, 2] };

    // Those that mean one currency, or nearly always.
    private static readonly Dictionary<string, string> Symbols = new(StringComparer.Ordinal) { ["INR"] = "₹", ["USD"] = "$", ["EUR"] = "€", ["GBP"] = "£" };

    /// <summary>An amount in the currency's smallest unit: `₹1,25,000.00`, `$125,000.00`, `CHF 125,000.00`.</summary>
    public static string Format(long amount, string currency)
    {
        var text = Major(amount, currency).ToString($"N{Decimals(currency)}", currency == "INR" ? Indian : NumberFormatInfo.InvariantInfo);
        return Symbols.TryGetValue(currency, out var symbol) ? symbol + text : $"{currency} {text}";
    }

    /// <summary>An amount as a number for programs, with the currency's decimals: `125000.00`.</summary>
    public static string Number(long amount, string currency) =>
        Major(amount, currency).ToString($"F{Decimals(currency)}", CultureInfo.InvariantCulture);

    private static decimal Major(long amount, string currency) => amount / (decimal)Math.Pow(10, Decimals(currency));

    private static int Decimals(string currency) => Exceptions.GetValueOrDefault(currency, 2);
}
