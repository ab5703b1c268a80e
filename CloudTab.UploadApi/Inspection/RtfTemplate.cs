using System.Globalization;
using System.Text;

namespace CloudTab.UploadApi;

/// <summary>
/// Finds the template that an RTF names (`{\*\template …}`, RTF 1.9.1, "Document Formatting Properties") as its bytes pass. Word fetches it by
/// itself when it opens the document, so it must not be on another machine, and is refused if readers may disagree on what it names. Raw binary
/// data is not skipped: what looks like a template in there names no other machine.
/// </summary>
internal sealed class RtfTemplate
{
    // An address of Windows or of the web is shorter.
    private const int LongestTarget = 4096;
    private const int LongestWord = 32;
    private const int MostDigits = 9;

    private readonly StringBuilder _word = new();
    private readonly StringBuilder _number = new();
    private readonly StringBuilder _target = new();
    private Expected _expected = Expected.Text;
    private bool _isInTemplate;
    private int _depth;
    private int _binaryLeft;

    private enum Expected
    {
        Text,
        Control,
        Word,
        Number,
        Hexadecimal,
    }

    /// <summary>Whether a template is on another machine, or may be.</summary>
    public bool IsRemote { get; private set; }

    /// <summary>Looks at the next bytes.</summary>
    /// <returns>Whether no template is on another machine so far.</returns>
    public bool Add(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && !IsRemote)
        {
            if (_expected == Expected.Text && !_isInTemplate)
            {
                var control = bytes.IndexOf((byte)'\\');
                var passed = control < 0 ? bytes.Length : control;
                _binaryLeft = Math.Max(0, _binaryLeft - passed);
                if (control < 0)
                    return true;
                bytes = bytes[passed..];
            }

            var isBinary = _binaryLeft > 0;
            Add((char)bytes[0]);
            bytes = bytes[1..];
            // What begins in binary data does not go on behind it.
            if (isBinary && --_binaryLeft == 0)
                _expected = Expected.Text;
        }

        return !IsRemote;
    }

    /// <summary>There are no more bytes.</summary>
    public void End() => EndTemplate();

    private void Add(char next)
    {
        switch (_expected)
        {
            case Expected.Text when next == '\\':
                _expected = Expected.Control;
                break;
            case Expected.Text:
                AddText(next);
                break;
            case Expected.Control when char.IsAsciiLetter(next):
                _word.Clear().Append(next);
                _number.Clear();
                _expected = Expected.Word;
                break;
            case Expected.Control when next == '\'':
                _number.Clear();
                _expected = Expected.Hexadecimal;
                break;
            case Expected.Control:
                // Other symbols than these are no part of an address. An asterisk begins what only some readers read.
                _expected = Expected.Text;
                IsRemote |= _isInTemplate && next == '*';
                if (next is '\\' or '{' or '}')
                    AddCharacter(next);
                break;
            case Expected.Word when char.IsAsciiLetter(next) && _word.Length < LongestWord:
                _word.Append(next);
                break;
            case Expected.Word when next == '-' || char.IsAsciiDigit(next):
            case Expected.Number when char.IsAsciiDigit(next):
                _expected = Expected.Number;
                AddToNumber(next);
                break;
            case Expected.Hexadecimal when char.IsAsciiHexDigit(next):
                if (_number.Append(next).Length < 2)
                    break;
                _expected = Expected.Text;
                AddCharacter((char)byte.Parse(_number.ToString(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                break;
            default:
                var isWord = _expected != Expected.Hexadecimal;
                _expected = Expected.Text;
                if (isWord)
                    EndWord(next == ' ');
                // A blank ends a word and is a part of it.
                if (!isWord || next != ' ')
                    Add(next);
                break;
        }
    }

    private void AddText(char next)
    {
        if (!_isInTemplate || next is '\r' or '\n')
            return;
        if (next == '{')
            _depth++;
        else if (next != '}')
            AddCharacter(next);
        else if (_depth-- == 0)
            EndTemplate();
    }

    private void AddToNumber(char next)
    {
        if (_number.Length > 0 && _number[^1] == '0' && _number.Length == (_number[0] == '-' ? 2 : 1))
            _number.Length--;
        if (_number.Length < MostDigits)
            _number.Append(next);
        else
            IsRemote |= _isInTemplate;
    }

    private void EndWord(bool isAtBlank)
    {
        _ = int.TryParse(_number.ToString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number);
        if (_word.Equals("template"))
        {
            EndTemplate();
            (_isInTemplate, _depth) = (true, 0);
        }
        else if (_word.Equals("u") && _isInTemplate)
        {
            // Behind it comes what stands for it in older readers, and how much that is does not matter: it is no part of how a remote address
            // begins. What ASCII has nobody writes like this, unless to hide it; blanks before an address are passed over.
            var character = unchecked((char)number);
            IsRemote |= char.IsAscii(character) || char.IsWhiteSpace(character);
            AddCharacter(character);
        }
        else if (_word.Equals("bin") && _binaryLeft == 0)
        {
            _binaryLeft = Math.Max(0, number);
            IsRemote |= _isInTemplate || _binaryLeft > 0 && !isAtBlank;
        }
        else if (_word.Equals("upr"))
        {
            // The same text twice, of which a reader takes one.
            IsRemote |= _isInTemplate;
        }
    }

    private void AddCharacter(char character)
    {
        if (!_isInTemplate)
            return;
        _target.Append(character);
        IsRemote |= _target.Length > LongestTarget;
    }

    private void EndTemplate()
    {
        IsRemote |= _isInTemplate && PackageRelationships.IsRemote(_target.ToString());
        _isInTemplate = false;
        _target.Clear();
    }
}
