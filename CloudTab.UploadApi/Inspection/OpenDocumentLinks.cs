namespace CloudTab.UploadApi;

/// <summary>
/// What an OpenDocument text refers to (OpenDocument 1.3 part 3, 19.918). Hyperlinks and linked pictures may lead anywhere. A template, an
/// object, a frame or a section that is fetched from another machine when somebody opens the document may be a program.
/// </summary>
internal static class OpenDocumentLinks
{
    private const string XLink = "http://www.w3.org/1999/xlink";

    private static readonly HashSet<string> Fetched = new(StringComparer.Ordinal)
    {
        "template", "object", "object-ole", "floating-frame", "plugin", "applet", "section-source", "table-source",
    };

    /// <summary>Whether an entry holds such references: those of the document, or of an object in it.</summary>
    public static bool IsPart(string entry) => entry[(entry.LastIndexOf('/') + 1)..].ToLowerInvariant() is "content.xml" or "styles.xml" or "meta.xml";

    /// <summary>Whether one of them has something fetched from another machine.</summary>
    public static async Task<bool> LeadToProgramAsync(PackageXml xml)
    {
        while (await xml.ReadAsync())
        {
            if (Fetched.Contains(xml.LocalName) && PackageRelationships.IsRemote(xml.Attribute("href", XLink) ?? ""))
                return true;
        }

        return false;
    }
}
