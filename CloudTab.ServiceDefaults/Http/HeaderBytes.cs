using System.Diagnostics.CodeAnalysis;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// Headers as bytes. A recipient "SHOULD treat other allowed octets in field content (i.e., obs-text) as opaque data" (RFC 9110, section
/// 5.5): browsers send cookies in UTF-8, devices their names in Latin-1. Read as Latin-1 each byte is a character, which any byte may be,
/// and which is written as the same byte again. Kestrel by itself refuses what is not UTF-8, and HttpClient writes ASCII only.
/// </summary>
public static class HeaderBytes
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    internal static void TakeHeadersAsBytes(this WebApplicationBuilder builder)
    {
        // A line ends with CR LF. If one server on the way takes LF alone and another does not, they see different requests.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", isEnabled: true);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
            kestrel.ResponseHeaderEncodingSelector = _ => Encoding.Latin1;
        });
    }

    /// <summary>The text that a person wrote into a header: in UTF-8 if it can be, otherwise in Latin-1.</summary>
    [return: NotNullIfNotNull(nameof(bytes))]
    public static string? AsText(string? bytes)
    {
        if (bytes is null || Ascii.IsValid(bytes))
            return bytes;
        try
        {
            return Utf8.GetString(Encoding.Latin1.GetBytes(bytes));
        }
        catch (DecoderFallbackException)
        {
            return bytes;
        }
    }
}
