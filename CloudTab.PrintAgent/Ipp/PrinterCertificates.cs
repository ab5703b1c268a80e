using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CloudTab.PrintAgent;

/// <summary>
/// Decides whether to speak to an ipps printer. Printers have certificates that they signed themselves: the one that a printer shows first is
/// kept, as CUPS and SSH do, and from then on no other is accepted at that address until the shop removes the file.
/// </summary>
/// <param name="folder">Where the fingerprints are kept, a file for each address.</param>
internal sealed class PrinterCertificates(string folder)
{
    private readonly Lock _lock = new();

    public bool Accept(Uri printer, X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (certificate is null)
            return false;
        if (errors == SslPolicyErrors.None)
            return true;
        var fingerprint = Convert.ToHexStringLower(SHA256.HashData(certificate.GetRawCertData()));
        var file = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{printer.IdnHost.Replace(':', '_')}_{printer.Port}.sha256"));
        lock (_lock)
        {
            if (File.Exists(file))
                return File.ReadAllText(file) == fingerprint;
            Directory.CreateDirectory(folder);
            File.WriteAllText(file, fingerprint);
            return true;
        }
    }
}
