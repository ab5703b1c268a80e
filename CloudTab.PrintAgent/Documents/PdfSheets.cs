using System.Globalization;
using System.Text;
using System.Text.Json;

namespace CloudTab.PrintAgent;

/// <summary>
/// Lays the pages of a PDF out on sheets of paper. Each page becomes a form XObject (ISO 32000-2, 8.10), which a sheet draws: bytes of pages
/// stay as they are. Reads and writes version 2 of qpdf's JSON. The document keeps its pages and layers, and nothing else: neither
/// scripts nor bookmarks concern a printer.
/// </summary>
internal sealed class PdfSheets
{
    private const float Margin = 12;

    // A page of the paper's own size stays as it is. Programs round sizes.
    private const float SameSize = 2;
    private const int MostSteps = 8;

    // No paper is hundreds of kilometres long. What is computed of numbers up to here is finite, and can be written.
    private const float LargestNumber = 1e9f;

    private readonly JsonElement _header;
    private readonly JsonElement _objects;
    private readonly PaperSize _paper;
    private readonly bool _fit;
    private readonly int _numberUp;
    private readonly Dictionary<string, Page> _drawn = new(StringComparer.Ordinal);

    private PdfSheets(JsonElement qpdf, PaperSize paper, bool fit, int numberUp) =>
        (_header, _objects, _paper, _fit, _numberUp) = (qpdf[0], qpdf[1], paper, fit, numberUp);

    /// <summary>The change that makes sheets of the pages.</summary>
    /// <param name="json">What qpdf says of the document's objects, once each page has one stream of content.</param>
    /// <param name="fit">Each page as large as its place on the sheet allows; otherwise as large as it is, and smaller if its place is.</param>
    /// <param name="numberUp">Pages on a sheet.</param>
    /// <returns>For qpdf; null if each page is a sheet of this paper already.</returns>
    /// <exception cref="NotSupportedException">The document is built in a way that nobody builds one.</exception>
    public static byte[]? LayOut(JsonDocument json, PaperSize paper, bool fit, int numberUp) =>
        new PdfSheets(json.RootElement.GetProperty("qpdf"), paper, fit, numberUp).LayOut();

    private byte[]? LayOut()
    {
        var catalog = Resolve(_objects.GetProperty("trailer").GetProperty("value").GetProperty("/Root"));
        var tree = catalog.GetProperty("/Pages");
        var pages = Resolve(Resolve(tree).GetProperty("/Kids")).EnumerateArray().Select(Read).ToList();
        // A single page fills all places of its sheet.
        if (pages.Count == 1)
            pages = [.. Enumerable.Repeat(pages[0], _numberUp)];
        if (_numberUp == 1 && pages.TrueForAll(page => page is { Turn: 0, Unit: 1, IsCropped: false } && IsPaper(page.Width, page.Height)))
            return null;

        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteNumber("version", 2);
            json.WriteStartArray("qpdf");
            Write(json, catalog, tree, [.. pages.Chunk(_numberUp)]);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return output.ToArray();
    }

