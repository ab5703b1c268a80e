using System.Globalization;
using System.Text;

namespace CloudTab.Clients.Tests.Chaos;

/// <summary>The part of an HTTP/1.1 request or answer before its body, as much of it as a proxy has to know.</summary>
internal sealed record MessageHead(byte[] Bytes, string FirstLine, IReadOnlyDictionary<string, string> Fields)
{
    private static ReadOnlySpan<byte> End => "\r\n\r\n"u8;

    /// <summary>Method of a request.</summary>
    public string Method => FirstLine.Split(' ')[0];

    /// <summary>Target of a request.</summary>
    public string Path => FirstLine.Split(' ')[1];

    /// <summary>Status of an answer.</summary>
    public string Status => FirstLine.Split(' ')[1];

    public long ContentLength => Number("Content-Length") ?? 0;

    public long? UploadOffset => Number("Upload-Offset");

    /// <summary>Reads a head from the beginning of what has come.</summary>
    /// <returns>The head, or null where it is not whole yet.</returns>
    public static MessageHead? Read(ReadOnlySpan<byte> received)
    {
        var length = received.IndexOf(End);
        if (length < 0)
            return null;
        var lines = Encoding.ASCII.GetString(received[..length]).Split("\r\n");
        var fields = lines.Skip(1).Select(line => line.Split(':', 2)).ToDictionary(
            field => field[0], field => field[1].Trim(), StringComparer.OrdinalIgnoreCase);
        // Bodies of another form are not counted, and none of the clients here sends them.
        Assert.DoesNotContain("Transfer-Encoding", lines[0].StartsWith("HTTP", StringComparison.Ordinal) ? [] : fields.Keys);
        return new(received[..(length + End.Length)].ToArray(), lines[0], fields);
    }

    private long? Number(string name) =>
        Fields.TryGetValue(name, out var text) ? long.Parse(text, CultureInfo.InvariantCulture) : null;
}
