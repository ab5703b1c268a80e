using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CloudTab.Pages;
using CloudTab.Testing;

namespace CloudTab.Services.Tests;

/// <summary>Every language says the same things.</summary>
public sealed partial class WordsTests
{
    private const string Plural = "plural.";

    public static TheoryData<string> Others => [.. Words.All.Select(words => words.Language).Where(language => language != "en")];

    private static Words English => Words.All.Single(words => words.Language == "en");

    [Theory]
    [MemberData(nameof(Others))]
    public void A_language_has_the_keys_and_the_placeholders_of_English(string language)
    {
        var words = Words.All.Single(one => one.Language == language);

        Assert.Equal(KeysOf(words), KeysFor(words));
        Assert.All(words.Texts.Where(text => !text.Key.StartsWith(Plural, StringComparison.Ordinal)), text =>
            Assert.Equal(PlaceholdersIn(English.Find(text.Key) ?? English[OtherOf(text.Key)]), PlaceholdersIn(text.Value)));
        Assert.DoesNotContain(words.Texts.Values, string.IsNullOrWhiteSpace);
    }

    /// <summary>Rules as Unicode has them (CLDR 46), and numbers with the words that go with them.</summary>
    public static TheoryData<string, string, string> Plurals => new()
    {
        { "en", """{"one":"i = 1 and v = 0"}""", "0 other, 1 one, 2 other, 11 other, 101 other" },
        { "hi", """{"one":"i = 0 or n = 1"}""", "0 one, 1 one, 2 other, 10 other" },
        {
            "pl",
            """{"one":"i = 1 and v = 0","few":"v = 0 and i % 10 = 2..4 and i % 100 != 12..14","many":"v = 0 and i != 1 and i % 10 = 0..1 or v = 0 and i % 10 = 5..9 or v = 0 and i % 100 = 12..14"}""",
            "0 many, 1 one, 2 few, 4 few, 5 many, 12 many, 21 many, 22 few, 112 many, 122 few"
        },
        {
            "ru",
            """{"one":"v = 0 and i % 10 = 1 and i % 100 != 11","few":"v = 0 and i % 10 = 2..4 and i % 100 != 12..14","many":"v = 0 and i % 10 = 0 or v = 0 and i % 10 = 5..9 or v = 0 and i % 100 = 11..14"}""",
            "0 many, 1 one, 2 few, 5 many, 11 many, 21 one, 23 few, 111 many"
        },
        {
            "ar", """{"zero":"n = 0","one":"n = 1","two":"n = 2","few":"n % 100 = 3..10","many":"n % 100 = 11..99"}""", "0 zero, 1 one, 2 two, 3 few, 10 few, 11 many, 99 many, 100 other, 102 other, 103 few"
        },
        { "ja", "{}", "0 other, 1 other, 2 other" },
    };

    [Theory]
    [MemberData(nameof(Plurals))]
    public async Task A_number_takes_the_words_that_its_language_has_for_it_on_the_server_and_in_the_browser(string language, string rules, string expected)
    {
        var texts = JsonSerializer.Deserialize<Dictionary<string, string>>(rules)!.ToDictionary(rule => $"plural.{rule.Key}", rule => rule.Value, StringComparer.Ordinal);
        foreach (var category in (string[])["zero", "one", "two", "few", "many", "other"])
            texts[$"files.{category}"] = $"{{count}} {category}";
        var numbers = expected.Split(", ").Select(one => int.Parse(one.Split(' ')[0], CultureInfo.InvariantCulture)).ToArray();
        var json = JsonSerializer.SerializeToUtf8Bytes(texts);
        var words = new Words(language, json);

        Assert.Equal(expected, string.Join(", ", numbers.Select(number => words.Count("files", number))));
        var all = Enumerable.Range(0, 400);
        var page = $$"""globalThis.document = { getElementById: () => ({ textContent: {{JsonSerializer.Serialize(Encoding.UTF8.GetString(json))}} }), documentElement: { lang: '{{language}}' } }""";
        var shown = await Scripts.RunAsync("shared/words.ts", "({ count }) => Array.from({ length: 400 }, (_, number) => count('files', number))", page);
        Assert.Equal(all.Select(number => words.Count("files", number)), shown.EnumerateArray().Select(text => text.GetString()));
    }

    [Fact]
    public void A_language_needs_only_the_forms_that_it_has()
    {
        var words = new Words("pl", """{"plural.few":"i = 2..4","files.other":"{count} plików"}"""u8.ToArray());

        Assert.Equal("3 plików", words.Count("files", 3));
    }

    [Theory]
    [InlineData("i is 1")]
    [InlineData("x = 1")]
    [InlineData("i = one")]
    public void A_rule_that_nobody_can_read_is_no_rule(string rule)
    {
        Assert.Throws<FormatException>(() => new Words("pl", JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string>(StringComparer.Ordinal) { ["plural.one"] = rule })));
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

    /// <summary>All but its rules, which are its own.</summary>
    private static IEnumerable<string> KeysOf(Words words) => words.Texts.Keys.Where(key => !key.StartsWith(Plural, StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    /// <summary>What a language must have: the keys of English, and of what is counted the forms that its own rules name.</summary>
    private static IEnumerable<string> KeysFor(Words words)
    {
        string[] forms = [.. words.Texts.Keys.Where(key => key.StartsWith(Plural, StringComparison.Ordinal)).Select(key => key[Plural.Length..]), "other"];
        return KeysOf(English).SelectMany(key => !IsCounted(key) ? [key] : key.EndsWith(".other", StringComparison.Ordinal) ? forms.Select(form => key[..^"other".Length] + form) : [])
            .Order(StringComparer.Ordinal);
    }

    private static bool IsCounted(string key) => key[(key.LastIndexOf('.') + 1)..] is "one" or "other" && English.Find(OtherOf(key)) is not null;

    private static string OtherOf(string key) => $"{key[..(key.LastIndexOf('.') + 1)]}other";

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
