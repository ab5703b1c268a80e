using System.Buffers.Binary;

namespace CloudTab.UploadApi;

/// <summary>
/// Finds the size of a JPEG as its bytes pass: its frame header (ITU T.81, B.2.2) comes behind others that may be long. Bytes between the
/// segments are skipped, as decoders do.
/// </summary>
internal sealed class JpegSize
{
    private const byte StartOfScan = 0xDA;
    private const int FrameHeader = 5;

    private readonly byte[] _frame = new byte[FrameHeader];
    private Expected _expected = Expected.Prefix;
    private byte _marker;
    private int _length;
    private int _frameLength;
    private int _skip;

    private enum Expected
    {
        Prefix,
        Marker,
        LengthHigh,
        LengthLow,
        Frame,
        Nothing,
    }

    public bool IsTooLarge { get; private set; }

    /// <summary>Looks at the next bytes.</summary>
    /// <returns>Whether it is not known to be too large.</returns>
    public bool Add(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && _expected != Expected.Nothing)
        {
            var skipped = Math.Min(_skip, bytes.Length);
            _skip -= skipped;
            bytes = bytes[skipped..];
            if (bytes.IsEmpty)
                break;
            Take(bytes[0]);
            bytes = bytes[1..];
        }

        return !IsTooLarge;
    }

    private void Take(byte next)
    {
        switch (_expected)
        {
            case Expected.Prefix:
                _expected = next == 0xFF ? Expected.Marker : Expected.Prefix;
                break;
            case Expected.Marker:
                _marker = next;
                _expected = next switch
                {
                    0xFF => Expected.Marker,
                    0x00 or 0x01 or (>= 0xD0 and <= 0xD9) => Expected.Prefix, // they have no length
                    StartOfScan => Expected.Nothing,
                    _ => Expected.LengthHigh,
                };
                break;
            case Expected.LengthHigh:
                _length = next << 8;
                _expected = Expected.LengthLow;
                break;
            case Expected.LengthLow:
                _length |= next;
                var isFrame = _marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);
                (_expected, _skip, _frameLength) = isFrame ? (Expected.Frame, 0, 0) : (Expected.Prefix, Math.Max(_length - 2, 0), 0);
                break;
            case Expected.Frame:
                _frame[_frameLength++] = next;
                if (_frameLength < FrameHeader)
                    break;
                IsTooLarge |= PictureSize.Pixels(BinaryPrimitives.ReadUInt16BigEndian(_frame.AsSpan(3)), BinaryPrimitives.ReadUInt16BigEndian(_frame.AsSpan(1))) > PictureSize.Most;
                (_expected, _skip) = (Expected.Prefix, Math.Max(_length - 2 - FrameHeader, 0));
                break;
        }
    }
}
