using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Polly;

namespace CloudTab.Relay;

/// <summary>
/// The one bucket in S3 that holds customers' files.
///
/// The permissions that each service needs are in docs/operations.md.
///
/// Keys are `yyyy-MM-dd/&lt;file uuid&gt;`, the day in UTC on which the upload began: no user data in them, and a day's leftovers can be
/// listed. The object of a resumable upload that never filled a part is kept under that, `.`, and the upload's generation: a holder
/// that was paused cannot replace what another one has stored. (Not every store has conditional puts: Ceph 16 completes multipart
/// uploads without.) What came behind the last whole part is kept under the same, `.`, and a number: while it comes slowly, and when the
/// upload pauses.
///
/// What a step leaves behind when the process dies in it: a put, an object without a stored row; a multipart upload, its parts,
/// until it is aborted; a tail that was not recorded. All belong to a row that is `uploading`, and are removed with it: once its
/// lease has lapsed, or its session has ended. The bucket's lifecycle rule removes after a day whatever else may go wrong.
///
/// Every call runs in the pipeline "s3". If S3 stays away they throw what <see cref="Outage"/> knows, which services answer with 503.
/// </summary>
public sealed class ObjectStore(
    IAmazonS3 client, [FromKeyedServices("s3")] ResiliencePipeline pipeline, UploadMemory memory, IOptions<ObjectStoreOptions> options, TimeProvider clock)
{
    private string Bucket => options.Value.Bucket;

    /// <summary>Begins an object; what is written becomes visible when it is completed, as a whole.</summary>
    /// <param name="key">The object's key.</param>
    /// <param name="client">The address that its memory counts for.</param>
    /// <param name="most">Bytes that it will have at most, if that is known: it then takes no more memory than that.</param>
    public ObjectUpload BeginUpload(string key, IPAddress client, long? most) =>
        new(RequestsFor(key), memory, client, options.Value.SignsPayloads, most, ObjectUpload.PartSize, ObjectProgress.None, ownKey: null);

    /// <summary>Continues an upload from what was parked or last recorded.</summary>
    /// <param name="client">The address that its memory counts for.</param>
    /// <param name="most">Bytes that the object will have at most after this.</param>
    public ObjectUpload ResumeUpload(Upload upload, IPAddress client, long most) =>
        new(RequestsFor(upload.ObjectKey), memory, client, options.Value.SignsPayloads, most, upload.PartSize, upload.Progress, OwnKeyOf(upload));

    /// <summary>Deletes what the holders of an upload have put under keys of their own: tails, and whole objects.</summary>
    /// <param name="key">Key of its object.</param>
    /// <param name="kept">Keys that are still needed.</param>
    public async Task DeletePiecesAsync(string key, IReadOnlyCollection<string> kept, CancellationToken cancellationToken)
    {
        var request = new ListObjectsV2Request { BucketName = Bucket, Prefix = BaseOf(key) + "." };
        while (true)
        {
            var page = await pipeline.ExecuteAsync(async token => await client.ListObjectsV2Async(request, token), cancellationToken);
            var pieces = (page.S3Objects ?? []).Select(piece => piece.Key).Except(kept, StringComparer.Ordinal).ToList();
            if (pieces.Count > 0)
                await DeleteAsync(pieces, cancellationToken);
            if (page.IsTruncated != true)
                return;
            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    /// <summary>Aborts the multipart uploads of an object, also those that nobody recorded, because their process died.</summary>
    /// <param name="key">Key of the object.</param>
    /// <param name="kept">Id of the one that is still needed, or null.</param>
    public async Task AbortUploadsAsync(string key, string? kept, CancellationToken cancellationToken)
    {
        var request = new ListMultipartUploadsRequest { BucketName = Bucket, Prefix = BaseOf(key) };
        while (true)
        {
            var page = await pipeline.ExecuteAsync(async token => await client.ListMultipartUploadsAsync(request, token), cancellationToken);
            foreach (var begun in (page.MultipartUploads ?? []).Where(begun => begun.UploadId != kept))
                await AbortUploadAsync(begun.Key, begun.UploadId, cancellationToken);
            if (page.IsTruncated != true)
                return;
            (request.KeyMarker, request.UploadIdMarker) = (page.NextKeyMarker, page.NextUploadIdMarker);
        }
    }

    /// <summary>Opens an object for reading; the caller disposes what it gets.</summary>
    /// <param name="range">First and last byte, both inclusive, or null for all.</param>
    /// <returns>Its bytes, or null if there is no such object.</returns>
    public async Task<StoredObjectStream?> GetAsync(string key, ByteRange? range, CancellationToken cancellationToken)
    {
        var request = new GetObjectRequest { BucketName = Bucket, Key = key, ByteRange = range is null ? null : new(range.First, range.Last) };
        try
        {
            return new(await pipeline.ExecuteAsync(async token => await client.GetObjectAsync(request, token), cancellationToken));
        }
        catch (AmazonS3Exception missing) when (missing.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>A link to one object that works without credentials until it expires; S3 answers it as an attachment.</summary>
    /// <param name="contentDisposition">The value of the Content-Disposition header that S3 shall answer with.</param>
    public async Task<Uri> PresignAsync(string key, string contentDisposition, string contentType, TimeSpan lifetime)
    {
        var url = await client.GetPreSignedURLAsync(new GetPreSignedUrlRequest
        {
            BucketName = Bucket,
            Key = key,
            Expires = clock.Now().UtcDateTime + lifetime,
            Verb = HttpVerb.GET,
            Protocol = options.Value.LinkProtocol,
            ResponseHeaderOverrides = new()
            {
                ContentDisposition = contentDisposition,
                ContentType = contentType,
                CacheControl = "no-store",
            },
        });
        return new Uri(url);
    }

    /// <summary>Deletes up to 1,000 objects; one that is not there counts as deleted.</summary>
    /// <exception cref="DeleteObjectsException">S3 refused to delete those that it names; all others are gone.</exception>
    public async Task DeleteAsync(IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        var request = new DeleteObjectsRequest { BucketName = Bucket, Quiet = true, Objects = [.. keys.Select(key => new KeyVersion { Key = key })] };
        await pipeline.ExecuteAsync(async token => await client.DeleteObjectsAsync(request, token), cancellationToken);
    }

    /// <summary>Deletes up to 1,000 objects, as many of them as S3 will.</summary>
    /// <returns>The keys that S3 refused to delete, each for a reason of its own (a lock on the object, a permission).</returns>
    public async Task<IReadOnlyCollection<string>> TryDeleteAsync(IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        if (keys.Count == 0)
            return [];
        try
        {
            await DeleteAsync(keys, cancellationToken);
            return [];
        }
        catch (DeleteObjectsException some)
        {
            return [.. some.Response.DeleteErrors.Select(error => error.Key)];
        }
    }

    /// <summary>A page of up to 1,000 objects in the order of their keys.</summary>
    /// <param name="after">The last key of the page before, or null for the first.</param>
    public async Task<IReadOnlyList<ListedObject>> ListAsync(string? after, CancellationToken cancellationToken)
    {
        var request = new ListObjectsV2Request { BucketName = Bucket, StartAfter = after };
        var page = await pipeline.ExecuteAsync(async token => await client.ListObjectsV2Async(request, token), cancellationToken);
        return [.. (page.S3Objects ?? []).Select(found => new ListedObject(found.Key, found.LastModified.GetValueOrDefault().ToUniversalTime()))];
    }

    /// <summary>A page of up to 1,000 multipart uploads that were neither completed nor aborted, in the order of their keys.</summary>
    /// <param name="after">The last upload of the page before, or null for the first.</param>
    public async Task<IReadOnlyList<ListedUpload>> ListUploadsAsync(ListedUpload? after, CancellationToken cancellationToken)
    {
        var request = new ListMultipartUploadsRequest { BucketName = Bucket, KeyMarker = after?.Key, UploadIdMarker = after?.UploadId };
        var page = await pipeline.ExecuteAsync(async token => await client.ListMultipartUploadsAsync(request, token), cancellationToken);
        return [.. (page.MultipartUploads ?? []).Select(found =>
            new ListedUpload(found.Key, found.UploadId, found.Initiated.GetValueOrDefault().ToUniversalTime()))];
    }

    /// <summary>Aborts a multipart upload and frees its parts; one that is gone already counts as aborted.</summary>
    public async Task AbortUploadAsync(string key, string multipartId, CancellationToken cancellationToken)
    {
        try
        {
            await pipeline.ExecuteAsync(async token => await client.AbortMultipartUploadAsync(Bucket, key, multipartId, token), cancellationToken);
        }
        catch (AmazonS3Exception gone) when (gone.StatusCode == HttpStatusCode.NotFound)
        {
        }
    }

    /// <summary>Whether S3 will answer so again, to this key alone (a lock on the object, a permission): no outage, which is for all.</summary>
    public static bool IsRefusal(Exception failure) =>
        failure is DeleteObjectsException or AmazonS3Exception { StatusCode: >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError };

    /// <summary>Whether parts or tails of an upload are gone from S3, so that it cannot be continued.</summary>
    public static bool IsGone(Exception failure) => failure is AmazonS3Exception { ErrorCode: "NoSuchUpload" or "NoSuchKey" or "InvalidPart" };

    // Each generation has keys of its own: a holder whose lease lapsed overwrites nothing.
    private static string OwnKeyOf(Upload upload) => FormattableString.Invariant($"{upload.ObjectKey}.{upload.Generation}");

    private static string BaseOf(string key) => key.Split('.')[0];

    private ObjectRequests RequestsFor(string key) => new(client, pipeline, clock, Bucket, key);
}

/// <summary>An object in the bucket.</summary>
public sealed record ListedObject(string Key, DateTime LastModified);

/// <summary>A multipart upload in the bucket that has not ended.</summary>
public sealed record ListedUpload(string Key, string UploadId, DateTime Initiated);

public static class ObjectStoreExtensions
{
    /// <summary>Adds <see cref="ObjectStore"/>, its client and its health check.</summary>
    public static void AddObjectStore(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<ObjectStoreOptions>().BindConfiguration("").ValidateDataAnnotations();
        builder.AddS3Pipeline();
        builder.Services.AddSingleton<IAmazonS3>(services => CreateClient(services.GetRequiredService<IOptions<ObjectStoreOptions>>().Value));
        builder.Services.TryAddSingleton<RelayTelemetry>();
        builder.Services.AddSingleton<UploadMemory>();
        builder.Services.AddSingleton<ObjectStore>();
        builder.Services.AddHealthChecks().AddCheck<ObjectStoreHealth>("s3");
    }

    private static TracedS3Client CreateClient(ObjectStoreOptions options)
    {
        var config = new AmazonS3Config
        {
            // Appliances and older Ceph refuse the SDK's default checksums.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            // The pipeline "s3" retries.
            MaxErrorRetry = 0,
            // The SDK copies bodies to the socket through a buffer of 8 KiB otherwise.
            BufferSize = UploadMemory.BlockSize,
        };
        if (options.Endpoint is { Length: > 0 } endpoint)
        {
            config.ServiceURL = endpoint;
            config.ForcePathStyle = true;
            config.AuthenticationRegion = options.Region;
        }
        else
        {
            config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(options.Region);
        }

        var client = options.AccessKey is { Length: > 0 }
            ? new TracedS3Client(new BasicAWSCredentials(options.AccessKey, options.SecretKey), config)
            : new TracedS3Client(config);
        SignedPayload.AcceptOn(client);
        return client;
    }

    private sealed class ObjectStoreHealth(IAmazonS3 client, IOptions<ObjectStoreOptions> options) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                await client.ListObjectsV2Async(new() { BucketName = options.Value.Bucket, MaxKeys = 1 }, cancellationToken);
                return HealthCheckResult.Healthy();
            }
            catch (Exception outage) when (outage is AmazonServiceException or HttpRequestException)
            {
                return HealthCheckResult.Unhealthy("S3 does not answer", outage);
            }
        }
    }
}
