using System.Buffers;
using System.IO.Compression;
using System.Xml;

namespace CloudTab.UploadApi;

/// <summary>
/// Tells which office document a ZIP archive is, by its entries: OOXML by the type of its main part (<see cref="PackageTypes"/>), ODT by
/// its `mimetype` entry (OpenDocument 1.3 part 2, 3.3). A document that has macros, contains a program or fetches one is a program itself, and
/// not accepted; nor is an archive that could not be unpacked on the shop's PC without harm.
/// </summary>
internal static class OfficeZip
{
    private const long LargestUnpacked = 200 << 20;

    // Types and relationships of a document with tens of thousands of hyperlinks.
    private const long LargestLists = 16 << 20;

    // What an OpenDocument text says, without its pictures.
    private const long LargestTexts = 64 << 20;
    private const int LargestMimeType = 256;

    private const string Macro = "macro";

    private static readonly Dictionary<string, string> MainParts = new(StringComparer.OrdinalIgnoreCase)
    {
        ["application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"] = MediaTypes.Docx,
        ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"] = MediaTypes.Xlsx,
        ["application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"] = MediaTypes.Pptx,
    };

    private static readonly SearchValues<string> MacroTypes = SearchValues.Create(["macroEnabled", "vbaProject", "vbaData", "macrosheet"], StringComparison.OrdinalIgnoreCase);

    // Fonts within a document: the first bytes of the former are mixed with a key, those of the latter are its size.
    private static readonly SearchValues<string> Fonts = SearchValues.Create([".odttf", ".fntdata"], StringComparison.Ordinal);

    /// <summary>The media type, or null if the archive is no such document. The stream limits how much is read.</summary>
    /// <exception cref="InvalidDataException">The archive is damaged, or larger inside than any document.</exception>
    public static async Task<string?> DetectAsync(Stream content, CancellationToken cancellationToken)
    {
        var directory = await ZipDirectory.FindAsync(content, cancellationToken);
        // ZipArchive reads the whole directory into memory, synchronously.
        if (content is ObjectStream stored)
            await stored.LoadAsync(directory, cancellationToken);
        await using var archive = await ZipArchive.CreateAsync(content, ZipArchiveMode.Read, leaveOpen: true, entryNameEncoding: null, cancellationToken);
        var entries = archive.Entries.ToLookup(entry => PackageTypes.NameOf(entry.FullName), StringComparer.OrdinalIgnoreCase);
        if (entries.Any(entry => IsHarmful(entry.Key)) || !FitsUnpacked(archive.Entries, LargestUnpacked))
            return null;
        var type = entries.Contains(PackageTypes.Entry)
            ? await OoxmlTypeAsync(entries, cancellationToken)
            : await OpenDocumentTypeAsync(entries, cancellationToken);
        return type is null || await HasProgramAsync(archive.Entries, cancellationToken) ? null : type;
    }

    private static async Task<string?> OoxmlTypeAsync(ILookup<string, ZipArchiveEntry> entries, CancellationToken cancellationToken)
    {
        var relationships = entries.Where(entry => PackageRelationships.IsList(entry.Key)).SelectMany(entry => entry).ToList();
        if (entries[PackageTypes.Entry].ToList() is not [var list] || !FitsUnpacked([list, .. relationships], LargestLists))
            return null;
        // Only the types of parts that exist count: a list of types alone would turn any archive into a document, or a document into a macro.
        string[] parts = [.. entries.Select(entry => entry.Key).Where(name => name != PackageTypes.Entry)];
        var kinds = await ReadXmlAsync(list, xml => PackageTypes.KindsAsync(xml, parts, KindOf), cancellationToken);
        if (kinds.Count != 1 || kinds.Contains(Macro))
            return null;
        foreach (var relationship in relationships)
        {
            if (await ReadXmlAsync(relationship, PackageRelationships.LeadToProgramAsync, cancellationToken))
                return null;
        }

        return kinds.Single();
    }

