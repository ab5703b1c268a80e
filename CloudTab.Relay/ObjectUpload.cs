using System.Net.Sockets;
using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Polly;

namespace CloudTab.Relay;

/// <summary>
/// One object on its way to S3: bytes are written to <see cref="GetMemoryAsync"/> and counted with <see cref="AdvanceAsync"/>. Up to
/// one part it becomes a single put; beyond that a multipart upload of equal parts (some stores want them equal), sent while the next
/// one fills. Disposing it before it is completed removes whatever had reached S3.
/// </summary>
public sealed class ObjectUpload : IAsyncDisposable
{
    /// <summary>Bytes in every part but the last: 5 GiB fit into 640, and stores that allow 1,000 parts only take 7.8 GiB.</summary>
    public const int PartSize = 8 << 20;

    // One connection to S3 is often slower than a client's. More would let a few fast uploads take the whole budget of memory.
    private const int MostSending = 3;

    private static readonly TimeSpan BeginLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AbortLimit = TimeSpan.FromSeconds(10);

    private readonly IAmazonS3 _client;
    private readonly ResiliencePipeline _pipeline;
    private readonly UploadMemory _memory;
    private readonly string _bucket;
    private readonly string _key;
    private readonly int _bufferSize;
    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash? _partSha256;
    private readonly Queue<Task<PartETag>> _sending = [];
    private readonly List<PartETag> _parts = [];
    private readonly CancellationTokenSource _reclaim = new();

    private UploadBuffer? _filling;
    private string? _uploadId;
    private bool _reachedS3;
    private bool _completed;

    internal ObjectUpload(IAmazonS3 client, ResiliencePipeline pipeline, UploadMemory memory, ObjectStoreOptions options, string key, long? most)
    {
        _client = client;
        _pipeline = pipeline;
        _memory = memory;
        _bucket = options.Bucket;
        _key = key;
        _bufferSize = (int)Math.Clamp(most ?? PartSize, 1, PartSize);
        _partSha256 = options.SignsPayloads ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
    }

    /// <summary>Bytes written so far.</summary>
    public long Size { get; private set; }

    /// <summary>
    /// Is cancelled where others wait for the memory that this upload holds and its client is too slow: whoever reads from the client
    /// is to stop, and to dispose this.
    /// </summary>
    public CancellationToken Reclaimed => _reclaim.Token;

    /// <summary>Where the next bytes go, never empty. Waits for the process's memory budget.</summary>
    public ValueTask<Memory<byte>> GetMemoryAsync(CancellationToken cancellationToken)
    {
        _filling ??= _memory.Begin(_bufferSize, _reclaim);
        return _filling.IsFull
            ? throw new InvalidOperationException($"More than the {_bufferSize} bytes announced.")
            : _filling.GetMemoryAsync(cancellationToken);
    }

    /// <summary>Counts bytes that were written to <see cref="GetMemoryAsync"/>, and sends a part when it is full.</summary>
    public async ValueTask AdvanceAsync(int count, CancellationToken cancellationToken)
    {
        var buffer = _filling ?? throw new InvalidOperationException("Nothing was asked for to write to.");
        Hash(buffer.Advance(count));
        Size += count;
        if (buffer.Length == PartSize)
            await SendPartAsync(cancellationToken);
    }

    /// <summary>Makes the object durable and visible; it holds one byte at least.</summary>
    /// <returns>SHA-256 of the content, 32 bytes.</returns>
    public async Task<byte[]> CompleteAsync(CancellationToken cancellationToken)
    {
        if (_uploadId is null)
        {
            await PutAsync(cancellationToken);
        }
        else
        {
            if (_filling is { Length: > 0 })
                await SendPartAsync(cancellationToken);
            while (_sending.Count > 0)
                await CollectPartAsync();
            await CompleteMultipartAsync(cancellationToken);
        }

        _completed = true;
        return _sha256.GetHashAndReset();
    }

    public async ValueTask DisposeAsync()
    {
        _filling?.Dispose(); // first: others may wait for it
        await Task.WhenAll(_sending).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        _reclaim.Dispose();
        _sha256.Dispose();
        _partSha256?.Dispose();
        if (!_completed && _reachedS3)
            await RemoveAsync();
    }

    // The first part is hashed once: its SHA-256 is that of the file so far.
    private bool IsFirstPart => Size < PartSize;

