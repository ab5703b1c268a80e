using System.Buffers;
using System.Buffers.Binary;

namespace CloudTab.UploadApi;

/// <summary>Tells programs by name and by their first bytes: no document contains one that a reader would need.</summary>
internal static class Programs
{
    /// <summary>Bytes that suffice to recognise one.</summary>
    public const int HeadSize = 64;

    // In a program of Windows, where the place of the part is said that this system starts.
    private const int PlaceOfStart = 0x3C;

    private static readonly SearchValues<string> Endings = SearchValues.Create(
        [
            ".exe", ".com", ".scr", ".pif", ".cpl", ".dll", ".ocx", ".sys", ".drv", ".xll", ".wll", ".msi", ".msp", ".mst", ".msix", ".appx", ".msc",
            ".bat", ".cmd", ".ps1", ".psm1", ".psd1", ".vbs", ".vbe", ".js", ".jse", ".mjs", ".cjs", ".wsf", ".wsh", ".wsc", ".sct", ".hta", ".chm",
            ".lnk", ".url", ".scf", ".reg", ".inf", ".application", ".gadget", ".settingcontent-ms", ".library-ms", ".search-ms", ".appref-ms",
            ".jar", ".class", ".jnlp", ".dex", ".apk", ".sh", ".bash", ".command", ".desktop", ".so", ".dylib", ".elf", ".appimage", ".deb", ".rpm",
            ".py", ".pyc", ".pyw", ".pl", ".rb", ".php", ".lua", ".scpt", ".applescript", ".iso", ".img", ".vhd", ".vhdx",
        ],
        StringComparison.Ordinal);

    /// <summary>Whether a file of this name is, or starts, a program.</summary>
    public static bool IsNamed(string name) => Endings.Contains(FileNames.EndingOf(name));

    /// <summary>Whether a file begins like a program.</summary>
    public static bool IsBegunBy(ReadOnlySpan<byte> head) =>
        IsBegunByNoText(head) || head is [(byte)'M', (byte)'Z', ..] or [(byte)'#', (byte)'!', ..] or [(byte)'d', (byte)'e', (byte)'x', (byte)'\n', ..];

    /// <summary>
    /// Whether a file begins like a program, and like no text: a program of Linux or macOS, a class of Java (which begins like one of macOS) or a
    /// packed one, a link or a help file of Windows.
    /// </summary>
    public static bool IsBegunByNoText(ReadOnlySpan<byte> head) => head is
        [0x7F, (byte)'E', (byte)'L', (byte)'F', ..]
        or [0xCA, 0xFE, 0xBA, 0xBE, ..] or [0xCA, 0xFE, 0xD0, 0x0D, ..]
        or [0xFE, 0xED, 0xFA, 0xCE or 0xCF, ..] or [0xCE or 0xCF, 0xFA, 0xED, 0xFE, ..]
        or [0x4C, 0, 0, 0, 0x01, 0x14, 0x02, 0, ..]
        or [(byte)'I', (byte)'T', (byte)'S', (byte)'F', 3, 0, ..];

    /// <summary>
    /// Whether a file begins like a program though two bytes of it prove nothing: some of its kind begin with any bytes, and one in
    /// 32,768 of these with `MZ` or `#!`.
    /// </summary>
    /// <param name="size">Of the whole file.</param>
    public static bool IsBegunBy(ReadOnlySpan<byte> head, long size) =>
        IsBegunBy(head) && head switch
        {
            [(byte)'M', (byte)'Z', ..] => head.Length >= PlaceOfStart + sizeof(uint) && BinaryPrimitives.ReadUInt32LittleEndian(head[PlaceOfStart..]) < size,
            [(byte)'#', (byte)'!', .. var interpreter] => interpreter.TrimStart(" \t"u8) is [(byte)'/', ..],
            _ => true,
        };
}
