using System.Net;
using Amazon.S3;
using Amazon.S3.Model;
using Polly;

namespace CloudTab.Relay;

/// <summary>The calls to S3 by which one object comes into being, each repeated as the pipeline says.</summary>
internal sealed class ObjectRequests(IAmazonS3 client, ResiliencePipeline pipeline, TimeProvider clock, string bucket, string key)
{
    private static readonly TimeSpan BeginLimit = TimeSpan.FromSeconds(30);

    /// <summary>The object's key.</summary>
    public string Key => key;

    /// <summary>What time limits go by.</summary>
    public TimeProvider Clock => clock;

    /// <summary>Puts an object, of this key or another one that belongs to it.</summary>
    /// <param name="open">Opens the content; called once for each attempt.</param>
    public async Task PutAsync(string putKey, Func<Stream> open, CancellationToken cancellationToken) =>
        await pipeline.ExecuteAsync(
            async token => await client.PutObjectAsync(
                new() { BucketName = bucket, Key = putKey, InputStream = open(), UseChunkEncoding = false }, token),
            cancellationToken);

    /// <summary>Reads an object to its end.</summary>
    /// <param name="memory">Gives memory for the next bytes.</param>
    /// <param name="advance">Told how many came.</param>
    public async Task ReadAsync(
        string readKey, Func<CancellationToken, ValueTask<Memory<byte>>> memory, Action<int> advance, CancellationToken cancellationToken)
    {
        using var found = new StoredObjectStream(await pipeline.ExecuteAsync(
            async token => await client.GetObjectAsync(new() { BucketName = bucket, Key = readKey }, token), cancellationToken));
        for (var rest = found.Length; rest > 0;)
        {
            var next = await memory(cancellationToken);
            next = next[..(int)Math.Min(next.Length, rest)];
            await found.ReadExactlyAsync(next, cancellationToken);
            advance(next.Length);
            rest -= next.Length;
        }
    }

    /// <returns>S3's id of the multipart upload.</returns>
    public async Task<string> BeginMultipartAsync()
    {
        // Not the request's token: a client that leaves now must not keep us from learning the id of what has to be aborted.
        using var limit = clock.Limit(BeginLimit);
        var begun = await pipeline.ExecuteAsync(
            async token => await client.InitiateMultipartUploadAsync(new() { BucketName = bucket, Key = key }, token), limit.Token);
        return begun.UploadId;
    }

    /// <param name="open">Opens the content; called once for each attempt.</param>
    /// <returns>S3's tag of the part.</returns>
    public async Task<string> UploadPartAsync(
        string multipartId, int number, long size, Func<Stream> open, CancellationToken cancellationToken)
    {
        var sent = await pipeline.ExecuteAsync(
            async token => await client.UploadPartAsync(
                new()
                {
                    BucketName = bucket,
                    Key = key,
                    UploadId = multipartId,
                    PartNumber = number,
                    PartSize = size,
                    InputStream = open(),
                    UseChunkEncoding = false,
                },
                token),
            cancellationToken);
        return sent.ETag;
    }

    /// <param name="tags">S3's tags of the parts, in their order.</param>
    /// <param name="size">Bytes of all parts.</param>
    public async Task CompleteMultipartAsync(string multipartId, IReadOnlyList<string> tags, long size, CancellationToken cancellationToken)
    {
        var request = new CompleteMultipartUploadRequest
        {
            BucketName = bucket,
            Key = key,
            UploadId = multipartId,
            PartETags = [.. tags.Select((tag, index) => new PartETag(index + 1, tag))],
        };
        try
        {
            await pipeline.ExecuteAsync(async token => await client.CompleteMultipartUploadAsync(request, token), cancellationToken);
        }
        catch (AmazonS3Exception gone) when (gone.ErrorCode == "NoSuchUpload")
        {
            // A completion whose answer got lost ends the upload: then the object is there, of the size that was sent.
            if (await SizeAsync(cancellationToken) != size)
                throw;
        }
    }

    public async Task AbortMultipartAsync(string multipartId, CancellationToken cancellationToken) =>
        await pipeline.ExecuteAsync(async token => await client.AbortMultipartUploadAsync(bucket, key, multipartId, token), cancellationToken);

    /// <summary>Deletes an object, of this key or another one that belongs to it.</summary>
    public async Task DeleteAsync(string putKey, CancellationToken cancellationToken) =>
        await pipeline.ExecuteAsync(async token => await client.DeleteObjectAsync(bucket, putKey, token), cancellationToken);

    private async Task<long?> SizeAsync(CancellationToken cancellationToken)
    {
        try
        {
            var found = await pipeline.ExecuteAsync(async token => await client.GetObjectMetadataAsync(bucket, key, token), cancellationToken);
            return found.ContentLength;
        }
        catch (AmazonS3Exception missing) when (missing.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }
}
