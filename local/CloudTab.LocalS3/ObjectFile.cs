using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Win32.SafeHandles;

namespace CloudTab.LocalS3;

/// <summary>
/// An object is one file: its bytes, then its metadata as JSON, then the length of that JSON (32 bits, little-endian) and eight
/// bytes of magic. Metadata comes last because the ETag is known last; one file because one rename then replaces bytes and metadata
/// together, so that no reader sees one without the other. Parts and unfinished uploads are kept in the same form.
/// </summary>
internal sealed class ObjectFile : IDisposable
{
    private const int FirstGuess = 4096;

    private ObjectFile(SafeFileHandle handle, ObjectMetadata metadata) => (Handle, Metadata) = (handle, metadata);

    private static ReadOnlySpan<byte> FileSignatures => "CTLS3v1\n"u8;

    public static int FooterLength => sizeof(int) + FileSignatures.Length;

    public SafeFileHandle Handle { get; }

    public ObjectMetadata Metadata { get; }

    /// <returns>Null if there is no such file.</returns>
    /// <exception cref="InvalidDataException">LocalS3 did not finish writing the file.</exception>
    public static ObjectFile? TryOpen(string path)
    {
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (IOException exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        try
        {
            return new ObjectFile(handle, ReadMetadata(handle));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>What <see cref="TryOpen"/> expects after the bytes.</summary>
    public static byte[] Footer(ObjectMetadata metadata)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(metadata, MetadataContext.Default.ObjectMetadata);
        var footer = new byte[json.Length + FooterLength];
        json.CopyTo(footer, 0);
        BinaryPrimitives.WriteInt32LittleEndian(footer.AsSpan(json.Length), json.Length);
        FileSignatures.CopyTo(footer.AsSpan(json.Length + sizeof(int)));
        return footer;
    }

    public void Dispose() => Handle.Dispose();

    private static ObjectMetadata ReadMetadata(SafeFileHandle handle)
    {
        var fileLength = RandomAccess.GetLength(handle);
        var tail = ReadTail(handle, fileLength, FirstGuess);
        if (tail.Length < FooterLength || !tail.AsSpan(tail.Length - FileSignatures.Length).SequenceEqual(FileSignatures))
            throw new InvalidDataException("The file does not end like an object of LocalS3.");

        var jsonLength = BinaryPrimitives.ReadInt32LittleEndian(tail.AsSpan(tail.Length - FooterLength));
        if (jsonLength < 0 || jsonLength > fileLength - FooterLength)
            throw new InvalidDataException("The file's metadata is longer than the file.");
        if (jsonLength + FooterLength > tail.Length)
            tail = ReadTail(handle, fileLength, jsonLength + FooterLength);

        var metadata = JsonSerializer.Deserialize(tail.AsSpan(tail.Length - FooterLength - jsonLength, jsonLength), MetadataContext.Default.ObjectMetadata);
        return metadata is not null && metadata.Size == fileLength - FooterLength - jsonLength
            ? metadata
            : throw new InvalidDataException("The file's length is not what its metadata says.");
    }

    private static byte[] ReadTail(SafeFileHandle handle, long fileLength, int count)
    {
        var tail = new byte[Math.Min(count, fileLength)];
        var read = RandomAccess.Read(handle, tail, fileLength - tail.Length);
        return read == tail.Length ? tail : throw new InvalidDataException("The file became shorter while it was read.");
    }
}

/// <summary>A temporary file that is deleted unless it is moved to its final place.</summary>
internal sealed class PendingFile : IDisposable
{
    private const int BufferSize = 256 * 1024;
    private const int UnspecificCode = unchecked((int)0x80131620);
    private const int NoSpaceLeft = 28;
    private readonly string _path;
    private readonly SafeFileHandle _handle;
    private bool _isMoved;

    private PendingFile(string path, SafeFileHandle handle) => (_path, _handle) = (path, handle);

    public long Length { get; private set; }

    /// <param name="folder">On the same file system as the place that the file will be moved to.</param>
    /// <param name="expectedLength">Reserved at once, so that a disk that is too small is noticed before the bytes are sent.</param>
    public static PendingFile Create(string folder, long expectedLength)
    {
        var path = Path.Combine(folder, Guid.NewGuid().ToString("N"));
        try
        {
            return new PendingFile(path, File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, FileOptions.None, expectedLength));
        }
        catch (IOException exception) when (exception.HResult == UnspecificCode)
        {
            // A reservation that fails is the one case in which the runtime drops the system's error code.
            throw new IOException(exception.Message, NoSpaceLeft);
        }
    }

    /// <summary>Writes a request's body while its digests are computed, and checks all that was promised of it.</summary>
    /// <exception cref="S3Exception">The body is not what was signed or promised.</exception>
    public async Task ReceiveAsync(RequestBody body, BodyDigests digests, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (await body.FillAsync(buffer, cancellationToken) is > 0 and var count)
            {
                digests.Append(buffer.AsSpan(0, count));
                Write(buffer.AsSpan(0, count));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (Length != body.Length)
            throw new S3Exception(S3Error.IncompleteBody);
        digests.Verify(body.Trailers);
    }

    /// <summary>Appends the bytes of an object or part, without its metadata.</summary>
    public void Append(ObjectFile source, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (var offset = 0L; offset < source.Metadata.Size;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var wanted = (int)Math.Min(buffer.Length, source.Metadata.Size - offset);
                var count = RandomAccess.Read(source.Handle, buffer.AsSpan(0, wanted), offset);
                Write(buffer.AsSpan(0, count));
                offset += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Adds the metadata and waits until everything is on the disk.</summary>
    public void Seal(ObjectMetadata metadata)
    {
        Write(ObjectFile.Footer(metadata));
        RandomAccess.FlushToDisk(_handle);
        _handle.Dispose();
    }

    public void MoveTo(string path)
    {
        File.Move(_path, path, overwrite: true);
        _isMoved = true;
    }

    public void Dispose()
    {
        _handle.Dispose();
        if (!_isMoved)
            File.Delete(_path);
    }

    // Synchronous: it fills the page cache, and .NET's asynchronous file writes on Linux are the same call on another thread.
    private void Write(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_handle, bytes, Length);
        Length += bytes.Length;
    }
}

/// <summary>What is known of an object beside its bytes.</summary>
/// <param name="Key">The object's key; its file's name is only a hash of it.</param>
/// <param name="Size">In bytes.</param>
/// <param name="ETag">Without its quotes.</param>
/// <param name="LastModified">When it was stored; of an unfinished upload, when that was begun.</param>
/// <param name="Headers">Content-Type and the like, and x-amz-meta-*: given back as they came.</param>
/// <param name="ChecksumName">The x-amz-checksum- header that came with it, if any.</param>
/// <param name="ChecksumValue">That checksum in base64.</param>
internal sealed record ObjectMetadata(
    string Key,
    long Size,
    string ETag,
    DateTimeOffset LastModified,
    Dictionary<string, string> Headers,
    string? ChecksumName = null,
    string? ChecksumValue = null);

/// <summary>What is kept of a bucket beside its objects: <c>bucket.json</c>.</summary>
/// <param name="Created">When it was created.</param>
/// <param name="Lifecycle">The lifecycle configuration, as the XML that was put, or null.</param>
/// <param name="Cors">The CORS configuration, likewise.</param>
internal sealed record BucketSettings(DateTimeOffset Created, string? Lifecycle = null, string? Cors = null);

[JsonSerializable(typeof(ObjectMetadata))]
[JsonSerializable(typeof(BucketSettings))]
internal sealed partial class MetadataContext : JsonSerializerContext;
