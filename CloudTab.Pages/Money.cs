using System.Globalization;

namespace CloudTab.Pages;

/// <summary>Amounts as people read them, the same as the scripts' shared/format.ts writes.</summary>
public static class Money
{
    // ISO 4217: currencies whose smallest unit is not the hundredth.
    private static readonly string[] Whole = ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"];
    private static readonly string[] Thousandths = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

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

    private static int Decimals(string currency) =>
        Whole.Contains(currency, StringComparer.Ordinal) ? 0 : Thousandths.Contains(currency, StringComparer.Ordinal) ? 3 : 2;
}
