using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>
/// A bucket's lifecycle configuration: put, read, deleted, and never applied. The Migrator sets it for what CloudTab's Janitor might miss,
/// which a developer's machine can do without.
/// </summary>
internal static class Lifecycle
{
    public static async Task Put(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var bucket = store[request.Bucket];
        var document = Xml.Parse(await RequestBody.ReadDocumentAsync(request, mustBePromised: true, cancellationToken), "LifecycleConfiguration");
        var rules = document.Children("Rule").ToList();
        if (rules.Count == 0 || rules.Exists(rule => rule.Child("Status") is not ("Enabled" or "Disabled")))
            throw new S3Exception(S3Error.MalformedXml);
        bucket.Save(bucket.Settings with { Lifecycle = document.ToString(SaveOptions.DisableFormatting) });
    }

    public static async Task Get(S3Request request, BucketStore store, CancellationToken cancellationToken)
    {
        var kept = store[request.Bucket].Settings.Lifecycle ?? throw new S3Exception(S3Error.NoSuchLifecycleConfiguration);
        await Xml.WriteAsync(request.Http.Response, XElement.Parse(kept), cancellationToken);
    }

    public static void Delete(S3Request request, BucketStore store)
    {
        var bucket = store[request.Bucket];
        bucket.Save(bucket.Settings with { Lifecycle = null });
        request.Http.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
