namespace CloudTab.LocalS3;

/// <summary>An S3 operation: it writes its answer, or throws an <see cref="S3Exception"/>.</summary>
internal delegate Task Operation(S3Request request, BucketStore store, CancellationToken cancellationToken);

/// <summary>
/// What S3 has instead of routes: the method, what the path names, and a subresource, which is a query parameter with a meaning of
/// its own. This table is all that LocalS3 can do; the rest is NotImplemented.
/// </summary>
internal static class Operations
{
    private static readonly string[] Subresources =
    [
        "acl", "accelerate", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory", "legal-hold",
        "lifecycle", "location", "logging", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
        "publicAccessBlock", "replication", "requestPayment", "restore", "retention", "select", "tagging", "torrent", "uploadId", "uploads",
        "versionId", "versioning", "versions", "website",
    ];

    // Copies, and conditions of writes.
    private static readonly string[] NotImplementedHeaders = ["x-amz-copy-source", "If-Match", "If-None-Match"];

    /// <summary>Verifies the signature, then runs the operation.</summary>
    public static async Task HandleAsync(HttpContext context, BucketStore store, SignatureV4 signature)
    {
        var request = S3Request.Parse(context);
        if (HttpMethods.IsOptions(request.Method))
        {
            Cors.Preflight(request, store);
            return;
        }

        Cors.Apply(request, store);
        request.Signed = signature.Verify(request);
        if (Array.Exists(NotImplementedHeaders, name => !IsRead(request.Method) && request.Header(name) is not null))
            throw new S3Exception(S3Error.NotImplemented);
        await Find(request)(request, store, context.RequestAborted);
    }

    private static bool IsRead(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method);

    private static Operation Find(S3Request request)
    {
        var subresource = Array.Find(Subresources, name => request.Parameter(name) is not null) ?? "";
        if (request.Bucket.Length == 0)
            return (request.Method, subresource) is ("GET", "") ? Buckets.List : throw new S3Exception(S3Error.MethodNotAllowed);
        return request.Key.Length == 0 ? OfBucket(request.Method, subresource) : OfObject(request.Method, subresource);
    }

    private static Operation OfBucket(string method, string subresource) => (method, subresource) switch
    {
        ("GET", "") => Listing.Objects,
        ("PUT", "") => Buckets.Create,
        ("HEAD", "") => Immediate(Buckets.Head),
        ("DELETE", "") => Immediate(Buckets.Delete),
        ("GET", "location") => Buckets.Location,
        ("GET", "uploads") => MultipartListing.Uploads,
        ("POST", "delete") => Objects.DeleteMany,
        ("PUT", "lifecycle") => Lifecycle.Put,
        ("GET", "lifecycle") => Lifecycle.Get,
        ("DELETE", "lifecycle") => Immediate(Lifecycle.Delete),
        ("PUT", "cors") => Cors.Put,
        ("GET", "cors") => Cors.Get,
        ("DELETE", "cors") => Immediate(Cors.Delete),
        _ => throw new S3Exception(S3Error.NotImplemented),
    };

    private static Operation OfObject(string method, string subresource) => (method, subresource) switch
    {
        ("PUT", "") => Objects.Put,
        ("GET" or "HEAD", "") => Objects.Get,
        ("DELETE", "") => Immediate(Objects.Delete),
        ("POST", "uploads") => Multipart.Create,
        ("PUT", "uploadId") => Multipart.UploadPart,
        ("POST", "uploadId") => Multipart.Complete,
        ("DELETE", "uploadId") => Immediate(Multipart.Abort),
        ("GET", "uploadId") => MultipartListing.Parts,
        _ => throw new S3Exception(S3Error.NotImplemented),
    };

    /// <summary>An operation that neither reads a body nor writes one.</summary>
    private static Operation Immediate(Action<S3Request, BucketStore> act) => (request, store, _) =>
    {
        act(request, store);
        return Task.CompletedTask;
    };
}
