using System.Globalization;
using System.Net;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Polly;

namespace CloudTab.Relay;

/// <summary>
/// Objects whose bytes clients send to S3 themselves. Each is a multipart upload, even if it has one part only: its links stop working when
/// it is completed or aborted, so that nothing can be changed once it was looked at, nor sent to a session that has ended; and until then
/// there is no object.
///
/// A link is good for one part of one size and checksum: both are headers that the signature covers. S3 compares the checksum with what
/// it receives. A store that does not know it (Ceph before 18) checks the header alone; then other bytes are found out when the object is
/// read.
/// </summary>
public sealed class DirectParts(
    IAmazonS3 client, [FromKeyedServices("s3")] ResiliencePipeline pipeline, IOptions<ObjectStoreOptions> options, TimeProvider clock)
{
    /// <summary>Bytes that S3 takes as one part at most.</summary>
    public const long LargestPart = 5L << 30;

    /// <summary>Parts that every store takes.</summary>
    public const int MostParts = 1_000;

    /// <summary>The header that a part is sent with.</summary>
    public const string ChecksumHeader = "x-amz-checksum-sha256";

    private string Bucket => options.Value.Bucket;

    /// <summary>The parts of an upload, sent or not.</summary>
    public static IReadOnlyList<DirectPart> PartsOf(Upload upload)
    {
        var (length, hashes) = (upload.Length!.Value, upload.PartSha256!);
        return hashes is [var whole]
            ? [new(1, 0, length, whole)]
            : [.. hashes.Select((hash, index) =>
            {
                var offset = (long)index * upload.PartSize;
                return new DirectPart(index + 1, offset, Math.Min(upload.PartSize, length - offset), hash);
            })];
    }

    /// <summary>Begins an object.</summary>
    /// <returns>S3's id of the multipart upload.</returns>
    public async Task<string> BeginAsync(string key, CancellationToken cancellationToken)
    {
        // S3 takes parts with a SHA-256 only if it was told so here, and then wants all of the checksums again at the end.
        var request = new InitiateMultipartUploadRequest { BucketName = Bucket, Key = key, ChecksumAlgorithm = ChecksumAlgorithm.SHA256 };
        var begun = await pipeline.ExecuteAsync(async token => await client.InitiateMultipartUploadAsync(request, token), cancellationToken);
        return begun.UploadId;
    }

    /// <summary>Links to send parts to by PUT, until their upload expires.</summary>
    public async Task<IReadOnlyList<PartLink>> PresignAsync(Upload upload, IReadOnlyList<DirectPart> parts)
    {
        var links = new List<PartLink>(parts.Count);
        foreach (var part in parts)
            links.Add(await PresignAsync(upload, part));
        return links;
    }

    private async Task<PartLink> PresignAsync(Upload upload, DirectPart part)
    {
        var checksum = Convert.ToBase64String(part.Sha256);
        var request = new GetPreSignedUrlRequest
        {
            BucketName = Bucket,
            Key = upload.ObjectKey,
            UploadId = upload.MultipartId,
            PartNumber = part.Number,
            Verb = HttpVerb.PUT,
            Protocol = options.Value.LinkProtocol,
            Expires = upload.ExpiresAt > clock.Now().UtcDateTime ? upload.ExpiresAt : clock.Now().UtcDateTime.AddSeconds(1),
        };
        request.Headers.ContentLength = part.Size;
        request.Headers[ChecksumHeader] = checksum;
        var url = new Uri(await client.GetPreSignedURLAsync(request));
        return new(part, url, new Dictionary<string, string>(StringComparer.Ordinal) { [ChecksumHeader] = checksum });
    }

    /// <summary>Makes the object out of its parts, once all of them are there. Doing it again changes nothing.</summary>
    /// <returns>Null if nothing is left of it.</returns>
    public async Task<AssembledParts?> AssembleAsync(Upload upload, CancellationToken cancellationToken)
    {
        var wasOpen = false;
        try
        {
            var sent = await ListAsync(upload, cancellationToken);
            wasOpen = true;
            var parts = PartsOf(upload);
            var missing = parts.Where(part => sent.GetValueOrDefault(part.Number)?.Size != part.Size).ToList();
            if (missing.Count == 0)
                await CompleteAsync(upload, parts.Select(part => NameOf(part, sent[part.Number])), cancellationToken);
            return new(missing, WasThere: false);
        }
        catch (AmazonS3Exception gone) when (gone.StatusCode == HttpStatusCode.NotFound)
        {
            // It was completed, and the answer got lost or the process died; or it was aborted.
            return await IsThereAsync(upload, cancellationToken) ? new([], WasThere: !wasOpen) : null;
        }
    }

    private async Task<Dictionary<int, PartDetail>> ListAsync(Upload upload, CancellationToken cancellationToken)
    {
        var sent = new Dictionary<int, PartDetail>();
        var request = new ListPartsRequest { BucketName = Bucket, Key = upload.ObjectKey, UploadId = upload.MultipartId };
        while (true)
        {
            var page = await pipeline.ExecuteAsync(async token => await client.ListPartsAsync(request, token), cancellationToken);
            foreach (var part in page.Parts ?? [])
                sent[part.PartNumber.GetValueOrDefault()] = part;
            if (page.IsTruncated != true)
                return sent;
            request.PartNumberMarker = page.NextPartNumberMarker?.ToString(CultureInfo.InvariantCulture);
        }
    }

    private static PartETag NameOf(DirectPart part, PartDetail sent) =>
        new(part.Number, sent.ETag) { ChecksumSHA256 = Convert.ToBase64String(part.Sha256) };

    private async Task CompleteAsync(Upload upload, IEnumerable<PartETag> parts, CancellationToken cancellationToken)
    {
        var request = new CompleteMultipartUploadRequest
        {
            BucketName = Bucket,
            Key = upload.ObjectKey,
            UploadId = upload.MultipartId,
            PartETags = [.. parts],
        };
        await pipeline.ExecuteAsync(async token => await client.CompleteMultipartUploadAsync(request, token), cancellationToken);
    }

    private async Task<bool> IsThereAsync(Upload upload, CancellationToken cancellationToken)
    {
        try
        {
            var found = await pipeline.ExecuteAsync(
                async token => await client.GetObjectMetadataAsync(Bucket, upload.ObjectKey, token), cancellationToken);
            return found.ContentLength == upload.Length;
        }
        catch (AmazonS3Exception missing) when (missing.StatusCode == HttpStatusCode.NotFound)
        {
            return false;
        }
    }
}

/// <summary>A part of an object that its client sends to S3 itself.</summary>
/// <param name="Number">Its place, beginning with 1.</param>
/// <param name="Offset">Its first byte in the file.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="Sha256">What it must hash to.</param>
public sealed record DirectPart(int Number, long Offset, long Size, byte[] Sha256);

/// <summary>An object that is there now, unless parts of it are missing.</summary>
/// <param name="Missing">Those that have not been sent.</param>
/// <param name="WasThere">Whether an earlier attempt has made it.</param>
public sealed record AssembledParts(IReadOnlyList<DirectPart> Missing, bool WasThere);

/// <summary>The address and headers to send a part with.</summary>
/// <param name="Url">The address for a PUT.</param>
/// <param name="Headers">What to send along; Content-Length, which the signature covers too, is every client's own business.</param>
public sealed record PartLink(DirectPart Part, Uri Url, IReadOnlyDictionary<string, string> Headers);
