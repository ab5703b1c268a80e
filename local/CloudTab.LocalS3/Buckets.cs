using System.Text.RegularExpressions;

namespace CloudTab.LocalS3;

/// <summary>ListBuckets, CreateBucket, HeadBucket, DeleteBucket and GetBucketLocation.</summary>
internal static partial class Buckets
{
    private const string DefaultRegion = "us-east-1";

    public static async Task List(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var result = Xml.Element(
            "ListAllMyBucketsResult",
            Xml.Element("Owner", Xml.Element("ID", "cloudtab")),
            Xml.Element("Buckets", store.All.Select(bucket => Xml.Element(
                "Bucket",
                Xml.Element("Name", bucket.Name),
                Xml.Element("CreationDate", Xml.Time(bucket.Settings.Created))))));
        await Xml.WriteAsync(request.Http.Response, result, cancellationToken);
    }

    public static async Task Create(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        if (!ValidName().IsMatch(request.Bucket) || request.Bucket.Contains("..", StringComparison.Ordinal))
            throw new S3Exception(S3Error.InvalidBucketName);
        if (request.Http.Request.ContentLength > 0)
        {
            var document = Xml.Parse(await RequestBody.ReadDocumentAsync(request, mustBePromised: false, cancellationToken), "CreateBucketConfiguration");
            if ((document.Child("LocationConstraint") ?? DefaultRegion) != store.Region)
                throw new S3Exception(S3Error.IllegalLocationConstraint);
        }

        // For compatibility S3 lets an owner create a bucket again in its oldest region, and only there.
        if (!store.TryCreate(request.Bucket) && store.Region != DefaultRegion)
            throw new S3Exception(S3Error.BucketAlreadyOwnedByYou);
        request.Http.Response.Headers.Location = "/" + request.Bucket;
    }

    public static void Head(S3Request request, BucketStore store)
    {
        _ = store[request.Bucket];
        request.Http.Response.Headers["x-amz-bucket-region"] = store.Region;
    }

    public static void Delete(S3Request request, BucketStore store)
    {
        store.Delete(request.Bucket);
        request.Http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    public static async Task Location(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        _ = store[request.Bucket];
        var result = Xml.Element("LocationConstraint", store.Region == DefaultRegion ? null : store.Region);
        await Xml.WriteAsync(request.Http.Response, result, cancellationToken);
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ValidName();
}
