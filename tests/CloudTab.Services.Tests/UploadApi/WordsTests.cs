using System.Text.RegularExpressions;
using CloudTab.Pages;

namespace CloudTab.Services.Tests;

/// <summary>Every language says the same things.</summary>
public sealed partial class WordsTests
{
    public static TheoryData<string> Others => [.. Words.All.Select(words => words.Language).Where(language => language != "en")];

    private static Words English => Words.All.Single(words => words.Language == "en");

    [Theory]
    [MemberData(nameof(Others))]
    public void A_language_has_the_keys_and_the_placeholders_of_English(string language)
    {
        var words = Words.All.Single(one => one.Language == language);

        Assert.Equal(English.Texts.Keys.Order(StringComparer.Ordinal), words.Texts.Keys.Order(StringComparer.Ordinal));
        Assert.All(words.Texts, text => Assert.Equal(PlaceholdersIn(English[text.Key]), PlaceholdersIn(text.Value)));
        Assert.DoesNotContain(words.Texts.Values, string.IsNullOrWhiteSpace);
    }

    private static IEnumerable<string> PlaceholdersIn(string text) => Placeholder().Matches(text).Select(match => match.Value).Order(StringComparer.Ordinal);

    [GeneratedRegex(@"\{\w+\}", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Placeholder();
}
