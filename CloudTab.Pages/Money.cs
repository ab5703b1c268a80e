using System.Globalization;

namespace CloudTab.Pages;

/// <summary>Amounts as people read them, the same as the scripts' shared/format.ts writes.</summary>
public static class Money
{
    // ISO 4217: currencies whose smallest unit is not the hundredth.
    private static readonly string[] Whole = ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"];
    private static readonly string[] Thousandths = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

    /// <summary>An amount in the currency's smallest unit: `₹12.00`.</summary>
    public static string Format(long amount, string currency)
    {
        var text = Number(amount, currency);
        return currency == "INR" ? $"₹{text}" : $"{currency} {text}";
    }

    /// <summary>An amount as a number with the currency's decimals: `12.00`.</summary>
    public static string Number(long amount, string currency)
    {
        var decimals = Whole.Contains(currency, StringComparer.Ordinal) ? 0 : Thousandths.Contains(currency, StringComparer.Ordinal) ? 3 : 2;
        return (amount / (decimal)Math.Pow(10, decimals)).ToString($"F{decimals}", CultureInfo.InvariantCulture);
    }
}
