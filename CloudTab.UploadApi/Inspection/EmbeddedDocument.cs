namespace CloudTab.UploadApi;

/// <summary>
/// Finds, in bytes as they pass, the beginning of a format that is written in printable characters, and so would pass for text where other
/// bytes come before it: PDF, RTF, PostScript, a job in a printer's own language. Its reader or the printer finds it all the same, and as
/// text a printer prints its source.
/// </summary>
internal sealed class EmbeddedDocument
{
    // Bytes that suffice to see that one begins. Only the blanks between a PDF's version and its first object can be more.
    private const int LongestOpening = 32;
    private const int PdfVersionSize = 8;
    private const int MostDigits = 20;

    // A document may begin in one read and go on in the next.
    private readonly byte[] _seam = new byte[2 * LongestOpening];
    private int _seamLength;

    // The last bytes were a PDF's version and blanks, perhaps with an end of a line among them.
    private bool _isBehindVersion;
    private bool _hasLineEnded;

    /// <summary>What makes a printer leave the job it is printing (UEL of PJL).</summary>
    public static ReadOnlySpan<byte> ExitLanguage => "\e%-12345X"u8;

    private static ReadOnlySpan<byte> Blanks => " \t\r\n"u8;

    private static ReadOnlySpan<byte> LineEnds => "\r\n"u8;

    private static ReadOnlySpan<byte> PdfOpening => "%PDF-"u8;

    /// <summary>Looks at the next bytes.</summary>
    /// <returns>Whether a document begins in them.</returns>
    public bool BeginsIn(ReadOnlySpan<byte> bytes)
    {
        if (_isBehindVersion)
        {
            var body = bytes.TrimStart(Blanks);
            _hasLineEnded |= bytes[..^body.Length].ContainsAny(LineEnds);
            if (body.IsEmpty)
                return false;
            if (_hasLineEnded && IsPdfBody(body))
                return true;
        }

        var first = bytes[..Math.Min(bytes.Length, LongestOpening)];
        first.CopyTo(_seam.AsSpan(_seamLength));
        ReadOnlySpan<byte> seam = _seam.AsSpan(0, _seamLength + first.Length);
        if (IsIn(seam) || IsIn(bytes))
            return true;
        var last = bytes.Length < LongestOpening ? seam : bytes;
        var version = bytes.TrimEnd(Blanks);
        _hasLineEnded = bytes[version.Length..].ContainsAny(LineEnds);
        _isBehindVersion = EndsInVersion(version.Length < LongestOpening ? seam[..(_seamLength + version.Length)] : version);
        last = last[Math.Max(0, last.Length - LongestOpening)..];
        last.CopyTo(_seam);
        _seamLength = last.Length;
        return false;
    }

    /// <summary>
    /// Where a PDF begins, or -1: `%PDF-` and a version end a line, and a comment or an object follows (ISO 32000-2, 7.5.2). A text about
    /// PDF may well name `%PDF-1.7`.
    /// </summary>
    public static int FindPdf(ReadOnlySpan<byte> bytes)
    {
        for (var at = 0; bytes[at..].IndexOf(PdfOpening) is >= 0 and var found; at++)
        {
            at += found;
            if (!IsPdfVersion(bytes[at..]))
                continue;
            var rest = bytes[(at + PdfVersionSize)..];
            var body = rest.TrimStart(Blanks);
            if (IsPdfBody(body) && rest[..^body.Length].ContainsAny(LineEnds))
                return at;
        }

        return -1;
    }

    /// <summary>Whether the first bytes, without blanks before them, are those of an RTF: ends of lines mean nothing in it.</summary>
    public static bool IsRtf(ReadOnlySpan<byte> bytes) => bytes is [(byte)'{', .. var rest] && rest.TrimStart(Blanks).StartsWith("\\rtf"u8);

    private static bool IsIn(ReadOnlySpan<byte> bytes) =>
        FindPdf(bytes) >= 0 || bytes.IndexOf("%!PS-Adobe-"u8) >= 0 || bytes.IndexOf(ExitLanguage) >= 0 || ContainsRtf(bytes);

    private static bool EndsInVersion(ReadOnlySpan<byte> bytes) => bytes.Length >= PdfVersionSize && IsPdfVersion(bytes[^PdfVersionSize..]);

    private static bool IsPdfVersion(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith(PdfOpening) && bytes[PdfOpening.Length..] is [>= (byte)'0' and <= (byte)'9', (byte)'.', >= (byte)'0' and <= (byte)'9', ..];

    // A comment or the number of an object.
    private static bool IsPdfBody(ReadOnlySpan<byte> bytes) => bytes is [(byte)'%' or (>= (byte)'0' and <= (byte)'9'), ..];

    private static bool ContainsRtf(ReadOnlySpan<byte> bytes)
    {
        var opening = "{\\rtf"u8;
        for (var at = bytes.IndexOf(opening); at >= 0; at = bytes.IndexOf(opening))
        {
            bytes = bytes[(at + opening.Length)..];
            var rest = bytes.TrimStart("0123456789"u8);
            // No text has so many digits there. Without a limit, they could hide in the seam what follows.
            if (bytes.Length - rest.Length > MostDigits || rest is [(byte)'\\' or (byte)'{' or (byte)' ' or (byte)'\r' or (byte)'\n', ..])
                return true;
        }

        return false;
    }
}
