using System.Globalization;
using System.Security.Cryptography;
using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>CreateMultipartUpload, UploadPart, CompleteMultipartUpload and AbortMultipartUpload.</summary>
internal static class Multipart
{
    private const long SmallestPart = 5 * 1024 * 1024;

    public static async Task Create(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var bucket = store[request.Bucket];
        var metadata = new ObjectMetadata(request.Key, 0, "", store.Time.GetUtcNow(), StoredHeaders.From(request), PartChecksums.Announced(request));
        var upload = Upload.Begin(bucket, metadata);
        var result = Xml.Element(
            "InitiateMultipartUploadResult",
            Xml.Element("Bucket", bucket.Name),
            Xml.Element("Key", request.Key),
            Xml.Element("UploadId", upload.Id));
        await Xml.WriteAsync(request.Http.Response, result, cancellationToken);
    }

    public static async Task UploadPart(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var bucket = store[request.Bucket];
        var upload = Find(request, bucket);
        var number = request.Number("partNumber", missing: 0, least: 1);
        if (number is 0 or > Upload.MostParts)
            throw new S3Exception(S3Error.InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive");

        var digests = new BodyDigests(request);
        PartChecksums.Require(upload.Metadata.ChecksumName, digests.ChecksumName);
        using var part = await Objects.ReceiveAsync(request, bucket, digests, cancellationToken);
        var metadata = new ObjectMetadata(request.Key, part.Length, digests.ETag, store.Time.GetUtcNow(), [], digests.ChecksumName, digests.ChecksumValue);
        part.Seal(metadata);
        upload.Commit(part, number);

        var response = request.Http.Response;
        response.Headers.ETag = $"\"{metadata.ETag}\"";
        if (metadata.ChecksumName is not null)
            response.Headers[metadata.ChecksumName] = metadata.ChecksumValue;
    }

    public static async Task Complete(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var bucket = store[request.Bucket];
        var wanted = await ReadPartListAsync(request, cancellationToken);
        var upload = Find(request, bucket);
        var parts = new List<ObjectFile>();
        try
        {
            foreach (var named in wanted)
                parts.Add(OpenPart(upload, named));
            if (parts.SkipLast(1).Any(part => part.Metadata.Size < SmallestPart))
                throw new S3Exception(S3Error.EntityTooSmall);

            var metadata = Join(bucket, upload, parts, store.Time.GetUtcNow(), cancellationToken);
            upload.End(bucket);
            var result = Xml.Element(
                "CompleteMultipartUploadResult",
                Xml.Element("Location", $"{request.Http.Request.Scheme}://{request.Http.Request.Host}/{bucket.Name}/{Uri.EscapeDataString(request.Key)}"),
                Xml.Element("Bucket", bucket.Name),
                Xml.Element("Key", request.Key),
                Xml.Element("ETag", $"\"{metadata.ETag}\""));
            await Xml.WriteAsync(request.Http.Response, result, cancellationToken);
        }
        finally
        {
            parts.ForEach(part => part.Dispose());
        }
    }

    public static void Abort(S3Request request, BucketStore store)
    {
        var bucket = store[request.Bucket];
        Find(request, bucket).End(bucket);
        request.Http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <exception cref="S3Exception">NoSuchUpload: no such id, or not for this key.</exception>
    public static Upload Find(S3Request request, Bucket bucket) =>
        bucket.Uploads.TryGetValue(request.Parameter("uploadId") ?? "", out var upload) && upload.Metadata.Key == request.Key
            ? upload
            : throw new S3Exception(S3Error.NoSuchUpload);

    private static async Task<List<NamedPart>> ReadPartListAsync(S3Request request, CancellationToken cancellationToken)
    {
        var document = Xml.Parse(await RequestBody.ReadDocumentAsync(request, mustBePromised: false, cancellationToken), "CompleteMultipartUpload");
        var parts = new List<NamedPart>();
        foreach (var part in document.Children("Part"))
        {
            if (!int.TryParse(part.Child("PartNumber"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || part.Child("ETag") is not { } etag)
                throw new S3Exception(S3Error.MalformedXml);
            if (parts.Count > 0 && number <= parts[^1].Number)
                throw new S3Exception(S3Error.InvalidPartOrder);
            parts.Add(new(number, etag.Trim('"'), part));
        }

        return parts.Count is > 0 and <= Upload.MostParts ? parts : throw new S3Exception(S3Error.MalformedXml);
    }

    private static ObjectFile OpenPart(Upload upload, NamedPart named)
    {
        var checksum = PartChecksums.Named(upload.Metadata.ChecksumName, named.Number, named.Element);
        var part = upload.OpenPart(named.Number) ?? throw new S3Exception(S3Error.InvalidPart);
        if (part.Metadata.ETag == named.ETag && (checksum is null || checksum == part.Metadata.ChecksumValue))
            return part;
        part.Dispose();
        throw new S3Exception(S3Error.InvalidPart);
    }

    /// <summary>Copies the parts into one file and publishes it. If that fails, the parts are still there and completing can be repeated.</summary>
    private static ObjectMetadata Join(
        Bucket bucket, Upload upload, List<ObjectFile> parts, DateTimeOffset now, CancellationToken cancellationToken)
    {
        using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        using var file = bucket.NewFile(parts.Sum(part => part.Metadata.Size));
        foreach (var part in parts)
        {
            md5.AppendData(Convert.FromHexString(part.Metadata.ETag));
            file.Append(part, cancellationToken);
        }

        // Not the MD5 of the bytes, but of the parts' MD5s: what S3 does, and what clients check.
        var etag = $"{Convert.ToHexStringLower(md5.GetHashAndReset())}-{parts.Count}";
        var checksum = PartChecksums.Join(upload.Metadata.ChecksumName, parts);
        var metadata = upload.Metadata with { Size = file.Length, ETag = etag, LastModified = now, ChecksumValue = checksum };
        file.Seal(metadata);
        bucket.Commit(file, metadata);
        return metadata;
    }

    /// <summary>A part as the request to complete an upload names it.</summary>
    private sealed record NamedPart(int Number, string ETag, XElement Element);
}
