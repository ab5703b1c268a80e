using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CloudTab.Services.Tests;

/// <summary>PDFs whose pages are in a stream encrypted with AES: they cannot be counted without decrypting it.</summary>
internal static partial class PdfSamples
{
    private const int Permissions = -44;

    /// <summary>One page, encrypted with AES of 128 bits (ISO 32000-1, 7.6.2, algorithm 1, and 7.6.3, revision 4).</summary>
    public static Sample EncryptedByAes128(string userPassword)
    {
        var id = RandomNumberGenerator.GetBytes(16);
        var owner = Encrypt19Times(KeyOf(Padded("owner"), 50), Padded(userPassword), 16);
        var key = KeyOf([.. Padded(userPassword), .. owner, .. BitConverter.GetBytes(Permissions), .. id], 50);
        var user = Encrypt19Times(key, KeyOf([.. Padded(""), .. id], 0), 16);
        var streamKey = KeyOf([.. key, 4, 0, 0, 0, 0, .. "sAlT"u8], 0);
        return WithEncryptedStream(
            streamKey,
            $"<< /Filter /Standard /V 4 /R 4 /Length 128 {Filters("AESV2", 16)} /P {Permissions} /O {Hex(owner)} /U {Hex([.. user, .. new byte[16]])} >>",
            id);
    }

    /// <summary>One page, encrypted with AES of 256 bits (ISO 32000-2, 7.6.3.3, algorithm 1.A, and 7.6.4.4, revision 6).</summary>
    public static Sample EncryptedByAes256(string userPassword)
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var (user, userKey) = Wrap(key, Encoding.UTF8.GetBytes(userPassword), []);
        var (owner, ownerKey) = Wrap(key, "owner"u8.ToArray(), user);
        byte[] permissions = [.. BitConverter.GetBytes(Permissions), 0xFF, 0xFF, 0xFF, 0xFF, .. "Tadb"u8, .. RandomNumberGenerator.GetBytes(4)];
        return WithEncryptedStream(
            key,
            $"<< /Filter /Standard /V 5 /R 6 /Length 256 {Filters("AESV3", 32)} /P {Permissions} /O {Hex(owner)} /U {Hex(user)} /OE {Hex(ownerKey)} "
                + $"/UE {Hex(userKey)} /Perms {Hex(EncryptWhole(key, new byte[16], permissions))} >>",
            RandomNumberGenerator.GetBytes(16));
    }

    // Programs keep the catalog (1) out of the stream (4), since some viewers do not find it there. 5 is the table of cross-references.
    private static Sample WithEncryptedStream(byte[] key, string encryption, byte[] id)
    {
        var pages = Tree("[3 0 R]", 1);
        var index = string.Create(CultureInfo.InvariantCulture, $"2 0 3 {pages.Length + 1} ");
        var content = EncryptStream(key, Encoding.ASCII.GetBytes($"{index}{pages} {Page} "));
        using var file = new MemoryStream();
        Write(file, "%PDF-1.7\n");
        var catalog = (byte)file.Position;
        Write(file, $"1 0 obj\n{Catalog}\nendobj\n");
        var stream = (byte)file.Position;
        Write(file, $"4 0 obj\n<< /Type /ObjStm /N 2 /First {index.Length} /Length {content.Length} >>\nstream\n");
        file.Write(content);
        Write(file, "\nendstream\nendobj\n");
        var dictionary = file.Position;
        Write(file, $"6 0 obj\n{encryption}\nendobj\n");
        var start = file.Position;
        byte[] entries =
        [
            0, 0, 0, 0, 1, 0, catalog, 0, 2, 0, 4, 0, 2, 0, 4, 1, 1, 0, stream, 0, 1, (byte)(start >> 8), (byte)start, 0,
            1, (byte)(dictionary >> 8), (byte)dictionary, 0,
        ];
        Write(file, $"5 0 obj\n<< /Type /XRef /Size 7 /W [1 2 1] /Root 1 0 R /Encrypt 6 0 R /ID [{Hex(id)} {Hex(id)}] /Length {entries.Length} >>\nstream\n");
        file.Write(entries);
        Write(file, $"\nendstream\nendobj\nstartxref\n{start}\n%%EOF\n");
        return new("encrypted.pdf", file.ToArray());
    }

    private static string Filters(string method, int length) =>
        $"/CF << /StdCF << /CFM /{method} /AuthEvent /DocOpen /Length {length} >> >> /StmF /StdCF /StrF /StdCF";

    // Algorithms 8 and 9: what checks a password, and the key for whom has it.
    private static (byte[] Check, byte[] Key) Wrap(byte[] key, byte[] password, byte[] user)
    {
        var (validation, wrapping) = (RandomNumberGenerator.GetBytes(8), RandomNumberGenerator.GetBytes(8));
        byte[] check = [.. HashOf(password, validation, user), .. validation, .. wrapping];
        return (check, EncryptWhole(HashOf(password, wrapping, user), new byte[16], key));
    }

    // Algorithm 2.B.
    private static byte[] HashOf(byte[] password, byte[] salt, byte[] user)
    {
        var hash = SHA256.HashData([.. password, .. salt, .. user]);
        byte[] encrypted = [0];
        for (var round = 0; round < 64 || encrypted[^1] > round - 32; round++)
        {
            byte[] once = [.. password, .. hash, .. user];
            encrypted = EncryptWhole(hash[..16], hash[16..32], [.. Enumerable.Repeat(once, 64).SelectMany(bytes => bytes)]);
            hash = (encrypted[..16].Sum(b => b) % 3) switch
            {
                0 => SHA256.HashData(encrypted),
                1 => SHA384.HashData(encrypted),
                _ => SHA512.HashData(encrypted),
            };
        }

        return hash[..32];
    }

    private static byte[] EncryptStream(byte[] key, byte[] content)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        return [.. aes.IV, .. aes.EncryptCbc(content, aes.IV)];
    }

    private static byte[] EncryptWhole(byte[] key, byte[] vector, byte[] content)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        return aes.EncryptCbc(content, vector, PaddingMode.None);
    }
}