    private void Hash(ReadOnlySpan<byte> bytes)
    {
        _sha256.AppendData(bytes);
        if (!IsFirstPart)
            _partSha256?.AppendData(bytes);
    }

    private string PayloadOfPart(bool isFirst)
    {
        if (_partSha256 is null)
            return SignedPayload.Unsigned;
        return Convert.ToHexStringLower(isFirst ? _sha256.GetCurrentHash() : _partSha256.GetHashAndReset());
    }

    private async Task SendPartAsync(CancellationToken cancellationToken)
    {
        var number = _parts.Count + _sending.Count + 1;
        var payload = PayloadOfPart(number == 1);
        if (_sending.Count == MostSending)
            await CollectPartAsync();
        _uploadId ??= await BeginMultipartAsync();
        (var part, _filling) = (_filling!, null);
        _sending.Enqueue(UploadPartAsync(part, number, payload, cancellationToken));
    }

    private async Task CollectPartAsync()
    {
        _parts.Add(await _sending.Peek());
        _ = _sending.Dequeue();
    }

    private async Task<PartETag> UploadPartAsync(UploadBuffer part, int number, string payload, CancellationToken cancellationToken)
    {
        using (part)
        {
            var sent = await _pipeline.ExecuteAsync(
                async token => await _client.UploadPartAsync(
                    new()
                    {
                        BucketName = _bucket,
                        Key = _key,
                        UploadId = _uploadId,
                        PartNumber = number,
                        PartSize = part.Length,
                        InputStream = part.OpenRead(payload),
                        UseChunkEncoding = false,
                    },
                    token),
                cancellationToken);
            return new PartETag(number, sent.ETag);
        }
    }

    private async Task<string> BeginMultipartAsync()
    {
        // Not the request's token: a client that leaves now must not keep us from learning the id of what has to be aborted.
        using var limit = new CancellationTokenSource(BeginLimit);
        _reachedS3 = true;
        var begun = await _pipeline.ExecuteAsync(
            async token => await _client.InitiateMultipartUploadAsync(new() { BucketName = _bucket, Key = _key }, token), limit.Token);
        return begun.UploadId;
    }

    private async Task CompleteMultipartAsync(CancellationToken cancellationToken)
    {
        var request = new CompleteMultipartUploadRequest { BucketName = _bucket, Key = _key, UploadId = _uploadId, PartETags = _parts };
        try
        {
            await _pipeline.ExecuteAsync(async token => await _client.CompleteMultipartUploadAsync(request, token), cancellationToken);
        }
        catch (AmazonS3Exception gone) when (gone.ErrorCode == "NoSuchUpload")
        {
            // A completion whose answer got lost ends the upload: then the object is there, of the size that was sent.
            var found = await _client.GetObjectMetadataAsync(_bucket, _key, cancellationToken);
            if (found.ContentLength != Size)
                throw;
        }
    }

    private async Task PutAsync(CancellationToken cancellationToken)
    {
        _reachedS3 = true;
        (var buffer, _filling) = (_filling ?? throw new InvalidOperationException("Nothing was written."), null);
        var payload = PayloadOfPart(isFirst: true);
        using (buffer)
        {
            await _pipeline.ExecuteAsync(
                async token => await _client.PutObjectAsync(
                    new() { BucketName = _bucket, Key = _key, InputStream = buffer.OpenRead(payload), UseChunkEncoding = false }, token),
                cancellationToken);
        }
    }

    /// <summary>Leaves nothing behind. The client may be gone already, so this has a time of its own; where it fails the Janitor does it.</summary>
    private async Task RemoveAsync()
    {
        using var limit = new CancellationTokenSource(AbortLimit);
        try
        {
            if (_uploadId is not null)
                await _pipeline.ExecuteAsync(async token => await _client.AbortMultipartUploadAsync(_bucket, _key, _uploadId, token), limit.Token);
            await _pipeline.ExecuteAsync(async token => await _client.DeleteObjectAsync(_bucket, _key, token), limit.Token);
        }
        catch (Exception left) when (left is AmazonClientException or HttpRequestException or IOException or SocketException
            or OperationCanceledException or ExecutionRejectedException)
        {
            // The row stays `uploading` until its lease lapses, and the Janitor takes row, parts and object together.
        }
    }
}
