using System.Security.Cryptography;
using System.Text;

namespace CloudTab.Relay;

/// <summary>
/// What signs a shop's webhooks, by Standard Webhooks
/// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md): 24 to 64 random bytes.
/// </summary>
public static class WebhookSecret
{
    private const string Prefix = "whsec_";
    private const int Bytes = 32;

    /// <summary>A new one, from the system's cryptographic random numbers.</summary>
    public static byte[] Create() => RandomNumberGenerator.GetBytes(Bytes);

    /// <summary>As receivers take it: `whsec_` and base64.</summary>
    public static string ToText(byte[] secret) => Prefix + Convert.ToBase64String(secret);

    /// <summary>The signature of a message: `v1,` and the base64 of HMAC-SHA256 over id, timestamp and body, with dots in between.</summary>
    /// <param name="timestamp">Seconds since 1970, in decimal.</param>
    public static string Sign(byte[] secret, string id, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        hash.AppendData(Encoding.UTF8.GetBytes($"{id}.{timestamp}."));
        hash.AppendData(body);
        return $"v1,{Convert.ToBase64String(hash.GetHashAndReset())}";
    }
}
