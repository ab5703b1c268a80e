using System.Globalization;
using System.Text;

namespace CloudTab.UploadApi;

/// <summary>
/// The names in a Content-Disposition header (RFC 6266, RFC 7578), also if its client does not write them by the rules. The framework's
/// parser, like the rules, fails at a blank in a name without quotes or at a quote inside quotes; what browsers' servers accept is kept.
/// Therefore a value ends only where the next parameter or nothing follows: `filename="12" pizza.pdf"` is `12" pizza.pdf`.
/// </summary>
/// <param name="Name">The name of a form's field, or null.</param>
/// <param name="FileName">The name of a file, or null if the header describes none.</param>
internal sealed record ContentDisposition(string? Name, string? FileName)
{
    private const string Blanks = " \t";

    /// <summary>Reads a header.</summary>
    /// <returns>Null if it cannot be read.</returns>
    public static ContentDisposition? Read(string header)
    {
        header = header.TrimEnd(' ', '\t', ';');
        var at = SkipBlanks(header, SkipToken(header, 0));
        if (at < header.Length && header[at] != ';')
            return null;
        var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (at < header.Length)
        {
            at = SkipBlanks(header, at + 1);
            var nameEnd = SkipToken(header, at);
            var valueAt = SkipBlanks(header, nameEnd);
            if (nameEnd == at || valueAt == header.Length || header[valueAt] != '=')
                return null;
            var name = header[at..nameEnd];
            valueAt = SkipBlanks(header, valueAt + 1);
            var isQuoted = valueAt < header.Length && header[valueAt] == '"';
            var valueEnd = isQuoted ? EndOfQuoted(header, ++valueAt) : EndOfUnquoted(header, valueAt);
            if (valueEnd < 0)
                return null;
            var value = header[valueAt..valueEnd];
            parameters.TryAdd(name, isQuoted ? value : value.TrimEnd(' ', '\t'));
            at = SkipBlanks(header, isQuoted ? valueEnd + 1 : valueEnd);
        }

        return new(Find(parameters, "name"), Find(parameters, "filename"));
    }

    /// <summary>`filename*` (RFC 8187) wins over sections of it (RFC 2231, 3), and these over `filename`.</summary>
    private static string? Find(Dictionary<string, string> parameters, string name)
    {
        var extended = parameters.GetValueOrDefault($"{name}*") ?? JoinSections(parameters, name);
        if (extended is not null && Decode(extended) is { } decoded)
            return decoded;
        return parameters.TryGetValue(name, out var plain) ? Unescape(plain) : extended;
    }

    private static string? JoinSections(Dictionary<string, string> parameters, string name)
    {
        var joined = new StringBuilder();
        for (var number = 0; ; number++)
        {
            var section = string.Create(CultureInfo.InvariantCulture, $"{name}*{number}");
            if (parameters.TryGetValue($"{section}*", out var encoded))
                joined.Append(encoded);
            else if (parameters.TryGetValue(section, out var plain))
                joined.Append(number == 0 ? "UTF-8''" : "").Append(Uri.EscapeDataString(plain));
            else
                return number == 0 ? null : joined.ToString();
        }
    }

    /// <summary>Decodes `charset'language'percent-encoded`; null if it is something else.</summary>
    private static string? Decode(string extended)
    {
        if (extended.Split('\'', 3) is not [var charset, _, var text] || EncodingOf(charset) is not { } encoding)
            return null;
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = 0;
        for (var i = 0; i < bytes.Length; length++)
        {
            var isEncoded = bytes[i] == '%' && i + 2 < bytes.Length
                && Convert.FromHexString(bytes.AsSpan(i + 1, 2), bytes.AsSpan(length, 1), out _, out _) == System.Buffers.OperationStatus.Done;
            if (!isEncoded)
                bytes[length] = bytes[i];
            i += isEncoded ? 3 : 1;
        }

        return encoding.GetString(bytes, 0, length);
    }

    /// <summary>
    /// Browsers write `"`, CR and LF as %22, %0D and %0A (https://html.spec.whatwg.org/#multipart/form-data-encoding-algorithm), other
    /// clients put a backslash before `"` and `\`, and old ones send the encoded words of mail (RFC 2047).
    /// </summary>
    private static string Unescape(string value) => (DecodeWord(value) ?? value)
        .Replace("\\\\", "\\", StringComparison.Ordinal)
        .Replace("\\\"", "\"", StringComparison.Ordinal)
        .Replace("%22", "\"", StringComparison.Ordinal)
        .Replace("%0D", "\r", StringComparison.OrdinalIgnoreCase)
        .Replace("%0A", "\n", StringComparison.OrdinalIgnoreCase);

    private static string? DecodeWord(string value)
    {
        if (value.Split('?') is not ["=", var charset, "B" or "b", var text, "="] || EncodingOf(charset) is not { } encoding)
            return null;
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? encoding.GetString(bytes, 0, length) : null;
    }

    // RFC 8187, 3.2.1 wants the first, RFC 5987 wanted both.
    private static Encoding? EncodingOf(string charset) => charset.ToUpperInvariant() switch
    {
        "UTF-8" => Encoding.UTF8,
        "ISO-8859-1" => Encoding.Latin1,
        _ => null,
    };

    /// <summary>Where the value ends that begins behind a quote; -1 if it does not end.</summary>
    private static int EndOfQuoted(string header, int from)
    {
        for (var at = header.IndexOf('"', from); at >= 0; at = header.IndexOf('"', at + 1))
        {
            var slashes = at - from - header.AsSpan(from, at - from).TrimEnd('\\').Length;
            // At the header's end no backslash escapes: browsers leave the one at a name's end as it is.
            if (at == header.Length - 1 || slashes % 2 == 0 && EndsParameter(header, at + 1))
                return at;
        }

        return -1;
    }

    private static int EndOfUnquoted(string header, int from)
    {
        var at = header.IndexOf(';', from);
        while (at >= 0 && !EndsParameter(header, at))
            at = header.IndexOf(';', at + 1);
        return at < 0 ? header.Length : at;
    }

    /// <summary>Whether another parameter follows, or nothing.</summary>
    private static bool EndsParameter(string header, int at)
    {
        at = SkipBlanks(header, at);
        if (at == header.Length)
            return true;
        if (header[at] != ';')
            return false;
        var nameAt = SkipBlanks(header, at + 1);
        var nameEnd = SkipToken(header, nameAt);
        var equals = SkipBlanks(header, nameEnd);
        return nameEnd > nameAt && equals < header.Length && header[equals] == '=';
    }

    private static int SkipBlanks(string header, int at)
    {
        while (at < header.Length && Blanks.Contains(header[at], StringComparison.Ordinal))
            at++;
        return at;
    }

    // RFC 9110, 5.6.2
    private static int SkipToken(string header, int at)
    {
        while (at < header.Length && (char.IsAsciiLetterOrDigit(header[at]) || "!#$%&'*+-.^_`|~".Contains(header[at], StringComparison.Ordinal)))
            at++;
        return at;
    }
}
