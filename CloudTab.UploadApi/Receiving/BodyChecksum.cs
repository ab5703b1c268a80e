using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>
/// The checksum of one request's body, computed as it passes. If the expected value is a trailer, all algorithms that it may name are
/// run. It is disposed with its request.
/// </summary>
internal sealed class BodyChecksum : IDisposable
{
    public const string Sha256 = "sha256";

    /// <summary>The algorithms that are known, best first.</summary>
    public static IReadOnlyList<string> Algorithms { get; } = [Sha256, "sha1", "crc32"];

    private readonly Dictionary<string, Hash> _hashes;
    private readonly Func<ExpectedChecksum?> _expected;

    private BodyChecksum(HttpRequest request, IReadOnlyList<string> algorithms, Func<ExpectedChecksum?> expected)
    {
        _hashes = algorithms.ToDictionary(name => name, Hash.Create, StringComparer.Ordinal);
        _expected = expected;
        request.HttpContext.Response.RegisterForDispose(this);
    }

    /// <summary>The checksum that a request's headers give.</summary>
    public static BodyChecksum FromHeader(HttpRequest request, ExpectedChecksum expected) => new(request, [expected.Algorithm], () => expected);

    /// <summary>The checksum that a request announces as a trailer, or null.</summary>
    public static BodyChecksum? FromTrailer(
        HttpRequest request, string name, IReadOnlyList<string> algorithms, Func<string, ExpectedChecksum?> parse) =>
        request.GetDeclaredTrailers().Contains(name, StringComparer.OrdinalIgnoreCase)
            ? new(request, algorithms, () => request.CheckTrailersAvailable() ? parse(request.GetTrailer(name).ToString()) : null)
            : null;

    /// <summary>Adds the next bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        foreach (var hash in _hashes.Values)
            hash.Append(bytes);
    }

    /// <summary>Compares, once all bytes were added.</summary>
    /// <returns>What is wrong, or null.</returns>
    public Problem? Verify()
    {
        if (_expected() is not { } expected || !_hashes.TryGetValue(expected.Algorithm, out var hash))
            return Problems.ChecksumNotUnderstood;
        return hash.Finish().AsSpan().SequenceEqual(expected.Value) ? null : Problems.ChecksumMismatch;
    }

    public void Dispose()
    {
        foreach (var hash in _hashes.Values)
            hash.Cryptographic?.Dispose();
    }

    private sealed record Hash(IncrementalHash? Cryptographic, Crc32? Cyclic)
    {
        public static Hash Create(string name) => name switch
        {
            Sha256 => new(IncrementalHash.CreateHash(HashAlgorithmName.SHA256), null),
#pragma warning disable CA5350 // tus: "The Server MUST support at least the SHA1 checksum algorithm". It guards against accidents, not attacks.
            "sha1" => new(IncrementalHash.CreateHash(HashAlgorithmName.SHA1), null),
#pragma warning restore CA5350
            _ => new(null, new Crc32()),
        };

        public void Append(ReadOnlySpan<byte> bytes)
        {
            Cryptographic?.AppendData(bytes);
            Cyclic?.Append(bytes);
        }

        public byte[] Finish()
        {
            if (Cryptographic is not null)
                return Cryptographic.GetHashAndReset();

            // The most significant byte first, as CRC-32 is written everywhere except in this library.
            var value = new byte[sizeof(uint)];
            BinaryPrimitives.WriteUInt32BigEndian(value, Cyclic!.GetCurrentHashAsUInt32());
            return value;
        }
    }
}

/// <summary>What a body must hash to.</summary>
internal sealed record ExpectedChecksum(string Algorithm, byte[] Value);
