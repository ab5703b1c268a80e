using System.Globalization;
using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>PutObject, GetObject, HeadObject, DeleteObject and DeleteObjects.</summary>
internal static class Objects
{
    private const long LargestPut = 5L * 1024 * 1024 * 1024;
    private const int MostDeletes = 1000;
    private const int ReadSize = 128 * 1024;

    public static async Task Put(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var bucket = store[request.Bucket];
        var headers = StoredHeaders.From(request);
        var digests = new BodyDigests(request);
        using var file = await ReceiveAsync(request, bucket, digests, cancellationToken);
        var metadata = new ObjectMetadata(
            request.Key, file.Length, digests.ETag, store.Time.GetUtcNow(), headers, digests.ChecksumName, digests.ChecksumValue);
        file.Seal(metadata);
        bucket.Commit(file, metadata);

        var response = request.Http.Response;
        response.Headers.ETag = $"\"{metadata.ETag}\"";
        if (metadata.ChecksumName is not null)
            response.Headers[metadata.ChecksumName] = metadata.ChecksumValue;
    }

    /// <summary>A body, received into a file that is not yet visible.</summary>
    public static async Task<PendingFile> ReceiveAsync(S3Request request, Bucket bucket, BodyDigests digests, CancellationToken cancellationToken)
    {
        var body = RequestBody.Open(request);
        if (body.Length > LargestPut)
            throw new S3Exception(S3Error.EntityTooLarge);

        var file = bucket.NewFile(body.Length);
        try
        {
            await file.ReceiveAsync(body, digests, cancellationToken);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public static async Task Get(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        if (request.Parameter("partNumber") is not null)
            throw new S3Exception(S3Error.NotImplemented);
        using var file = store[request.Bucket].Open(request.Key);
        var metadata = file.Metadata;
        var response = request.Http.Response;
        StoredHeaders.Apply(request, metadata);
        if (!Preconditions.Hold(request, metadata))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        var range = ByteRange.Requested(request, metadata.Size);
        if (range is { } part)
        {
            response.StatusCode = StatusCodes.Status206PartialContent;
            response.Headers.ContentRange = $"bytes {part.First}-{part.First + part.Length - 1}/{metadata.Size}";
        }
        else if (metadata.ChecksumName is not null && request.Header("x-amz-checksum-mode") is not null)
        {
            response.Headers[metadata.ChecksumName] = metadata.ChecksumValue;
        }

        var (first, length) = range ?? new ByteRange(0, metadata.Size);
        response.ContentLength = length;
        if (HttpMethods.IsGet(request.Method))
            await SendAsync(file, first, length, response, cancellationToken);
    }

    public static void Delete(S3Request request, BucketStore store)
    {
        store[request.Bucket].Delete(request.Key);
        request.Http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    public static async Task DeleteMany(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var bucket = store[request.Bucket];
        var document = Xml.Parse(await RequestBody.ReadDocumentAsync(request, mustBePromised: true, cancellationToken), "Delete");
        var keys = document.Children("Object").Select(item => item.Child("Key") ?? "").ToList();
        if (keys.Count is 0 or > MostDeletes || keys.Contains(""))
            throw new S3Exception(S3Error.MalformedXml);

        var isQuiet = document.Child("Quiet") == "true";
        var result = Xml.Element("DeleteResult");
        foreach (var key in keys)
        {
            bucket.Delete(key);
            if (!isQuiet)
                result.Add(Xml.Element("Deleted", Xml.Element("Key", key)));
        }

        await Xml.WriteAsync(request.Http.Response, result, cancellationToken);
    }

    private static async Task SendAsync(ObjectFile file, long first, long length, HttpResponse response, CancellationToken cancellationToken)
    {
        var writer = response.BodyWriter;
        for (var end = first + length; first < end;)
        {
            var memory = writer.GetMemory((int)Math.Min(ReadSize, end - first));
            var wanted = (int)Math.Min(memory.Length, end - first);
            var count = await RandomAccess.ReadAsync(file.Handle, memory[..wanted], first, cancellationToken);
            if (count == 0)
                throw new InvalidDataException("The object's file became shorter while it was read.");
            writer.Advance(count);
            first += count;
            if ((await writer.FlushAsync(cancellationToken)).IsCompleted)
                return;
        }
    }
}

/// <summary>The one range of a GET that S3 honours.</summary>
internal readonly record struct ByteRange(long First, long Length)
{
    /// <returns>Null for the whole object: no range, several, or one that is not understood (RFC 9110, 14.2).</returns>
    /// <exception cref="S3Exception">InvalidRange: no byte of the object is in it.</exception>
    public static ByteRange? Requested(S3Request request, long size)
    {
        if (!Microsoft.Net.Http.Headers.RangeHeaderValue.TryParse(request.Header("Range"), out var header) || header.Unit != "bytes" || header.Ranges.Count != 1)
            return null;

        var (from, to) = (header.Ranges.First().From, header.Ranges.First().To);
        var first = from ?? Math.Max(0, size - to.GetValueOrDefault());
        var last = from is null ? size - 1 : Math.Min(to ?? long.MaxValue, size - 1);
        if (first <= last)
            return new ByteRange(first, last - first + 1);

        request.Http.Response.Headers.ContentRange = $"bytes */{size.ToString(CultureInfo.InvariantCulture)}";
        throw new S3Exception(
            S3Error.InvalidRange, detail: new XElement("ActualObjectSize", size));
    }
}

/// <summary>The conditions of a read (RFC 9110, 13.2.2, in its order of precedence).</summary>
internal static class Preconditions
{
    /// <returns>False if the client has it already: 304.</returns>
    /// <exception cref="S3Exception">PreconditionFailed.</exception>
    public static bool Hold(S3Request request, ObjectMetadata metadata)
    {
        var headers = request.Http.Request.GetTypedHeaders();
        var modified = DateTimeOffset.FromUnixTimeSeconds(metadata.LastModified.ToUnixTimeSeconds());

        if (request.Header("If-Match") is { } match)
        {
            if (!Matches(match, metadata.ETag))
                throw new S3Exception(S3Error.PreconditionFailed);
        }
        else if (headers.IfUnmodifiedSince is { } unmodifiedSince && modified > unmodifiedSince)
        {
            throw new S3Exception(S3Error.PreconditionFailed);
        }

        if (request.Header("If-None-Match") is { } noneMatch)
            return !Matches(noneMatch, metadata.ETag);
        return headers.IfModifiedSince is not { } modifiedSince || modified > modifiedSince;
    }

    /// <summary>S3 takes entity tags without their quotes, too, so the framework's stricter parser is of no use here.</summary>
    private static bool Matches(string list, string etag) =>
        list.Split(',', StringSplitOptions.TrimEntries).Any(tag => tag == "*" || tag.Trim('"') == etag);
}
