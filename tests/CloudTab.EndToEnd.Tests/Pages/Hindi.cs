using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>What a page says in Hindi.</summary>
internal static partial class Hindi
{
    // What is read, and what screen readers say instead of it. Data of the shop and of its customers is Hindi in these tests, or one of the words below.
    private const string Texts = """
        () => [
          document.title,
          document.body.innerText,
          ...[...document.querySelectorAll('[aria-label], [title], [placeholder], [alt]')].flatMap((one) => ['aria-label', 'title', 'placeholder', 'alt'].map((name) => one.getAttribute(name) ?? '')),
        ].join('\n')
        """;

    /// <summary>Asserts that a page has no English word, also none that only a screen reader says.</summary>
    public static async Task AssertAsync(IPage page, string state)
    {
        Assert.Equal("hi", await page.Locator("html").GetAttributeAsync("lang"));
        var english = English().Matches(await page.EvaluateAsync<string>(Texts)).Select(match => match.Value).Distinct(StringComparer.Ordinal);
        Assert.True(!english.Any(), $"{state}: {string.Join(", ", english)}");
    }

    // Units and parts of the day as CLDR writes them in Hindi, names of formats and standards, pickup codes, and what is called the same everywhere. An address is none of these words.
    [GeneratedRegex("(?<![A-Za-z0-9./_-])(?!(kB|MB|GB|am|pm|PDF|CSV|PNG|A4|A3|QR|UPI|PC|SHA|JSON|Web|Signature|ES256|UTC|INR|Corner|Print|English|pdf|png|http|ctk_\\w+|[A-Z2-9]{6})\\b)[A-Za-z]{2,}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex English();
}
