namespace CloudTab.UploadApi;

/// <summary>
/// The media types of the parts of an OOXML package, as its `[Content_Types].xml` lists them (ISO/IEC 29500-2, 6.2.3 and 7.2.3): by the
/// name of the part, else by its ending. Names are compared without regard to case (6.2.2.3).
/// </summary>
internal static class PackageTypes
{
    /// <summary>The entry that lists the types.</summary>
    public const string Entry = "[Content_Types].xml";

    /// <summary>
    /// What kinds of parts a package has. A list can be long: each line of it is looked at once, and nothing is kept of those that concern no part.
    /// </summary>
    /// <param name="xml">The list.</param>
    /// <param name="parts">Names of the parts that there are, as <see cref="NameOf"/> has them.</param>
    /// <param name="kindOf">The kind of a type, one of few; null if a part of that type says nothing.</param>
    public static async Task<IReadOnlySet<string>> KindsAsync(PackageXml xml, IReadOnlyCollection<string> parts, Func<string, string?> kindOf)
    {
        var names = parts.ToHashSet(StringComparer.OrdinalIgnoreCase);
        var endings = parts.Select(EndingOf).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var overridden = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var kinds = new HashSet<string>(StringComparer.Ordinal);
        var defaults = new HashSet<(string Ending, string Kind)>();
        while (await xml.ReadAsync())
        {
            if (xml.Attribute("ContentType")?.Trim() is not { } type)
                continue;
            if (xml.LocalName == "Override" && xml.Attribute("PartName") is { } part && names.Contains(NameOf(part)))
            {
                overridden.Add(NameOf(part));
                if (kindOf(type) is { } kind)
                    kinds.Add(kind);
            }
            else if (xml.LocalName == "Default" && xml.Attribute("Extension") is { } ending && endings.Contains(ending) && kindOf(type) is { } kind)
            {
                defaults.Add((ending.ToUpperInvariant(), kind));
            }
        }

        var used = names.Where(part => !overridden.Contains(part)).Select(part => EndingOf(part).ToUpperInvariant()).ToHashSet(StringComparer.Ordinal);
        kinds.UnionWith(defaults.Where(listed => used.Contains(listed.Ending)).Select(listed => listed.Kind));
        return kinds;
    }

    /// <summary>A part's name as it is compared: some programs write backslashes, or leave out the slash at the beginning.</summary>
    public static string NameOf(string part) => part.Replace('\\', '/').TrimStart('/');

    private static string EndingOf(string part) => Path.GetExtension(part).TrimStart('.');
}
