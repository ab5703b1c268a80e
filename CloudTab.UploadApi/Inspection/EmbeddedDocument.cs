namespace CloudTab.UploadApi;

/// <summary>
/// Finds the beginning of a format that is written in printable characters, and so would pass for text where other bytes come before it:
/// PDF, RTF, PostScript, a job in a printer's own language. Its reader or the printer finds it all the same, and as text a printer prints
/// its source.
/// </summary>
internal static class EmbeddedDocument
{
    /// <summary>Bytes that suffice to see that one begins.</summary>
    public const int LongestOpening = 32;

    /// <summary>What makes a printer leave the job it is printing (UEL of PJL).</summary>
    public static ReadOnlySpan<byte> ExitLanguage => "\e%-12345X"u8;

    /// <summary>Whether one begins in these bytes.</summary>
    public static bool IsIn(ReadOnlySpan<byte> bytes) =>
        FindPdf(bytes) >= 0 || bytes.IndexOf("%!PS-Adobe-"u8) >= 0 || bytes.IndexOf(ExitLanguage) >= 0 || ContainsRtf(bytes);

    /// <summary>
    /// Where a PDF begins, or -1: `%PDF-` and a version end a line, and a comment or an object follows (ISO 32000-2, 7.5.2). A text about
    /// PDF may well name `%PDF-1.7`.
    /// </summary>
    public static int FindPdf(ReadOnlySpan<byte> bytes)
    {
        var opening = "%PDF-"u8;
        for (var at = 0; bytes[at..].IndexOf(opening) is >= 0 and var found; at++)
        {
            at += found;
            if (bytes[(at + opening.Length)..] is not [>= (byte)'0' and <= (byte)'9', (byte)'.', >= (byte)'0' and <= (byte)'9', .. var rest])
                continue;
            var body = rest.TrimStart(" \t\r\n"u8);
            if (body is [(byte)'%' or (>= (byte)'0' and <= (byte)'9'), ..] && rest[..^body.Length].ContainsAny("\r\n"u8))
                return at;
        }

        return -1;
    }

    /// <summary>Whether the first bytes, without blanks before them, are those of an RTF: ends of lines mean nothing in it.</summary>
    public static bool IsRtf(ReadOnlySpan<byte> bytes) => bytes is [(byte)'{', .. var rest] && rest.TrimStart(" \t\r\n"u8).StartsWith("\\rtf"u8);

    private static bool ContainsRtf(ReadOnlySpan<byte> bytes)
    {
        var opening = "{\\rtf"u8;
        for (var at = bytes.IndexOf(opening); at >= 0; at = bytes.IndexOf(opening))
        {
            bytes = bytes[(at + opening.Length)..];
            if (bytes.TrimStart("0123456789"u8) is [(byte)'\\' or (byte)'{' or (byte)' ' or (byte)'\r' or (byte)'\n', ..])
                return true;
        }

        return false;
    }
}
