using System.Globalization;

namespace CloudTab.Pages;

/// <summary>
/// Which form of a word goes with a number: `one`, `two`, `few`, `many`, or `other` if no rule holds. A language's rules are in the syntax of Unicode
/// (https://unicode.org/reports/tr35/tr35-numbers.html#Language_Plural_Rules), and can be copied from its list, without the samples. Browsers have
/// them as Intl.PluralRules; .NET has none.
/// </summary>
/// <param name="rules">Categories with their rules: `few`, `v = 0 and i % 10 = 2..4 and i % 100 != 12..14`.</param>
internal sealed class PluralRules(IEnumerable<(string Category, string Rule)> rules)
{
    // Alternatives of conditions that must all hold.
    private readonly (string Category, Condition[][] Rule)[] _rules =
        [.. rules.Select(rule => (rule.Category, rule.Rule.Split(" or ").Select(all => all.Split(" and ").Select(Condition.Parse).ToArray()).ToArray()))];

    /// <summary>The category of a whole number, 0 or more.</summary>
    public string CategoryOf(int number) =>
        _rules.FirstOrDefault(rule => rule.Rule.Any(all => all.All(condition => condition.Holds(number)))).Category ?? "other";

    /// <summary>`i % 10 = 2..4,7`, or `!=`.</summary>
    private sealed record Condition(bool IsOfFraction, int? Modulus, bool IsNegated, (int First, int Last)[] Ranges)
    {
        public static Condition Parse(string text)
        {
            var isNegated = text.Contains("!=", StringComparison.Ordinal);
            if (text.Split(isNegated ? "!=" : "=", StringSplitOptions.TrimEntries) is not [var left, var right] || left.Split('%', StringSplitOptions.TrimEntries) is not { Length: 1 or 2 } operands)
                throw new FormatException($"'{text}' is no condition of a plural rule.");
            // Of whole numbers n and i are the number itself; what is said of decimals (v, w, f, t) and of powers of ten (c, e) is 0.
            var isOfFraction = operands[0] switch
            {
                "n" or "i" => false,
                "v" or "w" or "f" or "t" or "c" or "e" => true,
                var operand => throw new FormatException($"'{operand}' is no operand of a plural rule."),
            };
            return new(isOfFraction, operands.Length == 2 ? Number(operands[1]) : null, isNegated, [.. right.Split(',').Select(Range)]);
        }

        public bool Holds(int number)
        {
            var value = IsOfFraction ? 0 : Modulus is { } modulus ? number % modulus : number;
            return Ranges.Any(range => value >= range.First && value <= range.Last) != IsNegated;
        }

        private static (int First, int Last) Range(string text) => text.Split("..") switch
        {
            [var first, var last] => (Number(first), Number(last)),
            _ => (Number(text), Number(text)),
        };

        private static int Number(string text) => int.Parse(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
    }
}
