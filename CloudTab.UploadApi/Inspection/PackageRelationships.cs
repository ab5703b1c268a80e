namespace CloudTab.UploadApi;

/// <summary>
/// What the parts of an OOXML package refer to (ISO/IEC 29500-2, 6.5). Hyperlinks and linked pictures may lead anywhere. A template, an object
/// or a page that Office fetches from another machine by itself, when somebody opens the document, may be a program.
/// </summary>
internal static class PackageRelationships
{
    // The last segment of a relationship's type: what comes before it differs between the two dialects of OOXML.
    private static readonly HashSet<string> Fetched = new(StringComparer.OrdinalIgnoreCase) { "attachedTemplate", "oleObject", "frame", "subDocument", "aFChunk" };

    private static readonly HashSet<string> Macros = new(StringComparer.OrdinalIgnoreCase) { "vbaProject", "wordVbaData", "xlMacrosheet", "xlIntlMacrosheet" };

    /// <summary>Whether an entry lists relationships.</summary>
    public static bool IsList(string entry) => entry.EndsWith(".rels", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether one of them leads to a macro, or has a program fetched from another machine.</summary>
    public static async Task<bool> LeadToProgramAsync(PackageXml xml)
    {
        while (await xml.ReadAsync())
        {
            if (xml.Attribute("Type") is not { } type)
                continue;
            var kind = type[(type.LastIndexOf('/') + 1)..].Trim();
            if (Macros.Contains(kind) || Fetched.Contains(kind) && IsRemote(xml.Attribute("Target") ?? ""))
                return true;
        }

        return false;
    }

    /// <summary>Whether an address leads to another machine: `http://…`, `\\server\…`, `file://server/…`, but not `file:///C:\…`, `C:\…`, `a.dotx`.</summary>
    public static bool IsRemote(string target)
    {
        var address = Uri.UnescapeDataString(target).Trim().Replace('\\', '/');
        if (address.StartsWith("file:", StringComparison.OrdinalIgnoreCase))
            address = address["file:".Length..] is ['/', '/', '/', not '/', ..] onThisMachine ? onThisMachine[3..] : address["file:".Length..];
        var scheme = address.AsSpan().IndexOf(':');
        return address.StartsWith("//", StringComparison.Ordinal) || scheme > 1 && !address.AsSpan(0, scheme).Contains('/');
    }
}
