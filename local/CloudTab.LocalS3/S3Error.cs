using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>Every failure that LocalS3 answers with, under S3's own codes and statuses.</summary>
internal sealed record S3Error(string Code, int Status, string Message)
{
    public static readonly S3Error AccessDenied = new("AccessDenied", 403, "Access Denied");
    public static readonly S3Error AccessForbidden = new("AccessForbidden", 403, "CORSResponse: This CORS request is not allowed.");
    public static readonly S3Error AuthorizationHeaderMalformed = new("AuthorizationHeaderMalformed", 400, "The authorization header is malformed.");
    public static readonly S3Error AuthorizationQueryParametersError = new("AuthorizationQueryParametersError", 400, "The authorization query parameters are not valid.");
    public static readonly S3Error BadDigest = new("BadDigest", 400, "The Content-MD5 or checksum value that you specified did not match what the server received.");
    public static readonly S3Error BucketAlreadyOwnedByYou = new("BucketAlreadyOwnedByYou", 409, "The bucket that you tried to create already exists, and you own it.");
    public static readonly S3Error BucketNotEmpty = new("BucketNotEmpty", 409, "The bucket that you tried to delete is not empty.");
    public static readonly S3Error EntityTooLarge = new("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed object size.");
    public static readonly S3Error EntityTooSmall = new("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed object size.");
    public static readonly S3Error IllegalLocationConstraint = new("IllegalLocationConstraintException", 400, "The specified location constraint is not valid for this endpoint's region.");
    public static readonly S3Error IncompleteBody = new("IncompleteBody", 400, "You did not provide the number of bytes specified by the Content-Length HTTP header.");
    public static readonly S3Error InternalError = new("InternalError", 500, "An internal error occurred. Try again.");
    public static readonly S3Error InvalidAccessKeyId = new("InvalidAccessKeyId", 403, "The AWS access key ID that you provided does not exist in our records.");
    public static readonly S3Error InvalidArgument = new("InvalidArgument", 400, "Invalid argument.");
    public static readonly S3Error InvalidBucketName = new("InvalidBucketName", 400, "The specified bucket is not valid.");
    public static readonly S3Error InvalidDigest = new("InvalidDigest", 400, "The Content-MD5 or checksum value that you specified is not valid.");
    public static readonly S3Error InvalidPart = new("InvalidPart", 400, "One or more of the specified parts could not be found, or its entity tag did not match.");
    public static readonly S3Error InvalidPartOrder = new("InvalidPartOrder", 400, "The list of parts was not in ascending order.");
    public static readonly S3Error InvalidRange = new("InvalidRange", 416, "The requested range cannot be satisfied.");
    public static readonly S3Error InvalidRequest = new("InvalidRequest", 400, "Invalid request.");
    public static readonly S3Error InvalidToken = new("InvalidToken", 400, "The provided token is malformed or otherwise not valid.");
    public static readonly S3Error InvalidUri = new("InvalidURI", 400, "The specified URI couldn't be parsed.");
    public static readonly S3Error KeyTooLong = new("KeyTooLongError", 400, "Your key is too long.");
    public static readonly S3Error MalformedTrailer = new("MalformedTrailerError", 400, "The request contained trailing data that was not well-formed or did not conform to our published schema.");
    public static readonly S3Error MalformedXml = new("MalformedXML", 400, "The XML that you provided was not well formed or did not validate against our published schema.");
    public static readonly S3Error MetadataTooLarge = new("MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size.");
    public static readonly S3Error MethodNotAllowed = new("MethodNotAllowed", 405, "The specified method is not allowed against this resource.");
    public static readonly S3Error MissingContentLength = new("MissingContentLength", 411, "You must provide the Content-Length HTTP header.");
    public static readonly S3Error NoSuchBucket = new("NoSuchBucket", 404, "The specified bucket does not exist.");
    public static readonly S3Error NoSuchCorsConfiguration = new("NoSuchCORSConfiguration", 404, "The CORS configuration does not exist.");
    public static readonly S3Error NoSuchKey = new("NoSuchKey", 404, "The specified key does not exist.");
    public static readonly S3Error NoSuchLifecycleConfiguration = new("NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist.");
    public static readonly S3Error NoSuchUpload = new("NoSuchUpload", 404, "The specified multipart upload does not exist. The upload ID might not be valid, or the upload might have been aborted or completed.");
    public static readonly S3Error NotImplemented = new("NotImplemented", 501, "A header or query that you provided implies functionality that is not implemented.");
    public static readonly S3Error PreconditionFailed = new("PreconditionFailed", 412, "At least one of the preconditions that you specified did not hold.");
    public static readonly S3Error RequestTimeTooSkewed = new("RequestTimeTooSkewed", 403, "The difference between the request time and the server's time is too large.");
    public static readonly S3Error SignatureDoesNotMatch = new("SignatureDoesNotMatch", 403, "The request signature that the server calculated does not match the signature that you provided.");
    public static readonly S3Error ContentSha256Mismatch = new("XAmzContentSHA256Mismatch", 400, "The provided 'x-amz-content-sha256' header does not match what was computed.");

    /// <summary>S3 has no code for a full disk, its disk being no concern of the caller; 507 is what HTTP has (RFC 4918, 11.5).</summary>
    public static readonly S3Error InsufficientStorage = new("InsufficientStorage", 507, "The disk that holds this bucket is full.");

    public XElement ToXml(string requestId, string resource, string? message = null) => new(
        "Error",
        new XElement("Code", Code),
        new XElement("Message", message ?? Message),
        new XElement("Resource", resource),
        new XElement("RequestId", requestId));
}

/// <summary>Ends a request with an <see cref="S3Error"/>; <see cref="ErrorResponses"/> answers it.</summary>
internal sealed class S3Exception(S3Error error, string? message = null, XElement? detail = null) : Exception(message ?? error.Message)
{
    public S3Error Error { get; } = error;

    /// <summary>An element that S3 adds to this error's body, such as the region it expected.</summary>
    public XElement? Detail { get; } = detail;
}
