using System.Globalization;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace CloudTab.PrintAgent;

/// <summary>
/// Decides whether to speak to an ipps printer. Printers have certificates that they signed themselves: the one that a printer shows first is
/// kept, as CUPS and SSH do, and from then on no other is accepted at that address until the shop removes the file.
/// </summary>
/// <param name="folder">Where the fingerprints are kept, a file for each address.</param>
internal sealed class PrinterCertificates(string folder)
{
    private readonly Lock _lock = new();

    /// <exception cref="AuthenticationException">Another one is kept, in the file that the message names.</exception>
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
            if (!File.Exists(file))
                Keep(file, fingerprint);
            else if (File.ReadAllText(file) != fingerprint)
                throw new AuthenticationException($"The printer shows another certificate than before. If it is the same printer, or one in its place, remove {file}");
            return true;
        }
    }

    // Beside it first: of a file that was cut off, no printer has the certificate.
    private void Keep(string file, string fingerprint)
    {
        var beside = file + ".new";
        Directory.CreateDirectory(folder);
        using (var writer = new FileStream(beside, FileMode.Create, FileAccess.Write))
        {
            writer.Write(Encoding.ASCII.GetBytes(fingerprint));
            writer.Flush(flushToDisk: true);
        }

        File.Move(beside, file, overwrite: true);
    }
}
