using System.Buffers;

namespace CloudTab.UploadApi;

/// <summary>
/// Structured field values (RFC 9651, section 4.2) of the shapes that resumable uploads have: Integer, Boolean, and Dictionary. Values of
/// types that none of them has, and parameters, are checked and read over, since others may have added them. null stands for a field
/// that is not there or cannot be parsed: "the entire field value MUST be ignored".
/// </summary>
internal static class StructuredFields
{
    /// <summary>An Item that is an Integer.</summary>
    public static long? Integer(string field) => Item(field) as long?;

    /// <summary>An Item that is a Boolean.</summary>
    public static bool? Boolean(string field) => Item(field) as bool?;

    /// <summary>A Dictionary: its values are long, bool, byte[] (a Byte Sequence), or an object that stands for anything else.</summary>
    public static IReadOnlyDictionary<string, object>? Dictionary(string field) => new Parser(field).Dictionary();

    private static object? Item(string field) => new Parser(field).SingleItem();

    private ref struct Parser(string field)
    {
        private const int MostDigits = 15;
        private const int MostDigitsBeforePoint = 12;
        private const int MostDigitsBehindPoint = 3;

        private static readonly object Other = new();
        private static readonly SearchValues<char> KeyCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-.*");
        private static readonly SearchValues<char> Base64Characters =
            SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

        private static readonly SearchValues<char> TokenCharacters =
            SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~:/");

        private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789");

        private ReadOnlySpan<char> _rest = field.AsSpan().Trim(' ');

        public object? SingleItem() => BareItem() is { } item && Parameters() && _rest.IsEmpty ? item : null;

        public Dictionary<string, object>? Dictionary()
        {
            var members = new Dictionary<string, object>(StringComparer.Ordinal);
            while (!_rest.IsEmpty)
            {
                var key = Key();
                if (key.IsEmpty || (Take('=') ? Member() : true) is not { } value || !Parameters())
                    return null;
                members[key.ToString()] = value;
                _rest = _rest.TrimStart(" \t");
                if (_rest.IsEmpty)
                    break;
                if (!Take(','))
                    return null;
                _rest = _rest.TrimStart(" \t");
                if (_rest.IsEmpty)
                    return null;
            }

            return members;
        }

        private object? Member() => _rest.StartsWith('(') ? InnerList() : BareItem();

        private object? InnerList()
        {
            _rest = _rest[1..];
            while (true)
            {
                _rest = _rest.TrimStart(' ');
                if (Take(')'))
                    return Other;
                if (BareItem() is null || !Parameters() || _rest.IsEmpty || _rest[0] is not (' ' or ')'))
                    return null;
            }
        }

        private object? BareItem() => _rest.IsEmpty ? null : _rest[0] switch
        {
            '-' or (>= '0' and <= '9') => Number(),
            '?' => Boolean(),
            ':' => Bytes(),
            '"' => Text(),
            '%' => DisplayText(),
            '@' => Date(),
            '*' or (>= 'A' and <= 'Z') or (>= 'a' and <= 'z') => TakeWhile(TokenCharacters).IsEmpty ? null : Other,
            _ => null,
        };

        private object? Number()
        {
            var sign = Take('-') ? -1 : 1;
            var whole = TakeWhile(Digits);
            if (whole.IsEmpty)
                return null;
            if (!Take('.'))
                return whole.Length <= MostDigits ? sign * long.Parse(whole, System.Globalization.CultureInfo.InvariantCulture) : null;
            return whole.Length <= MostDigitsBeforePoint && TakeWhile(Digits).Length is > 0 and <= MostDigitsBehindPoint ? Other : null;
        }

        private bool? Boolean()
        {
            if (_rest.Length < 2 || _rest[1] is not ('0' or '1'))
                return null;
            var value = _rest[1] == '1';
            _rest = _rest[2..];
            return value;
        }

        private byte[]? Bytes()
        {
            _rest = _rest[1..];
            var encoded = TakeWhile(Base64Characters).ToString();
            if (!Take(':'))
                return null;
            // "Parsers SHOULD NOT fail by default when "=" padding is not present".
            encoded = encoded.PadRight((encoded.Length + 3) / 4 * 4, '=');
            var bytes = new byte[encoded.Length];
            return Convert.TryFromBase64String(encoded, bytes, out var length) ? bytes[..length] : null;
        }

        private object? Text()
        {
            for (var i = 1; i < _rest.Length; i++)
            {
                switch (_rest[i])
                {
                    case '"':
                        return Advance(i + 1);
                    case '\\' when i + 1 < _rest.Length && _rest[i + 1] is ('"' or '\\'):
                        i++;
                        break;
                    case '\\' or < ' ' or > '~':
                        return null;
                }
            }

            return null;
        }

        private object? DisplayText()
        {
            if (!_rest.StartsWith("%\""))
                return null;
            for (var i = 2; i < _rest.Length; i++)
            {
                if (_rest[i] == '"')
                    return Advance(i + 1);
                if (_rest[i] is < ' ' or > '~')
                    return null;
                if (_rest[i] == '%' && (i + 2 >= _rest.Length || !char.IsAsciiHexDigitLower(_rest[++i]) || !char.IsAsciiHexDigitLower(_rest[++i])))
                    return null;
            }

            return null;
        }

        private object? Date()
        {
            _rest = _rest[1..];
            return Number() is long ? Other : null;
        }

        private bool Parameters()
        {
            while (Take(';'))
            {
                _rest = _rest.TrimStart(' ');
                if (Key().IsEmpty || (Take('=') && BareItem() is null))
                    return false;
            }

            return true;
        }

        private ReadOnlySpan<char> Key() =>
            !_rest.IsEmpty && (char.IsAsciiLetterLower(_rest[0]) || _rest[0] == '*') ? TakeWhile(KeyCharacters) : default;

        private bool Take(char wanted)
        {
            if (!_rest.StartsWith(wanted))
                return false;
            _rest = _rest[1..];
            return true;
        }

        private ReadOnlySpan<char> TakeWhile(SearchValues<char> characters)
        {
            var length = _rest.IndexOfAnyExcept(characters);
            var taken = length < 0 ? _rest : _rest[..length];
            _rest = _rest[taken.Length..];
            return taken;
        }

        private object Advance(int count)
        {
            _rest = _rest[count..];
            return Other;
        }
    }
}
