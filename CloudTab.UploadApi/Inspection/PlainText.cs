using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace CloudTab.UploadApi;

/// <summary>
/// Tells whether a file is text for a printer, from its first byte to its last: in any encoding that contains ASCII, or in UTF-16 with a
/// byte order mark; with no control characters but those that terminals, old printers and encodings have a use for; not markup or a script,
/// by how it begins; and without a document of another format in it.
/// </summary>
internal sealed class PlainText
{
    private const int OpeningSize = 32;

    private const byte EndOfFile = 0x1A;

    // C0 without bell, backspace, the blanks from tab to carriage return, shift out and in, and escape: logs of terminals and ISO-2022 have
    // these. Programs, archives and pictures contain one of the others sooner or later.
    private static readonly byte[] Controls = [.. Enumerable.Range(0, 32).Where(code => code is not (>= 7 and <= 15 or 27)).Select(code => (byte)code)];
    private static readonly SearchValues<byte> ControlBytes = SearchValues.Create(Controls);
    private static readonly SearchValues<char> ControlUnits = SearchValues.Create([.. Controls.Select(code => (char)code)]);
    private static readonly SearchValues<char> SwappedControlUnits = SearchValues.Create([.. Controls.Select(code => (char)(code << 8))]);

    // By what they are. The customer's page has the same list, so that it refuses them before a byte is sent.
    private static readonly Dictionary<string, ActiveTexts> Active = ReadActive();

    // What browsers, shells and printers take for a page or a program; "<" before a letter, "!", "?" or "/" is markup of any kind.
    private static readonly string[] ActiveOpenings = [.. Active.Values.SelectMany(texts => texts.Openings)];

    // No signature tells these apart from a letter: here, and only here, the name is believed.
    private static readonly SearchValues<string> ActiveEndings = SearchValues.Create([.. Active.Values.SelectMany(texts => texts.Endings)], StringComparison.Ordinal);

    private readonly Encoding _encoding;
    private readonly EmbeddedDocument _embedded = new();
    private readonly char[] _opening = new char[OpeningSize];
    private int _openingLength;
    private int _markLeft;
    private byte? _half;
    private bool _ended;

    /// <param name="head">The first bytes of the file. They have to be added as well.</param>
    public PlainText(ReadOnlySpan<byte> head)
    {
        (_encoding, _markLeft) = head switch
        {
            [0xFF, 0xFE, ..] => (Encoding.Utf16LittleEndian, 2),
            [0xFE, 0xFF, ..] => (Encoding.Utf16BigEndian, 2),
            _ when head.StartsWith(Utf8Mark) => (Encoding.ContainsAscii, Utf8Mark.Length),
            _ => (Encoding.ContainsAscii, 0),
        };
    }

    private enum Encoding
    {
        ContainsAscii,
        Utf16LittleEndian,
        Utf16BigEndian,
    }

    /// <summary>The byte order mark of UTF-8.</summary>
    public static ReadOnlySpan<byte> Utf8Mark => [0xEF, 0xBB, 0xBF];

    /// <summary>Whether all that has been added is text.</summary>
    public bool IsText { get; private set; } = true;

    /// <summary>Whether a name says that its text is a page, a script or a link.</summary>
    public static bool IsActive(string name) => ActiveEndings.Contains(FileNames.EndingOf(name));

    /// <summary>Looks at the next bytes.</summary>
    /// <returns>Whether the file is text so far.</returns>
    public bool Add(ReadOnlySpan<byte> bytes)
    {
        IsText = IsText && !_embedded.BeginsIn(bytes);
        var mark = Math.Min(_markLeft, bytes.Length);
        _markLeft -= mark;
        bytes = bytes[mark..];
        IsText = IsText && (_encoding == Encoding.ContainsAscii ? AddBytes(bytes) : AddUnits(bytes));
        return IsText;
    }

    private static Dictionary<string, ActiveTexts> ReadActive()
    {
        using var json = typeof(PlainText).Assembly.GetManifestResourceStream("ActiveTexts.json")!;
        return JsonSerializer.Deserialize<Dictionary<string, ActiveTexts>>(json, JsonSerializerOptions.Web)!;
    }

    private bool AddBytes(ReadOnlySpan<byte> bytes)
    {
        // DOS ended files with ^Z, and some programs still do.
        if (!HasOnlyTextUpToEnd(bytes, bytes.IndexOfAny(ControlBytes), EndOfFile))
            return false;
        for (var i = 0; i < bytes.Length && _openingLength < OpeningSize; i++)
            AddToOpening((char)bytes[i]);
        return !IsActiveOpening();
    }

    private bool AddUnits(ReadOnlySpan<byte> bytes)
    {
        // A read may end in the middle of a code unit.
        if (_half is { } first && bytes.Length > 0)
        {
            _half = null;
            if (!AddWholeUnits([first, bytes[0]]))
                return false;
            bytes = bytes[1..];
        }

        if (bytes.Length % 2 == 1)
        {
            _half = bytes[^1];
            bytes = bytes[..^1];
        }

        return AddWholeUnits(bytes);
    }

    private bool AddWholeUnits(ReadOnlySpan<byte> bytes)
    {
        var swapped = _encoding == Encoding.Utf16BigEndian;
        var units = MemoryMarshal.Cast<byte, char>(bytes);
        // Windows writes the U+0000 at the end of a string into some files, BitLocker's recovery key among them.
        if (!HasOnlyTextUpToEnd(units, units.IndexOfAny(swapped ? SwappedControlUnits : ControlUnits), '\0'))
            return false;
        for (var i = 0; i < units.Length && _openingLength < OpeningSize; i++)
            AddToOpening(swapped ? (char)System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(units[i]) : units[i]);
        return !IsActiveOpening();
    }

    /// <summary>Whether the only control character, if there is any, ends the file.</summary>
    private bool HasOnlyTextUpToEnd<T>(ReadOnlySpan<T> characters, int control, T end)
        where T : IEquatable<T>
    {
        if (_ended)
            return characters.IsEmpty;
        _ended = control >= 0 && control == characters.Length - 1 && characters[control].Equals(end);
        return control < 0 || _ended;
    }

    private void AddToOpening(char character)
    {
        // Nothing that is invisible hides how a file begins.
        if (_openingLength > 0 || character > ' ')
            _opening[_openingLength++] = char.ToLowerInvariant(character);
    }

    private bool IsActiveOpening()
    {
        ReadOnlySpan<char> opening = _opening.AsSpan(0, _openingLength);
        if (opening is ['<', (>= 'a' and <= 'z') or '!' or '?' or '/', ..])
            return true;
        foreach (var active in ActiveOpenings)
        {
            if (opening.StartsWith(active, StringComparison.Ordinal))
                return true;
        }

        return false;
    }
}

/// <summary>Texts of one kind that a program runs or opens as something else.</summary>
/// <param name="Endings">Of names, with their dots.</param>
/// <param name="Openings">How such a text begins.</param>
internal sealed record ActiveTexts(string[] Endings, string[] Openings);
