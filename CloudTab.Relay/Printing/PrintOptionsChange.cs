using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace CloudTab.Relay;

/// <summary>
/// What a customer wants different from the print options that hold otherwise: a JSON merge patch (RFC 7396), as it was sent. A member that
/// is null takes its default.
/// </summary>
[JsonConverter(typeof(PrintOptionsChangeConverter))]
public sealed class PrintOptionsChange
{
    /// <summary>The name under which options are sent.</summary>
    public const string Name = "printOptions";

    /// <summary>The members that print options have.</summary>
    public static readonly IReadOnlyList<string> Members = ["copies", "colorMode", "sides", "pageRanges", "media", "scaling", "numberUp"];

    private readonly JsonElement _json;

    private PrintOptionsChange(JsonElement json) => _json = json;

    /// <summary>The change that a text holds; what is no JSON is refused when it is applied.</summary>
    public static PrintOptionsChange Parse(string json)
    {
        try
        {
            return new(JsonElement.Parse(json));
        }
        catch (JsonException)
        {
            return new(default);
        }
    }

    /// <summary>The change that the fields of a form make, one for each member.</summary>
    /// <param name="isWhole">Whether empty fields take their defaults; otherwise they are left out.</param>
    /// <returns>Null if there are none and they need not be there.</returns>
    public static PrintOptionsChange? FromFields(IReadOnlyDictionary<string, string> fields, bool isWhole = false)
    {
        var change = new JsonObject();
        foreach (var member in Members)
        {
            if (!fields.TryGetValue(member, out var text))
                continue;
            if (string.IsNullOrWhiteSpace(text))
            {
                if (isWhole)
                    change[member] = null;
                continue;
            }

            change[member] = member is "copies" or "numberUp" && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : text;
        }

        return change.Count == 0 && !isWhole ? null : new(JsonElement.Parse(change.ToJsonString()));
    }

    /// <summary>Makes the change.</summary>
    /// <param name="current">The options that hold otherwise.</param>
    /// <param name="offer">What the shop prints.</param>
    /// <returns>The options then, or what is wrong.</returns>
    public (PrintOptions? Options, InvalidPrintOption? Fault) Apply(PrintOptions current, Offer offer)
    {
        var (options, fault) = Apply(current);
        if (options is not null)
            fault = offer.FaultOf(options);
        return fault is null ? (options, null) : (null, fault);
    }

    /// <summary>Makes the change, whatever the shop prints.</summary>
    internal (PrintOptions? Options, InvalidPrintOption? Fault) Apply(PrintOptions options)
    {
        if (_json.ValueKind != JsonValueKind.Object)
            return (null, InvalidPrintOption.NoObject);
        try
        {
            foreach (var member in _json.EnumerateObject())
            {
                var (changed, fault) = Apply(options, member);
                if (changed is null)
                    return (null, fault);
                options = changed;
            }

            return (options, null);
        }
        catch (InvalidOperationException)
        {
            // A name or a value holds half a surrogate pair, and cannot be made a text.
            return (null, InvalidPrintOption.NoObject);
        }
    }

    private static (PrintOptions? Options, InvalidPrintOption? Fault) Apply(PrintOptions options, JsonProperty member)
    {
        var value = member.Value;
        if (member.NameEquals("copies"u8))
        {
            var copies = value.ValueKind == JsonValueKind.Null ? PrintOptions.Default.Copies
                : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : 0;
            return copies is >= 1 and <= PrintOptions.MostCopies ? (options with { Copies = copies }, null) : (null, InvalidPrintOption.Copies);
        }

        if (member.NameEquals("numberUp"u8))
        {
            var pages = value.ValueKind == JsonValueKind.Null ? 1 : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : 0;
            return pages is 1 or 2 or 4 ? (options with { NumberUp = pages == 1 ? null : pages }, null) : (null, InvalidPrintOption.NumberUp);
        }

        if (member.NameEquals("pageRanges"u8))
        {
            if (value.ValueKind == JsonValueKind.Null)
                return (options with { PageRanges = null }, null);
            return TextOf(value) is { } text && PageRanges.Parse(text) is { } ranges
                ? (options with { PageRanges = ranges.ToString() }, null)
                : (null, InvalidPrintOption.PageRanges);
        }

        if (member.NameEquals("colorMode"u8))
            return Choose<ColorMode>("colorMode", value, PrintOptions.Default.ColorMode, mode => options with { ColorMode = mode });
        if (member.NameEquals("sides"u8))
            return Choose<Sides>("sides", value, PrintOptions.Default.Sides, sides => options with { Sides = sides });
        if (member.NameEquals("media"u8))
            return Choose<Media>("media", value, PrintOptions.Default.Media, media => options with { Media = media });
        return member.NameEquals("scaling"u8)
            ? Choose<Scaling>("scaling", value, PrintOptions.Default.Scaling, scaling => options with { Scaling = scaling })
            : (null, InvalidPrintOption.Unknown);
    }

    private static (PrintOptions? Options, InvalidPrintOption? Fault) Choose<T>(string member, JsonElement value, T byDefault, Func<T, PrintOptions> change)
        where T : struct, Enum
    {
        if (value.ValueKind == JsonValueKind.Null)
            return (change(byDefault), null);
        return TextOf(value) is { } name && WireNames.Find<T>(name) is { } chosen
            ? (change(chosen), null)
            : (null, new(member, $"must be one of {string.Join(", ", WireNames.Of<T>())}"));
    }

    private static string? TextOf(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    internal static PrintOptionsChange Read(ref Utf8JsonReader reader) => new(JsonElement.ParseValue(ref reader));

    internal void Write(Utf8JsonWriter writer) => _json.WriteTo(writer);
}

/// <summary>Reads a change as it was sent, whatever it is: what is wrong with it is told when it is applied.</summary>
public sealed class PrintOptionsChangeConverter : JsonConverter<PrintOptionsChange>
{
    /// <inheritdoc/>
    public override PrintOptionsChange Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => PrintOptionsChange.Read(ref reader);

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, PrintOptionsChange value, JsonSerializerOptions options) => value.Write(writer);
}

/// <summary>A print option that cannot be what it was said to be.</summary>
/// <param name="Member">Its name.</param>
/// <param name="Rule">What goes on after the name: what it must be.</param>
public sealed record InvalidPrintOption(string Member, string Rule)
{
    internal static readonly InvalidPrintOption NoObject = new(PrintOptionsChange.Name, "must be a JSON object");
    public static readonly InvalidPrintOption Copies = new("copies", $"must be a whole number from 1 to {PrintOptions.MostCopies}");
    internal static readonly InvalidPrintOption NumberUp = new("numberUp", "must be 1, 2 or 4");
    internal static readonly InvalidPrintOption PageRanges = new("pageRanges", "must be pages such as 1-3,5, or null for all");
    internal static readonly InvalidPrintOption Unknown = new(PrintOptionsChange.Name, $"may have {string.Join(", ", PrintOptionsChange.Members)}, and nothing else");

    /// <summary>A sentence for the customer.</summary>
    public override string ToString() => $"{Member} {Rule}.";
}