    private void Write(Utf8JsonWriter json, JsonElement catalog, JsonElement tree, IReadOnlyList<Page[]> sheets)
    {
        var last = _header.GetProperty("maxobjectid").GetInt32();
        json.WriteStartObject();
        foreach (var member in _header.EnumerateObject().Where(member => member.Name != "maxobjectid"))
            member.WriteTo(json);
        json.WriteNumber("maxobjectid", last + (2 * sheets.Count));
        json.WriteEndObject();

        json.WriteStartObject();
        var root = _objects.GetProperty("trailer").GetProperty("value").GetProperty("/Root").GetString();
        WriteValue($"obj:{root}", () =>
        {
            json.WriteString("/Type", "/Catalog");
            json.WritePropertyName("/Pages");
            tree.WriteTo(json);
            if (catalog.TryGetProperty("/OCProperties", out var layers))
            {
                json.WritePropertyName("/OCProperties");
                layers.WriteTo(json);
            }
        });
        WriteValue($"obj:{tree.GetString()}", () =>
        {
            json.WriteString("/Type", "/Pages");
            json.WriteNumber("/Count", sheets.Count);
            json.WriteStartArray("/Kids");
            for (var sheet = 0; sheet < sheets.Count; sheet++)
                json.WriteStringValue(Reference(last + 1 + (2 * sheet)));
            json.WriteEndArray();
        });
        foreach (var page in _drawn.Values)
            WriteForm(json, page);
        for (var sheet = 0; sheet < sheets.Count; sheet++)
            WriteSheet(last + 1 + (2 * sheet), sheets[sheet]);
        json.WriteEndObject();

        void WriteSheet(int number, Page[] pages)
        {
            WriteValue($"obj:{Reference(number)}", () =>
            {
                json.WriteString("/Type", "/Page");
                json.WritePropertyName("/Parent");
                tree.WriteTo(json);
                WriteArray(json, "/MediaBox", 0, 0, _paper.Width, _paper.Height);
                json.WriteStartObject("/Resources");
                json.WriteStartObject("/XObject");
                for (var i = 0; i < pages.Length; i++)
                {
                    if (pages[i].Content is { } content)
                        json.WriteString(string.Create(CultureInfo.InvariantCulture, $"/P{i}"), content);
                }

                json.WriteEndObject();
                json.WriteEndObject();
                json.WriteString("/Contents", Reference(number + 1));
            });
            json.WriteStartObject($"obj:{Reference(number + 1)}");
            json.WriteStartObject("stream");
            json.WriteBase64String("data", Encoding.ASCII.GetBytes(Drawing(pages)));
            json.WriteStartObject("dict");
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        void WriteValue(string name, Action members)
        {
            json.WriteStartObject(name);
            json.WriteStartObject("value");
            members();
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }

    // The stream keeps its bytes, and with them what it says of their encoding.
    private void WriteForm(Utf8JsonWriter json, Page page)
    {
        json.WriteStartObject($"obj:{page.Content}");
        json.WriteStartObject("stream");
        json.WriteStartObject("dict");
        foreach (var member in _objects.GetProperty($"obj:{page.Content}").GetProperty("stream").GetProperty("dict").EnumerateObject().Where(member => member.Name is "/Filter" or "/DecodeParms"))
            member.WriteTo(json);
        json.WriteString("/Type", "/XObject");
        json.WriteString("/Subtype", "/Form");
        WriteArray(json, "/BBox", page.Left, page.Bottom, page.Left + page.BoxWidth, page.Bottom + page.BoxHeight);
        foreach (var name in (string[])["/Resources", "/Group"])
        {
            if (!page.Object.TryGetProperty(name, out var value))
                continue;
            json.WritePropertyName(name);
            value.WriteTo(json);
        }

        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private string Drawing(Page[] pages)
    {
        var cells = SheetCell.Of(_paper, _numberUp, _numberUp == 1 && !_fit ? 0 : Margin);
        // If pages are turned to the right, who reads them turns the sheet to the left: then the top right is where reading begins.
        if (cells[0].Turns(pages[0].Width, pages[0].Height))
            cells = [.. cells.OrderByDescending(cell => cell.X).ThenBy(cell => cell.Y)];
        var drawing = new StringBuilder();
        foreach (var (index, (page, cell)) in pages.Zip(cells).Index())
        {
            if (page.Content is not null)
                drawing.Append(Placed(page, cell)).Append(CultureInfo.InvariantCulture, $" cm /P{index} Do Q\n");
        }

        return drawing.ToString();
    }

    // The transformation (ISO 32000-2, 8.3.4) that brings the middle of the page to the middle of the cell, turned and scaled.
    private string Placed(Page page, SheetCell cell)
    {
        var isTurned = cell.Turns(page.Width, page.Height);
        var (width, height) = isTurned ? (page.Height, page.Width) : (page.Width, page.Height);
        var largest = Math.Min(cell.Width / width, cell.Height / height);
        var scale = (_numberUp == 1 && IsPaper(width, height) ? 1 : _fit ? largest : Math.Min(1, largest)) * page.Unit;
        var angle = -(page.Turn + (isTurned ? 90 : 0)) * Math.PI / 180;
        var (a, b) = (scale * Math.Cos(angle), scale * Math.Sin(angle));
        var (middleX, middleY) = (page.Left + (page.BoxWidth / 2), page.Bottom + (page.BoxHeight / 2));
        return string.Create(CultureInfo.InvariantCulture,
            $"q {a:F6} {b:F6} {-b:F6} {a:F6} {cell.X - (a * middleX) + (b * middleY):F4} {_paper.Height - cell.Y - (b * middleX) - (a * middleY):F4}");
    }

    private bool IsPaper(float width, float height) => Math.Abs(width - _paper.Width) <= SameSize && Math.Abs(height - _paper.Height) <= SameSize;

    private Page Read(JsonElement reference)
    {
        var page = Resolve(reference);
        if (!page.TryGetProperty("/MediaBox", out var media) || page.TryGetProperty("/Kids", out _))
            throw new NotSupportedException("No page, or one without a size.");
        var (left, bottom, right, top) = Box(media);
        var isCropped = page.TryGetProperty("/CropBox", out var crop) && Box(crop) != (left, bottom, right, top);
        if (isCropped)
        {
            var (cropLeft, cropBottom, cropRight, cropTop) = Box(crop);
            (left, bottom, right, top) = (Math.Max(left, cropLeft), Math.Max(bottom, cropBottom), Math.Min(right, cropRight), Math.Min(top, cropTop));
        }

        var turn = page.TryGetProperty("/Rotate", out var rotate) ? ((Number(rotate) % 360) + 360) % 360 : 0;
        var unit = page.TryGetProperty("/UserUnit", out var userUnit) ? Number(userUnit) : 1;
        if (right - left < 1 || top - bottom < 1 || unit <= 0)
            throw new NotSupportedException("A page without a size.");
        var read = new Page(page, ContentOf(page), left, bottom, right - left, top - bottom, isCropped, turn, unit);
        if (read.Content is null || _drawn.TryAdd(read.Content, read) || IsDrawnLike(read, _drawn[read.Content]))
            return read;
        throw new NotSupportedException("Two pages of one content that are not the same.");
    }

    private static bool IsDrawnLike(Page one, Page other) =>
        one with { Object = default } == other with { Object = default } && Raw(one.Object, "/Resources") == Raw(other.Object, "/Resources") && Raw(one.Object, "/Group") == Raw(other.Object, "/Group");

    private static string Raw(JsonElement page, string name) => page.TryGetProperty(name, out var value) ? value.GetRawText() : "";

    // One stream, as qpdf has been told. A page may be empty.
    private string? ContentOf(JsonElement page)
    {
        if (!page.TryGetProperty("/Contents", out var contents))
            return null;
        if (contents.ValueKind == JsonValueKind.String && _objects.TryGetProperty($"obj:{contents.GetString()}", out var found) && found.TryGetProperty("stream", out _))
            return contents.GetString();
        var list = Resolve(contents);
        return list.ValueKind == JsonValueKind.Null || list.ValueKind == JsonValueKind.Array && list.GetArrayLength() == 0
            ? null
            : throw new NotSupportedException("A content in pieces.");
    }

    private (float Left, float Bottom, float Right, float Top) Box(JsonElement box)
    {
        if (Resolve(box) is not { ValueKind: JsonValueKind.Array } array || array.GetArrayLength() != 4)
            throw new NotSupportedException("A box without corners.");
        var corners = array.EnumerateArray().Select(Number).ToArray();
        return (Math.Min(corners[0], corners[2]), Math.Min(corners[1], corners[3]), Math.Max(corners[0], corners[2]), Math.Max(corners[1], corners[3]));
    }

    private float Number(JsonElement number) => Resolve(number) is { ValueKind: JsonValueKind.Number } found && found.GetSingle() is >= -LargestNumber and <= LargestNumber and var value
        ? value
        : throw new NotSupportedException("No number, or one that no page has.");

    // A reference is a text such as `12 0 R`; names begin with a slash, and texts with `u:` or `b:`.
    private JsonElement Resolve(JsonElement value)
    {
        for (var step = 0; value.ValueKind == JsonValueKind.String && value.GetString()!.EndsWith(" R", StringComparison.Ordinal); step++)
        {
            if (step == MostSteps || !_objects.TryGetProperty($"obj:{value.GetString()}", out var found) || !found.TryGetProperty("value", out value))
                throw new NotSupportedException("A reference to nothing.");
        }

        return value;
    }

    private static string Reference(int number) => string.Create(CultureInfo.InvariantCulture, $"{number} 0 R");

    private static void WriteArray(Utf8JsonWriter json, string name, params ReadOnlySpan<float> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
            json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    /// <summary>A page that is drawn on a sheet.</summary>
    /// <param name="Content">Reference to its stream; null if it is empty.</param>
    /// <param name="Left">In units of its own, like all of its box.</param>
    /// <param name="IsCropped">Whether the page has more than is shown of it.</param>
    /// <param name="Turn">Degrees to the right that it is shown turned by.</param>
    /// <param name="Unit">Points to a unit.</param>
    private sealed record Page(JsonElement Object, string? Content, float Left, float Bottom, float BoxWidth, float BoxHeight, bool IsCropped, float Turn, float Unit)
    {
        /// <summary>In points, as it is shown.</summary>
        public float Width => (Turn % 180 == 0 ? BoxWidth : BoxHeight) * Unit;

        public float Height => (Turn % 180 == 0 ? BoxHeight : BoxWidth) * Unit;
    }
}
