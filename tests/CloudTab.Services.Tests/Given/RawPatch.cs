using System.Globalization;
using System.Net.Sockets;

namespace CloudTab.Services.Tests;

/// <summary>A PATCH of tus that is not sent completely, as on every bad network.</summary>
internal static class RawPatch
{
    /// <summary>Begins a request that announces so many bytes, and sends these of them.</summary>
    public static Task<Socket> SendAsync(Uri address, string upload, long offset, long length, ReadOnlyMemory<byte> bytes, string headers = "")
    {
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"PATCH {upload} HTTP/1.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n{headers}");
        return RawHttp.SendAsync(address, head, bytes);
    }
}
