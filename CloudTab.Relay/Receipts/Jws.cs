using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CloudTab.Relay;

/// <summary>
/// JSON Web Signatures in their compact serialization (RFC 7515, section 7.1), by ES256: ECDSA on the curve P-256 with SHA-256 (RFC 7518,
/// section 3.4).
/// </summary>
internal static class Jws
{
    private const string Algorithm = "ES256";

    // RFC 7518, section 3.4: R and S, 32 bytes each.
    private const DSASignatureFormat Format = DSASignatureFormat.IeeeP1363FixedFieldConcatenation;

    /// <summary>Signs a payload.</summary>
    /// <param name="type">What the payload is (`typ`), so that it is never taken for something else (RFC 8725, section 3.11).</param>
    public static string Sign(ReadOnlySpan<byte> payload, string type, SigningKey key)
    {
        var header = JsonSerializer.SerializeToUtf8Bytes(new JwsHeader(Algorithm, key.Id, type), ReceiptContext.Default.JwsHeader);
        var signed = $"{Base64Url.EncodeToString(header)}.{Base64Url.EncodeToString(payload)}";
        using var ecdsa = key.Open();
        return $"{signed}.{Base64Url.EncodeToString(ecdsa.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, Format))}";
    }

    /// <summary>The payload, if one of these keys has signed it as this type; else null.</summary>
    public static byte[]? Verify(string jws, string type, IEnumerable<SigningKey> keys)
    {
        if (jws.Split('.') is not [var header, var payload, var signature]
            || TryDecode(header) is not { } headerBytes || TryDecode(payload) is not { } payloadBytes || TryDecode(signature) is not { } signatureBytes
            || TryParse(headerBytes) is not { Alg: Algorithm } told || told.Typ != type
            || keys.FirstOrDefault(key => key.Id == told.Kid) is not { } key)
        {
            return null;
        }

        using var ecdsa = key.Open();
        return ecdsa.VerifyData(Encoding.ASCII.GetBytes($"{header}.{payload}"), signatureBytes, HashAlgorithmName.SHA256, Format) ? payloadBytes : null;
    }

    // Only the one way of writing the bytes that RFC 4648, section 3.5, calls canonical: otherwise a changed last character could mean the
    // same signature.
    private static byte[]? TryDecode(string text) =>
        Base64Url.IsValid(text) && Base64Url.DecodeFromChars(text) is var bytes && Base64Url.EncodeToString(bytes) == text ? bytes : null;

    private static JwsHeader? TryParse(byte[] header)
    {
        try
        {
            return JsonSerializer.Deserialize(header, ReceiptContext.Default.JwsHeader);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>The protected header.</summary>
/// <param name="Alg">Algorithm.</param>
/// <param name="Kid">Id of the key.</param>
/// <param name="Typ">What the payload is.</param>
internal sealed record JwsHeader(string Alg, string Kid, string Typ);
