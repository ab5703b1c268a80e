using System.Xml;

namespace CloudTab.UploadApi;

/// <summary>
/// The media types of the parts of an OOXML package, as its `[Content_Types].xml` lists them (ISO/IEC 29500-2, 6.2.3 and 7.2.3): by the
/// name of the part, else by its ending. Names are compared without regard to case (6.2.2.3).
/// </summary>
internal sealed class PackageTypes
{
    /// <summary>The entry that lists the types.</summary>
    public const string Entry = "[Content_Types].xml";

    private readonly ILookup<string, string> _overrides;
    private readonly ILookup<string, string> _defaults;

    private PackageTypes(List<(string Key, string Type)> overrides, List<(string Key, string Type)> defaults)
    {
        _overrides = overrides.ToLookup(listed => listed.Key, listed => listed.Type, StringComparer.OrdinalIgnoreCase);
        _defaults = defaults.ToLookup(listed => listed.Key, listed => listed.Type, StringComparer.OrdinalIgnoreCase);
    }

    public static async Task<PackageTypes> ReadAsync(XmlReader xml)
    {
        List<(string Key, string Type)> overrides = [];
        List<(string Key, string Type)> defaults = [];
        while (await xml.ReadAsync())
        {
            if (xml.NodeType != XmlNodeType.Element || xml.GetAttribute("ContentType")?.Trim() is not { } type)
                continue;
            if (xml.LocalName == "Override" && xml.GetAttribute("PartName") is { } part)
                overrides.Add((NameOf(part), type));
            else if (xml.LocalName == "Default" && xml.GetAttribute("Extension") is { } ending)
                defaults.Add((ending, type));
        }

        return new(overrides, defaults);
    }

    /// <summary>A part's name as it is compared: some programs write backslashes, or leave out the slash at the beginning.</summary>
    public static string NameOf(string part) => part.Replace('\\', '/').TrimStart('/');

    /// <summary>The types of parts, each of which has one unless the list contradicts itself. A list can be long: each line of it is looked at once.</summary>
    public IReadOnlySet<string> Of(IReadOnlyCollection<string> parts)
    {
        var named = parts.Where(_overrides.Contains).SelectMany(part => _overrides[part]);
        var endings = parts.Where(part => !_overrides.Contains(part)).Select(part => Path.GetExtension(part).TrimStart('.')).Distinct(StringComparer.OrdinalIgnoreCase);
        return named.Concat(endings.SelectMany(ending => _defaults[ending])).ToHashSet(StringComparer.OrdinalIgnoreCase);
    }
}
