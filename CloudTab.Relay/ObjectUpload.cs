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
/// ones fill. Disposing it before it is completed removes whatever had reached S3 and nobody else knows of: everything, or
/// where there is a journal, what has not been recorded in it.
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
    private readonly int _partSize;
    private readonly int _bufferSize;
    private readonly List<string> _parts;
    private readonly Queue<Task> _sending = [];
    private readonly IncrementalHash? _partSha256;
    private readonly bool _isResumable;
    private readonly CancellationTokenSource _reclaim = new();

    private ObjectProgress _recorded;
    private int _lastPart;
    private long _inParts;
    private UploadBuffer? _filling;
    private string? _multipartId;
    private bool _hasTail;
    private bool _reachedS3;
    private bool _settled;

    /// <param name="most">Bytes that the object will have at most, where that is known: it then takes no more memory than that.</param>
    /// <param name="from">Where an upload that was begun before goes on, or null for one that ends where it began.</param>
    internal ObjectUpload(
        IAmazonS3 client,
        ResiliencePipeline pipeline,
        UploadMemory memory,
        ObjectStoreOptions options,
        string key,
        long? most,
        int partSize,
        ObjectProgress? from)
    {
        _client = client;
        _pipeline = pipeline;
        _memory = memory;
        _bucket = options.Bucket;
        _key = key;
        _isResumable = from is not null;
        _recorded = from ?? ObjectProgress.None;
        _multipartId = _recorded.MultipartId;
        _parts = [.. _recorded.PartETags];
        _lastPart = _parts.Count;
        _partSize = partSize;
        _inParts = _recorded.Received - _recorded.TailSize;
        _bufferSize = (int)Math.Clamp(most - _inParts ?? partSize, 1, partSize);
        Size = _recorded.Received;
        _partSha256 = options.SignsPayloads ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
    }

    /// <summary>Bytes written so far.</summary>
    public long Size { get; private set; }

    /// <summary>
    /// Called with what is durable whenever a part is, so that somebody else can go on from there; it throws where nobody may record
    /// any more. Null while nothing may be recorded.
    /// </summary>
    public Func<ObjectProgress, CancellationToken, Task>? Journal { get; set; }

    /// <summary>
    /// SHA-256 of all bytes that were written, 32 bytes, where somebody takes it anyway: the first part is then not hashed again for
    /// its signature.
    /// </summary>
    public Func<byte[]>? Sha256SoFar { get; set; }

    private bool IsHashedElsewhere => Sha256SoFar is not null && _lastPart == 0;

    private ObjectProgress Durable => _parts.Count == _recorded.PartETags.Count ? _recorded : new(_inParts, _multipartId, [.. _parts], null, 0);

    /// <summary>
    /// Is cancelled where others wait for the memory that this upload holds and its client is too slow: whoever reads from the client
    /// is to stop, and to park or dispose this.
    /// </summary>
    public CancellationToken Reclaimed => _reclaim.Token;

    /// <summary>Gets back the tail of what was received before. To be called before anything is written.</summary>
    /// <param name="seen">Is shown the tail's bytes.</param>
    public async Task LoadTailAsync(Action<ReadOnlySpan<byte>>? seen, CancellationToken cancellationToken)
    {
        if (_hasTail || _recorded.TailSize == 0)
            return;
        _hasTail = true;
        _filling = _memory.Begin(_bufferSize, _reclaim);
        using var found = await _pipeline.ExecuteAsync(
            async token => await _client.GetObjectAsync(new() { BucketName = _bucket, Key = _recorded.TailKey }, token), cancellationToken);
        try
        {
            while (_filling.Length < _recorded.TailSize)
            {
                var memory = await _filling.GetMemoryAsync(cancellationToken);
                memory = memory[..Math.Min(memory.Length, _recorded.TailSize - _filling.Length)];
                await found.ResponseStream.ReadExactlyAsync(memory, cancellationToken);
                Hash(_filling.Advance(memory.Length));
                seen?.Invoke(memory.Span);
            }
        }
        catch (IOException cut)
        {
            throw new HttpRequestException("S3 broke off in the middle of an object.", cut);
        }
    }

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
        if (buffer.Length == _partSize)
            await SendPartAsync(cancellationToken);
    }

    /// <summary>Makes the object durable and visible; it holds one byte at least.</summary>
    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        await LoadTailAsync(seen: null, cancellationToken);
        if (_multipartId is null)
        {
            await PutAsync(_key, cancellationToken);
        }
        else
        {
            if (_filling is { Length: > 0 })
                await SendPartAsync(cancellationToken);
            await CollectPartsAsync();
            // Recorded before the completion: afterwards no part can be added, and whoever goes on must know that none is missing.
            await RecordAsync(cancellationToken);
            await CompleteMultipartAsync(cancellationToken);
        }

        _settled = true;
    }

    /// <summary>Makes all bytes durable without completing the object: what is less than a part goes to an object of its own.</summary>
    /// <param name="tailKey">The key of that object, of which there must be none yet.</param>
    /// <returns>What to record, so that it can be continued from there.</returns>
    public async Task<ObjectProgress> ParkAsync(string tailKey, CancellationToken cancellationToken)
    {
        await CollectPartsAsync();
        var parked = Durable;
        if (Size > parked.Received)
        {
            var length = _filling!.Length;
            await PutAsync(tailKey, cancellationToken);
            parked = parked with { Received = Size, TailKey = tailKey, TailSize = length };
        }

        _settled = true;
        return parked;
    }

    public async ValueTask DisposeAsync()
    {
        _filling?.Dispose(); // first: others may wait for it
        await Task.WhenAll(_sending).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        _reclaim.Dispose();
        _partSha256?.Dispose();
        if (!_settled && _reachedS3)
            await RemoveAsync();
    }

    private void Hash(ReadOnlySpan<byte> bytes)
    {
        if (!IsHashedElsewhere)
            _partSha256?.AppendData(bytes);
    }

    private string FinishPayload()
    {
        if (_partSha256 is null)
            return SignedPayload.Unsigned;
        return Convert.ToHexStringLower(IsHashedElsewhere ? Sha256SoFar!() : _partSha256.GetHashAndReset());
    }

    private async Task SendPartAsync(CancellationToken cancellationToken)
    {
        var payload = FinishPayload();
        while (_sending.Count == MostSending || _sending.TryPeek(out var first) && first.IsCompleted)
            await _sending.Dequeue();
        _multipartId ??= await BeginMultipartAsync();
        (var part, _filling) = (_filling!, null);
        _sending.Enqueue(UploadPartAsync(part, ++_lastPart, payload, _sending.LastOrDefault(Task.CompletedTask), cancellationToken));
    }

    private async Task CollectPartsAsync()
    {
        while (_sending.TryPeek(out var first))
        {
            await first;
            _ = _sending.Dequeue();
        }
    }

    private async Task UploadPartAsync(UploadBuffer part, int number, string payload, Task before, CancellationToken cancellationToken)
    {
        string tag;
        using (part)
        {
            var sent = await _pipeline.ExecuteAsync(
                async token => await _client.UploadPartAsync(
                    new()
                    {
                        BucketName = _bucket,
                        Key = _key,
                        UploadId = _multipartId,
                        PartNumber = number,
                        PartSize = part.Length,
                        InputStream = part.OpenRead(payload),
                        UseChunkEncoding = false,
                    },
                    token),
                cancellationToken);
            tag = sent.ETag;
        }

        // Counted in their order: what is recorded has no gaps.
        await before;
        _parts.Add(tag);
        _inParts += part.Length;
        await RecordAsync(cancellationToken);
    }

    private async Task RecordAsync(CancellationToken cancellationToken)
    {
        var durable = Durable;
        if (Journal is null || ReferenceEquals(durable, _recorded))
            return;
        await Journal(durable, cancellationToken);
        _recorded = durable;
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
        var request = new CompleteMultipartUploadRequest
        {
            BucketName = _bucket,
            Key = _key,
            UploadId = _multipartId,
            PartETags = [.. _parts.Select((tag, index) => new PartETag(index + 1, tag))],
        };
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

    private async Task PutAsync(string key, CancellationToken cancellationToken)
    {
        _reachedS3 = true;
        (var buffer, _filling) = (_filling ?? throw new InvalidOperationException("Nothing was written."), null);
        var payload = FinishPayload();
        using (buffer)
        {
            await _pipeline.ExecuteAsync(
                async token => await _client.PutObjectAsync(
                    new() { BucketName = _bucket, Key = key, InputStream = buffer.OpenRead(payload), UseChunkEncoding = false }, token),
                cancellationToken);
        }
    }

    /// <summary>
    /// Leaves nothing behind that nobody else knows of. The client may be gone already, so this has a time of its own; where it fails
    /// the Janitor does it.
    /// </summary>
    private async Task RemoveAsync()
    {
        using var limit = new CancellationTokenSource(AbortLimit);
        try
        {
            if (_multipartId is not null && _multipartId != _recorded.MultipartId)
                await _pipeline.ExecuteAsync(async token => await _client.AbortMultipartUploadAsync(_bucket, _key, _multipartId, token), limit.Token);
            if (!_isResumable)
                await _pipeline.ExecuteAsync(async token => await _client.DeleteObjectAsync(_bucket, _key, token), limit.Token);
        }
        catch (Exception left) when (left is AmazonClientException or HttpRequestException or IOException or SocketException
            or OperationCanceledException or ExecutionRejectedException)
        {
            // A file's row is `uploading` until it is given up, and the Janitor takes row, parts and object together.
        }
    }
}

/// <summary>How far an upload has come in S3.</summary>
/// <param name="Received">Bytes that are durable.</param>
/// <param name="MultipartId">S3's id of the multipart upload that holds the parts, or null where there are none.</param>
/// <param name="PartETags">S3's tags of the parts, in their order.</param>
/// <param name="TailKey">The object that holds what came behind the last part, if anything did.</param>
/// <param name="TailSize">Its bytes.</param>
public sealed record ObjectProgress(long Received, string? MultipartId, IReadOnlyList<string> PartETags, string? TailKey, int TailSize)
{
    /// <summary>Nothing yet.</summary>
    public static ObjectProgress None { get; } = new(0, null, [], null, 0);
}
