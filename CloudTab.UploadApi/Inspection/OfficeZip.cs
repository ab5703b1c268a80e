using System.Buffers.Binary;
using System.IO.Compression;
using System.Xml;

namespace CloudTab.UploadApi;

/// <summary>
/// Tells which office document a ZIP archive is, by its entries: OOXML by the type of its main part (ECMA-376 part 2, 10.1.2), ODT by
/// its `mimetype` entry (OpenDocument 1.3 part 2, 3.3). A document with macros is a program, and not accepted.
/// </summary>
internal static class OfficeZip
{
    private const int LargestContentTypes = 1 << 20;
    private const int LargestMimeType = 256;

    // PKWARE's APPNOTE, 4.3.16: the record at the end tells where the directory begins. A comment of up to 65,535 bytes may follow it.
    private const int EndRecordSize = 22;
    private const int LongestComment = ushort.MaxValue;
    private const int LargestDirectory = 2 << 20;

    private static readonly Dictionary<string, string> MainParts = new(StringComparer.OrdinalIgnoreCase)
    {
        ["application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"] = MediaTypes.Docx,
        ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"] = MediaTypes.Xlsx,
        ["application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"] = MediaTypes.Pptx,
    };

    /// <summary>The media type, or null if the archive is no such document. The stream limits how much is read.</summary>
    /// <exception cref="InvalidDataException">The archive is damaged, or larger inside than any document.</exception>
    public static async Task<string?> DetectAsync(ObjectStream content, CancellationToken cancellationToken)
    {
        // ZipArchive reads the whole directory into memory, synchronously.
        await content.LoadAsync(await FindDirectoryAsync(content, cancellationToken), cancellationToken);
        await using var archive = await ZipArchive.CreateAsync(content, ZipArchiveMode.Read, leaveOpen: true, entryNameEncoding: null, cancellationToken);
        if (archive.Entries.Any(IsMacro))
            return null;
        if (archive.GetEntry("[Content_Types].xml") is { } contentTypes)
            return MainPartOf(await ReadAsync(contentTypes, LargestContentTypes, cancellationToken), archive);
        if (archive.GetEntry("mimetype") is not { } mimeType)
            return null;
        var type = await ReadAsync(mimeType, LargestMimeType, cancellationToken);
        return type.AsSpan().TrimEnd("\r\n"u8).SequenceEqual("application/vnd.oasis.opendocument.text"u8) ? MediaTypes.Odt : null;
    }

    private static async Task<long> FindDirectoryAsync(ObjectStream content, CancellationToken cancellationToken)
    {
        var tail = new byte[Math.Min(content.Length, EndRecordSize + LongestComment)];
        content.Position = content.Length - tail.Length;
        await content.ReadExactlyAsync(tail, cancellationToken);
        var record = tail.AsSpan().LastIndexOf("PK\x05\x06"u8);
        if (record < 0 || record + EndRecordSize > tail.Length)
            throw new InvalidDataException("The archive has no end record.");
        var directory = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(record + 16));
        return content.Length - directory is >= EndRecordSize and <= LargestDirectory
            ? directory
            : throw new InvalidDataException("The directory is larger than that of any document.");
    }

    private static bool IsMacro(ZipArchiveEntry entry) =>
        entry.Name.Equals("vbaProject.bin", StringComparison.OrdinalIgnoreCase)
        || entry.FullName.StartsWith("Basic/", StringComparison.OrdinalIgnoreCase)
        || entry.FullName.StartsWith("Scripts/", StringComparison.OrdinalIgnoreCase);

    private static string? MainPartOf(byte[] contentTypes, ZipArchive archive)
    {
        string? found = null;
        using var xml = XmlReader.Create(new MemoryStream(contentTypes), new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
        while (xml.Read())
        {
            if (xml.NodeType != XmlNodeType.Element || xml.GetAttribute("ContentType") is not { } type)
                continue;
            if (type.Contains("macroEnabled", StringComparison.OrdinalIgnoreCase) || type.Contains("vbaProject", StringComparison.OrdinalIgnoreCase))
                return null;
            // The part must exist: a list of types alone would turn any archive into a document.
            if (xml.LocalName == "Override" && MainParts.TryGetValue(type, out var document) && Holds(archive, xml.GetAttribute("PartName")))
                found = document;
        }

        return found;
    }

    private static bool Holds(ZipArchive archive, string? part) => part is not null && archive.GetEntry(part.TrimStart('/')) is not null;

    // The archive may lie about an entry's size: what is unpacked counts.
    private static async Task<byte[]> ReadAsync(ZipArchiveEntry entry, int largest, CancellationToken cancellationToken)
    {
        await using var unpacked = await entry.OpenAsync(cancellationToken);
        var bytes = new byte[Math.Min(Math.Max(entry.Length, 0), largest) + 1];
        var length = await unpacked.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        return length < bytes.Length ? bytes[..length] : throw new InvalidDataException("The entry is larger than it says, or than that of any document.");
    }
}
