using System.Xml;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>
/// Reads the elements of an XML part of an office document, within a few megabytes of memory whatever the part holds. An XML reader by itself
/// keeps what it is at as a whole: a comment or a tag with all its attributes, each element around it, and every name that it has seen. Text may
/// have any length.
/// </summary>
internal sealed class PackageXml : IDisposable
{
    // The longest there are are paths of drawings: some hundred kilobytes.
    private const int LongestTag = 1 << 20;
    private const int ReadAhead = 64 << 10;
    private const int MostAttributes = 1_000;
    private const int MostLevels = 256;

    // Characters of all different names together: OpenDocument has some two thousand.
    private const int LongestNames = 256 << 10;

    private readonly CountedStream _bytes;
    private readonly XmlReader _xml;
    private readonly char[] _text = new char[4096];

    /// <param name="bytes">The part.</param>
    /// <param name="size">Bytes that it has at most.</param>
    /// <param name="dtd">What a DTD means: nothing in it is read in any case.</param>
    public PackageXml(Stream bytes, long size, DtdProcessing dtd)
    {
        _bytes = new(bytes);
        _xml = XmlReader.Create(_bytes, new()
        {
            Async = true,
            DtdProcessing = dtd,
            XmlResolver = null,
            MaxCharactersInDocument = size + 1,
            NameTable = new Names(),
        });
    }

    /// <summary>The element's name, without its prefix.</summary>
    public string LocalName => _xml.LocalName;

    /// <summary>Goes on to the next element.</summary>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="InvalidDataException">The part holds something that is larger than in any document.</exception>
    /// <exception cref="XmlException">It is damaged.</exception>
    public async Task<bool> ReadAsync()
    {
        while (await _xml.ReadAsync())
        {
            _bytes.BeginTag();
            if (_xml.NodeType == XmlNodeType.Element)
                return _xml.Depth < MostLevels && _xml.AttributeCount <= MostAttributes ? true : throw TooLarge();
            if (_xml.NodeType is not (XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace))
                continue;
            while (await _xml.ReadValueChunkAsync(_text, 0, _text.Length) > 0)
                _bytes.BeginTag();
        }

        return false;
    }

    /// <summary>The value of an attribute of the element, or null if it has none of that name.</summary>
    public string? Attribute(string name, string xmlNamespace = "") => _xml.GetAttribute(name, xmlNamespace);

    public void Dispose()
    {
        _xml.Dispose();
        _bytes.Dispose();
    }

    private static InvalidDataException TooLarge() => new("XML larger than in any document.");

    /// <summary>Ends if the reader has asked for more than a tag can be without having come to the end of one.</summary>
    private sealed class CountedStream(Stream bytes) : AsyncStream
    {
        private int _count;

        public void BeginTag() => _count = 0;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await bytes.ReadAsync(buffer[..Math.Min(buffer.Length, ReadAhead)], cancellationToken);
            return (_count += read) <= LongestTag + ReadAhead ? read : throw TooLarge();
        }
    }

    private sealed class Names : NameTable
    {
        private int _length;

        public override string Add(char[] key, int start, int len) => Get(key, start, len) ?? Count(base.Add(key, start, len));

        public override string Add(string key) => Get(key) ?? Count(base.Add(key));

        private string Count(string added) => (_length += added.Length) <= LongestNames ? added : throw TooLarge();
    }
}
