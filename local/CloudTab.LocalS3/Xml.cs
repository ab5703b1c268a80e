using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>S3's XML documents, in and out.</summary>
internal static class Xml
{
    public static readonly XNamespace S3 = "http://s3.amazonaws.com/doc/2006-03-01/";

    // Keys may hold characters that XML 1.0 does not allow; S3 writes them as character references all the same.
    private static readonly XmlWriterSettings Writing = new() { CheckCharacters = false, Encoding = new UTF8Encoding(false), OmitXmlDeclaration = false };
    private static readonly XmlReaderSettings Reading = new() { CheckCharacters = false, DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null };

    /// <summary>Answers with a document; the status stays as the caller set it.</summary>
    public static async Task WriteAsync(HttpResponse response, XElement root, CancellationToken cancellationToken)
    {
        using var buffer = new MemoryStream();
        using (var writer = XmlWriter.Create(buffer, Writing))
            root.Save(writer);
        response.ContentType = "application/xml";
        response.ContentLength = buffer.Length;
        await response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), cancellationToken);
    }

    /// <summary>Parses a request's document. Some clients leave S3's namespace out; it makes no difference.</summary>
    /// <exception cref="S3Exception">MalformedXML: it is not XML, or its root is another.</exception>
    public static XElement Parse(ReadOnlyMemory<byte> document, string root)
    {
        try
        {
            using var reader = XmlReader.Create(new MemoryStream(document.ToArray()), Reading);
            var element = XElement.Load(reader);
            return element.Name.LocalName == root ? element : throw new S3Exception(S3Error.MalformedXml);
        }
        catch (XmlException)
        {
            throw new S3Exception(S3Error.MalformedXml);
        }
    }

    /// <summary>An element of S3's namespace.</summary>
    public static XElement Element(string name, params object?[] content) => new(S3 + name, content);

    /// <summary>The child elements of that name, whatever their namespace.</summary>
    public static IEnumerable<XElement> Children(this XElement parent, string name) => parent.Elements().Where(child => child.Name.LocalName == name);

    /// <summary>The text of the first child of that name, or null.</summary>
    public static string? Child(this XElement parent, string name) => parent.Children(name).FirstOrDefault()?.Value;

    /// <summary>ISO 8601 with milliseconds, as S3's documents have it.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
