using System.Buffers.Binary;
using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace CloudTab.LocalS3;

/// <summary>One of the checksums that S3 knows by the end of a header's name, x-amz-checksum-….</summary>
internal abstract class Checksum
{
    public const string HeaderPrefix = "x-amz-checksum-";

    public static Checksum? Create(string name) => name switch
    {
        "crc32" => new Crc32Checksum(),
        "crc32c" => new Crc32CChecksum(),
        "crc64nvme" => new Crc64NvmeChecksum(),
        "sha1" => new HashChecksum(HashAlgorithmName.SHA1),
        "sha256" => new HashChecksum(HashAlgorithmName.SHA256),
        _ => null,
    };

    public abstract void Append(ReadOnlySpan<byte> bytes);

    /// <summary>Most significant byte first, as S3 writes all of them.</summary>
    public abstract byte[] Finish();

    private sealed class Crc32Checksum : Checksum
    {
        private readonly Crc32 _crc = new();

        public override void Append(ReadOnlySpan<byte> bytes) => _crc.Append(bytes);

        public override byte[] Finish() => BigEndian(_crc.GetCurrentHashAsUInt32());
    }

    private sealed class Crc32CChecksum : Checksum
    {
        private uint _crc = uint.MaxValue;

        public override void Append(ReadOnlySpan<byte> bytes)
        {
            var crc = _crc;
            var words = MemoryMarshal.Cast<byte, ulong>(bytes);
            foreach (var word in words)
                crc = BitOperations.Crc32C(crc, word);
            foreach (var value in bytes[(words.Length * sizeof(ulong))..])
                crc = BitOperations.Crc32C(crc, value);
            _crc = crc;
        }

        public override byte[] Finish() => BigEndian(~_crc);
    }

    private sealed class HashChecksum(HashAlgorithmName algorithm) : Checksum
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(algorithm);

        public override void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

        public override byte[] Finish() => _hash.GetHashAndReset();
    }

    private static byte[] BigEndian(uint value)
    {
        var bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>CRC-64/NVME, eight bytes at a time (slicing); System.IO.Hashing has only the polynomial of ECMA-182.</summary>
    private sealed class Crc64NvmeChecksum : Checksum
    {
        private const ulong ReflectedPolynomial = 0x9A6C9329AC4BC9B5;
        private static readonly ulong[][] Tables = BuildTables();
        private ulong _crc = ulong.MaxValue;

        public override void Append(ReadOnlySpan<byte> bytes)
        {
            var (t0, t1, t2, t3, t4, t5, t6, t7) = (Tables[0], Tables[1], Tables[2], Tables[3], Tables[4], Tables[5], Tables[6], Tables[7]);
            var crc = _crc;
            for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            {
                var x = crc ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes);
                crc = t7[x & 0xFF] ^ t6[(x >> 8) & 0xFF] ^ t5[(x >> 16) & 0xFF] ^ t4[(x >> 24) & 0xFF]
                    ^ t3[(x >> 32) & 0xFF] ^ t2[(x >> 40) & 0xFF] ^ t1[(x >> 48) & 0xFF] ^ t0[x >> 56];
            }

            foreach (var value in bytes)
                crc = (crc >> 8) ^ t0[(crc ^ value) & 0xFF];
            _crc = crc;
        }

        public override byte[] Finish()
        {
            var bytes = new byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64BigEndian(bytes, ~_crc);
            return bytes;
        }

        private static ulong[][] BuildTables()
        {
            var tables = new ulong[sizeof(ulong)][];
            for (var slice = 0; slice < tables.Length; slice++)
            {
                tables[slice] = new ulong[256];
                for (var i = 0; i < 256; i++)
                {
                    var previous = slice == 0 ? (ulong)i : tables[slice - 1][i];
                    tables[slice][i] = slice == 0 ? Shift(previous) : (previous >> 8) ^ tables[0][previous & 0xFF];
                }
            }

            return tables;
        }

        private static ulong Shift(ulong crc)
        {
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ ReflectedPolynomial;
            return crc;
        }
    }
}
