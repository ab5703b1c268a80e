using System.Buffers;

namespace CloudTab.UploadApi;

/// <summary>Tells programs by name and by their first bytes: no document contains one that a reader would need.</summary>
internal static class Programs
{
    /// <summary>Bytes that suffice to recognise one.</summary>
    public const int HeadSize = 4;

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

    /// <summary>Whether a file begins like a program: of Windows, of Linux, of macOS, a class of Java (which begins like one of macOS), a script.</summary>
    public static bool IsBegunBy(ReadOnlySpan<byte> head) => head is
        [(byte)'M', (byte)'Z', ..]
        or [0x7F, (byte)'E', (byte)'L', (byte)'F', ..]
        or [0xCA, 0xFE, 0xBA, 0xBE, ..] or [0xCA, 0xFE, 0xD0, 0x0D, ..]
        or [0xFE, 0xED, 0xFA, 0xCE or 0xCF, ..] or [0xCE or 0xCF, 0xFA, 0xED, 0xFE, ..]
        or [(byte)'d', (byte)'e', (byte)'x', (byte)'\n', ..]
        or [(byte)'#', (byte)'!', ..];
}
