using System.Text.Json;
using System.Text.RegularExpressions;
using CloudTab.Pages;
using CloudTab.Testing;

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

    [Fact]
    public void Every_problem_that_the_customers_API_answers_with_has_words()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Repository.PathOf("docs/openapi/customer.json")));

        var codes = CodesIn(document.RootElement).ToHashSet(StringComparer.Ordinal);

        Assert.Superset(new HashSet<string>(["upload_gone", "shop_closed", "unavailable"], StringComparer.Ordinal), codes);
        Assert.All(Words.All, words => Assert.DoesNotContain(codes, code => words.Find($"common.error.{code}") is null));
    }

    [Theory]
    [InlineData(0, "0 kB")]
    [InlineData(1, "1 kB")]
    [InlineData(1_535, "1 kB")]
    [InlineData(1_536, "2 kB")]
    [InlineData((1 << 20) - 1, "1024 kB")]
    [InlineData(1 << 20, "1 MB")]
    [InlineData(1_572_864, "1.5 MB")]
    [InlineData(52_428_800, "50 MB")]
    [InlineData((1L << 30) - 1, "1024 MB")]
    [InlineData(1L << 30, "1 GB")]
    [InlineData(107_374_182_400, "100 GB")]
    public void Sizes_are_shown_in_the_units_that_people_know(long bytes, string text)
    {
        Assert.Equal(text, English.Size(bytes));
    }

    private static IEnumerable<string> CodesIn(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(
            member => member is { Name: "code", Value.ValueKind: JsonValueKind.String } ? [member.Value.GetString()!] : CodesIn(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(CodesIn),
        _ => [],
    };

    private static IEnumerable<string> PlaceholdersIn(string text) => Placeholder().Matches(text).Select(match => match.Value).Order(StringComparer.Ordinal);

    [GeneratedRegex(@"\{\w+\}", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Placeholder();
}
