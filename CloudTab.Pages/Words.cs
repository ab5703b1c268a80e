using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace CloudTab.Pages;

/// <summary>
/// What the pages say, in one language: `words/en.json` and its siblings, flat keys with texts that have {placeholders}. The language is
/// the query's `lang`, else the cookie's, else what the browser asks for, else English. Another language is one more file. Its `plural.one`,
/// `plural.few` and so on are the rules of its plurals, copied from Unicode (<see cref="PluralRules"/>).
/// </summary>
public sealed class Words
{
    private const string Default = "en";
    private const string Name = "lang";
    private const string Plural = "plural.";
    private static readonly TimeSpan Remembered = TimeSpan.FromDays(365);

    // Escapes < and >, as a script element needs, but not every letter of Hindi.
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.Create(UnicodeRanges.All) };

    private static readonly JsonSerializerOptions Strict = new() { AllowDuplicateProperties = false };

    private static readonly FrozenDictionary<string, Words> Languages = BuiltAssets.Names("words/")
        .Select(name => new Words(Path.GetFileNameWithoutExtension(name), BuiltAssets.Read(name)))
        .ToFrozenDictionary(words => words.Language, StringComparer.OrdinalIgnoreCase);

    private readonly FrozenDictionary<string, string> _texts;
    private readonly PluralRules _plurals;

    /// <param name="language">RFC 5646 tag.</param>
    /// <param name="json">The language's file.</param>
    internal Words(string language, byte[] json)
    {
        Language = language;
        _texts = JsonSerializer.Deserialize<Dictionary<string, string>>(json, Strict)!.ToFrozenDictionary(StringComparer.Ordinal);
        _plurals = new(_texts.Where(text => text.Key.StartsWith(Plural, StringComparison.Ordinal)).Select(text => (text.Key[Plural.Length..], text.Value)));
    }

    /// <summary>All languages, by their own names in order.</summary>
    public static IReadOnlyList<Words> All { get; } = [.. Languages.Values.OrderBy(words => words["language"], StringComparer.Ordinal)];

    /// <summary>RFC 5646 tag: `en`.</summary>
    public string Language { get; }

    /// <summary>Every key with its text.</summary>
    public IReadOnlyDictionary<string, string> Texts => _texts;

    /// <summary>The text of a key. One that is not there is a mistake of ours: it throws.</summary>
    public string this[string key] => _texts[key];

    /// <summary>The text with its {placeholders} filled in.</summary>
    public string this[string key, params (string Name, object Value)[] values]
    {
        get
        {
            var text = new StringBuilder(_texts[key]);
            foreach (var (name, value) in values)
                text.Replace($"{{{name}}}", Convert.ToString(value, CultureInfo.InvariantCulture));
            return text.ToString();
        }
    }

    /// <summary>The text for a number, whose {count} it is: of `key.one`, `key.few` or whatever its category is; `key.other` if that is not there.</summary>
    public string Count(string key, int count)
    {
        var own = $"{key}.{_plurals.CategoryOf(count)}";
        return this[_texts.ContainsKey(own) ? own : $"{key}.other", ("count", count)];
    }

    /// <summary>The text of a key that need not be there.</summary>
    public string? Find(string key) => _texts.GetValueOrDefault(key);

    /// <summary>What to tell a person of a failure. Of a field that is wrong the service tells more, in English.</summary>
    public string OfProblem(string code, string detail) =>
        Language == Default && code is ("invalid_request" or "invalid_print_options") ? detail : Find($"common.error.{code}") ?? detail;

    /// <summary>
    /// Bytes as people read them, in the units that phones and PCs show: `1.5 MB`, `873 kB`. An MB is 1,048,576 bytes: what any device calls
    /// 50 MB is within a limit of 50 MB. The same as the scripts' shared/format.ts writes.
    /// </summary>
    public string Size(long bytes)
    {
        var (unit, divisor) = bytes switch
        {
            < 1 << 20 => ("kB", 1 << 10),
            < 1 << 30 => ("MB", 1 << 20),
            _ => ("GB", 1 << 30),
        };
        var number = bytes / (decimal)divisor;
        // The scripts round as JavaScript does: halves up.
        var rounded = divisor > 1 << 10 && number < 10 ? Math.Round(number, 1, MidpointRounding.AwayFromZero) : Math.Round(number, MidpointRounding.AwayFromZero);
        return this[$"common.size.{unit}", ("number", (bytes == 0 ? 0 : Math.Max(rounded, 1)).ToString("0.#", CultureInfo.InvariantCulture))];
    }

    /// <summary>What was paid of a job that costs more by now: `Paid ₹6.00, ₹2.00 to pay`. The same as scripts/shop/format.ts says.</summary>
    /// <param name="rest">In the smallest unit of the currency, as `paid` is; null if the shop tells it at the counter.</param>
    public string PaidInPart(long paid, long? rest, string currency) => rest is { } due
        ? this["common.paid.part", ("paid", Money.Format(paid, currency)), ("rest", Money.Format(due, currency))]
        : this["common.paid.more", ("paid", Money.Format(paid, currency))];

    /// <summary>The texts whose keys begin with one of these and a dot, for a data block that script reads.</summary>
    public string ToJson(params string[] areas)
    {
        var texts = _texts.Where(text => areas.Any(area => text.Key.StartsWith($"{area}.", StringComparison.Ordinal)));
        return JsonSerializer.Serialize(texts.ToDictionary(StringComparer.Ordinal), Readable);
    }

    /// <summary>The language of a request. One that the query chooses is remembered in a cookie.</summary>
    public static Words Of(HttpContext context)
    {
        if (Languages.TryGetValue(context.Request.Query[Name].ToString(), out var chosen))
        {
            if (!context.Response.HasStarted)
            {
                context.Response.Cookies.Append(
                    Name, chosen.Language, new CookieOptions { HttpOnly = true, IsEssential = true, MaxAge = Remembered, SameSite = Microsoft.AspNetCore.Http.SameSiteMode.Lax, Secure = context.Request.IsHttps });
            }

            return chosen;
        }

        if (Languages.TryGetValue(context.Request.Cookies[Name] ?? "", out var remembered))
            return remembered;
        if (!StringWithQualityHeaderValue.TryParseList(context.Request.Headers.AcceptLanguage, out var asked))
            return Languages[Default];
        return asked.OrderByDescending(one => one.Quality ?? 1)
            .Select(one => Languages.GetValueOrDefault(one.Value.ToString().Split('-')[0])).FirstOrDefault(found => found is not null) ?? Languages[Default];
    }
}
