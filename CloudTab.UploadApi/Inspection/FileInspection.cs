using System.Net;
using System.Security.Cryptography;

namespace CloudTab.UploadApi;

/// <summary>Inspects the bytes of one file as they pass, from the first to the last: what it is, and what it hashes to.</summary>
/// <param name="client">The address that the file comes from.</param>
/// <param name="left">Its client has left, and nobody waits for a place any more in which the file is looked into.</param>
internal sealed class FileInspection(FileTypes types, string name, string? declaredType, IPAddress client, CancellationToken left) : IDisposable
{
    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _head = new byte[FileSignatures.HeadSize];
    private int _headLength;
    private FileCheck? _check;

    /// <summary>Judges the file by its first bytes, as soon as there are enough of them or no more will come.</summary>
    /// <returns>Whether it can be accepted.</returns>
    public bool Begin(ReadOnlySpan<byte> head) => (_check = types.Begin(head, name, declaredType)) is not null;

    /// <summary>Looks at the next bytes.</summary>
    /// <returns>Whether the file can still be accepted.</returns>
    public bool Add(ReadOnlySpan<byte> bytes)
    {
        _sha256.AppendData(bytes);
        if (_check is not null)
            return _check.Add(bytes);

        var missing = Math.Min(_head.Length - _headLength, bytes.Length);
        bytes[..missing].CopyTo(_head.AsSpan(_headLength));
        _headLength += missing;
        return _headLength < _head.Length || Begin(_head) && _check!.Add(_head) && _check.Add(bytes[missing..]);
    }

    /// <summary>Judges the file once all its bytes have been seen and are durable.</summary>
    /// <returns>Its media type and SHA-256; null if it is not accepted.</returns>
    /// <exception cref="TimeoutException">See <see cref="FileTypes.ConcludeAsync"/>.</exception>
    public async Task<Verdict?> ConcludeAsync(string objectKey, long size, CancellationToken cancellationToken)
    {
        var head = _head.AsMemory(0, _headLength);
        if (_check is null && !(Begin(head.Span) && _check!.Add(head.Span)))
            return null;
        return await types.ConcludeAsync(_check, objectKey, size, client, left, cancellationToken) is { } type
            ? new Verdict(type, _sha256.GetHashAndReset())
            : null;
    }

    public void Dispose() => _sha256.Dispose();
}

/// <summary>What a file is.</summary>
internal sealed record Verdict(string Type, byte[] Sha256);
