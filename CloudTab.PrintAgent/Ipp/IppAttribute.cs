namespace CloudTab.PrintAgent;

/// <summary>A named attribute: a value, or an ordered set of them.</summary>
internal sealed record IppAttribute(string Name, params IReadOnlyList<IppValue> Values)
{
    public int? Integer => Values[0].AsInteger;

    public bool? Boolean => Values[0].AsBoolean;

    public string? Text => Values[0].AsText;

    /// <summary>The characters of all values that have some.</summary>
    public IEnumerable<string> Texts => Values.Select(value => value.AsText).OfType<string>();

    public static IppAttribute Keyword(string name, string value) => new(name, IppValue.Characters(IppTag.Keyword, value));
}
