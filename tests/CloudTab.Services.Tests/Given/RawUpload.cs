using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace CloudTab.Services.Tests;

/// <summary>A form byte by byte over a socket: for clients that stop in the middle.</summary>
internal static class RawUpload
{
    /// <summary>The beginning of a form with boundary `b` whose first field is the file `a.pdf`.</summary>
    public const string Opening = "--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\n\r\n";

    public static byte[] Body(params Sample[] files)
    {
        using var body = new MemoryStream();
        foreach (var file in files)
        {
            body.Write(Encoding.UTF8.GetBytes(Opening.Replace("a.pdf", file.Name, StringComparison.Ordinal)));
            body.Write(file.Content);
            body.Write("\r\n"u8);
        }

        body.Write("--b--\r\n"u8);
        return body.ToArray();
    }

    /// <summary>Begins a request of which only these bytes are sent.</summary>
    public static Task<Socket> SendAsync(Uri address, string sessionId, long length, ReadOnlyMemory<byte> bytes) =>
        SendToAsync(address, $"/api/customer/sessions/{sessionId}/upload", length, bytes);

    /// <summary>Begins a request to any path that takes forms.</summary>
    public static Task<Socket> SendToAsync(Uri address, string path, long length, ReadOnlyMemory<byte> bytes)
    {
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"POST {path} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n");
        return RawHttp.SendAsync(address, head, bytes);
    }
}
