using System.Diagnostics.CodeAnalysis;

namespace CloudTab.PrintAgent;

/// <summary>
/// Where a printer is: `ipp://host/ipp/print`, `ipps://host/ipp/print` (RFC 7472), or `cups:queue` for a queue of the CUPS on this PC, which is
/// asked over its Unix socket.
/// </summary>
/// <param name="Text">As it was set.</param>
/// <param name="PrinterUri">What requests name as the printer.</param>
/// <param name="Http">Where requests are posted to.</param>
/// <param name="Socket">Path of the Unix socket that HTTP goes over, or null.</param>
internal sealed record PrinterAddress(string Text, string PrinterUri, Uri Http, string? Socket)
{
    private const string Cups = "cups:";
    private const int DefaultPort = 631;

    /// <param name="cupsSocket">Where CUPS listens on this PC.</param>
    public static bool TryParse(string text, string cupsSocket, [NotNullWhen(true)] out PrinterAddress? address)
    {
        address = null;
        if (text.StartsWith(Cups, StringComparison.Ordinal))
        {
            var path = "/printers/" + Uri.EscapeDataString(text[Cups.Length..].TrimStart('/'));
            address = new(text, "ipp://localhost" + path, new("http://localhost" + path), cupsSocket);
            return path.Length > "/printers/".Length;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("ipp" or "ipps") || uri.Host.Length == 0)
            return false;
        var http = new UriBuilder(uri) { Scheme = uri.Scheme == "ipps" ? "https" : "http", Port = uri.Port > 0 ? uri.Port : DefaultPort };
        address = new(text, text, http.Uri, Socket: null);
        return true;
    }
}