    /// <summary>The media type of a document whose main part has this type, or <see cref="Macro"/>.</summary>
    private static string? KindOf(string type) => type.AsSpan().ContainsAny(MacroTypes) ? Macro : MainParts.GetValueOrDefault(type);

    private static async Task<string?> OpenDocumentTypeAsync(ILookup<string, ZipArchiveEntry> entries, CancellationToken cancellationToken)
    {
        if (entries["mimetype"].ToList() is not [var mimeType])
            return null;
        var type = await ReadHeadAsync(mimeType, LargestMimeType, cancellationToken);
        if (!type.AsSpan().TrimEnd("\r\n"u8).SequenceEqual("application/vnd.oasis.opendocument.text"u8))
            return null;
        var parts = entries.Where(entry => OpenDocumentLinks.IsPart(entry.Key)).SelectMany(entry => entry).ToList();
        if (!FitsUnpacked(parts, LargestTexts))
            return null;
        foreach (var part in parts)
        {
            // Formulas of old versions have a DTD, which is skipped.
            if (await ReadXmlAsync(part, OpenDocumentLinks.LeadToProgramAsync, cancellationToken, DtdProcessing.Ignore))
                return null;
        }

        return MediaTypes.Odt;
    }

    /// <summary>Whether the name of an entry alone condemns the archive: macros, programs, places outside of the folder it is unpacked to.</summary>
    private static bool IsHarmful(string name) =>
        Programs.IsNamed(name)
        || name.EndsWith("vbaProject.bin", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("Basic/", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("Scripts/", StringComparison.OrdinalIgnoreCase)
        || name.Equals("META-INF/MANIFEST.MF", StringComparison.OrdinalIgnoreCase) // Java runs what it names
        || name.Contains(':', StringComparison.Ordinal)
        || name.Split('/').Contains("..", StringComparer.Ordinal);

    private static bool FitsUnpacked(IEnumerable<ZipArchiveEntry> entries, long largest)
    {
        var unpacked = 0L;
        foreach (var entry in entries)
        {
            if (entry.Length < 0 || entry.Length > largest - unpacked)
                return false;
            unpacked += entry.Length;
        }

        return true;
    }

    // Whatever an entry is called: who unpacks the document may call it otherwise.
    private static async Task<bool> HasProgramAsync(IEnumerable<ZipArchiveEntry> entries, CancellationToken cancellationToken)
    {
        var objects = new OfficeObjects();
        foreach (var entry in entries.Where(entry => entry.Length > 0))
        {
            var head = await ReadHeadAsync(entry, Programs.HeadSize, cancellationToken);
            var isProgram = Fonts.Contains(FileNames.EndingOf(entry.FullName)) ? Programs.IsBegunBy(head, entry.Length) : Programs.IsBegunBy(head);
            if (isProgram || OfficeObjects.IsBegunBy(head) && await HasProgramAsync(entry, objects, cancellationToken))
                return true;
        }

        return false;
    }

    private static async Task<bool> HasProgramAsync(ZipArchiveEntry entry, OfficeObjects objects, CancellationToken cancellationToken)
    {
        await using var unpacked = await entry.OpenAsync(cancellationToken);
        return await objects.HasProgramAsync(unpacked, cancellationToken);
    }

    // The archive may lie about an entry's size: what is unpacked counts.
    private static async Task<T> ReadXmlAsync<T>(
        ZipArchiveEntry entry, Func<PackageXml, Task<T>> read, CancellationToken cancellationToken, DtdProcessing dtd = DtdProcessing.Prohibit)
    {
        await using var unpacked = await entry.OpenAsync(cancellationToken);
        using var xml = new PackageXml(unpacked, entry.Length, dtd);
        return await read(xml);
    }

    private static async Task<byte[]> ReadHeadAsync(ZipArchiveEntry entry, int most, CancellationToken cancellationToken)
    {
        await using var unpacked = await entry.OpenAsync(cancellationToken);
        var head = new byte[most];
        return head[..await unpacked.ReadAtLeastAsync(head, most, throwOnEndOfStream: false, cancellationToken)];
    }
}
