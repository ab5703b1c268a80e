using System.Net;

namespace CloudTab.PrintAgent;

/// <summary>A record of an answer, with what of it is needed to find a printer.</summary>
/// <param name="Name">In the letters it came in: names are compared without regard to case.</param>
/// <param name="Target">Of PTR and SRV: the name that it points to.</param>
/// <param name="Port">Of SRV.</param>
/// <param name="Address">Of A.</param>
/// <param name="Texts">Of TXT: `key=value`, keys without regard to case (RFC 6763, section 6).</param>
internal sealed record DnsRecord(
    string Name, DnsType Type, string? Target = null, int Port = 0, IPAddress? Address = null, IReadOnlyDictionary<string, string>? Texts = null);

/// <summary>What a record is, or what is asked for (RFC 1035, section 3.2.2; RFC 2782).</summary>
internal enum DnsType
{
    A = 1,
    Ptr = 12,
    Txt = 16,
    Srv = 33,
}
