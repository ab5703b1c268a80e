using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace CloudTab.Relay;

/// <summary>The customer's secret: 128 random bits as 26 lower-case characters of Crockford's base 32, the first of them 0 to 7.</summary>
public static class SessionId
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    private const int Length = 26;
    private static readonly SearchValues<char> Characters = SearchValues.Create(Alphabet);

    /// <summary>A new one, from the system's cryptographic random numbers.</summary>
    public static string Create()
    {
        Span<byte> random = stackalloc byte[16];
        RandomNumberGenerator.Fill(random);
        return string.Create(Length, BinaryPrimitives.ReadUInt128BigEndian(random), static (text, bits) =>
        {
            for (var i = text.Length - 1; i >= 0; i--, bits >>= 5)
                text[i] = Alphabet[(int)(bits & 31)];
        });
    }

    /// <summary>Whether a text has the form of a session id; a text that does not need not be looked for.</summary>
    public static bool IsWellFormed(string text) =>
        text.Length == Length && text[0] is >= '0' and <= '7' && text.AsSpan().IndexOfAnyExcept(Characters) < 0;
}

/// <summary>The customer's secret for one resumable upload, of the form of a session id.</summary>
public static class UploadId
{
    /// <summary>A new one, from the system's cryptographic random numbers.</summary>
    public static string Create() => SessionId.Create();

    /// <summary>Whether a text has the form of an upload id; a text that does not need not be looked for.</summary>
    public static bool IsWellFormed(string text) => SessionId.IsWellFormed(text);
}

/// <summary>
/// What opens something to everyone who shows it: 256 random bits as 43 characters of base64url. Only the hash of its text is stored; so many
/// random bits need no slow one.
/// </summary>
public static class BearerToken
{
    private const int Bytes = 32;

    /// <summary>A new one, from the system's cryptographic random numbers.</summary>
    public static string Create() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(Bytes));

    /// <summary>The SHA-256 of a text in UTF-8.</summary>
    public static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}

/// <summary>What the customer says at the counter: 6 characters without look-alikes, written in upper case, read in any.</summary>
public static class PickupCode
{
    private const string Alphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ";
    private const int Length = 6;
    private static readonly SearchValues<char> Characters = SearchValues.Create(Alphabet);

    /// <summary>A new one; whether it is free among the shop's live sessions only the database can tell.</summary>
    public static string Create() => RandomNumberGenerator.GetString(Alphabet, Length);

    /// <summary>The code as it is stored, or null if the text cannot be one.</summary>
    public static string? Parse(string text)
    {
        var code = text.ToUpperInvariant();
        return code.Length == Length && code.AsSpan().IndexOfAnyExcept(Characters) < 0 ? code : null;
    }
}
