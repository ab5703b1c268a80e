using System.IO.Hashing;
using System.Security.Cryptography;

namespace CloudTab.LocalS3;

/// <summary>
/// One of S3's checksums, named as in its header, x-amz-checksum-…: CRC-32, which AWS's SDK for .NET sends by default, and SHA-256, which
/// CloudTab's direct uploads sign.
/// </summary>
internal abstract class Checksum
{
    public const string HeaderPrefix = "x-amz-checksum-";

    public static Checksum? Create(string name) => name switch
    {
        "crc32" => new Crc32Checksum(),
        "sha256" => new Sha256Checksum(),
        _ => null,
    };

    public abstract void Append(ReadOnlySpan<byte> bytes);

    public abstract byte[] Finish();

    private sealed class Crc32Checksum : Checksum
    {
        private readonly Crc32 _crc = new();

        public override void Append(ReadOnlySpan<byte> bytes) => _crc.Append(bytes);

        public override byte[] Finish()
        {
            var bytes = _crc.GetCurrentHash();
            Array.Reverse(bytes); // S3 writes the most significant byte first.
            return bytes;
        }
    }

    private sealed class Sha256Checksum : Checksum
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public override void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

        public override byte[] Finish() => _hash.GetHashAndReset();
    }
}
