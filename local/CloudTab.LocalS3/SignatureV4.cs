using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Microsoft.Extensions.Options;

namespace CloudTab.LocalS3;

/// <summary>
/// AWS Signature Version 4 as S3 uses it, in the Authorization header or in the query (a presigned URL): the signature, the
/// clock, the region, and that every x-amz- header is covered by it. The body is checked while it is read: <see cref="RequestBody"/>.
/// </summary>
internal sealed class SignatureV4(IOptions<LocalS3Options> options, TimeProvider time)
{
    public const string Algorithm = "AWS4-HMAC-SHA256";
    public const string TimestampFormat = "yyyyMMdd'T'HHmmss'Z'";

    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan LongestPresign = TimeSpan.FromDays(7);
    private readonly LocalS3Options _options = options.Value;

    /// <exception cref="S3Exception">The request is not signed, not in time, not for this endpoint, or not by whom it says.</exception>
    public Signed Verify(S3Request request)
    {
        if (request.Header("Authorization") is { } authorization)
            return VerifyHeader(request, authorization);
        if (request.Parameter("X-Amz-Algorithm") is { } algorithm)
            return VerifyQuery(request, algorithm);
        throw new S3Exception(S3Error.AccessDenied);
    }

    private Signed VerifyHeader(S3Request request, string authorization)
    {
        if (!authorization.StartsWith(Algorithm + " ", StringComparison.Ordinal))
            throw new S3Exception(S3Error.InvalidRequest, $"The authorization mechanism you have provided is not supported. Please use {Algorithm}.");

        var fields = authorization[(Algorithm.Length + 1)..]
            .Split(',', StringSplitOptions.TrimEntries)
            .Select(field => field.Split('=', 2))
            .Where(field => field.Length == 2)
            .ToLookup(field => field[0], field => field[1], StringComparer.Ordinal);
        var claim = new Claim(
            fields["Credential"].FirstOrDefault() ?? "",
            fields["SignedHeaders"].FirstOrDefault() ?? "",
            fields["Signature"].FirstOrDefault() ?? "",
            request.Header("x-amz-date") ?? "",
            S3Error.AuthorizationHeaderMalformed);
        var payload = request.Header("x-amz-content-sha256")
            ?? throw new S3Exception(S3Error.InvalidRequest, "Missing required header for this request: x-amz-content-sha256");

        if ((time.GetUtcNow() - claim.Time).Duration() > ClockSkew)
            throw new S3Exception(S3Error.RequestTimeTooSkewed);
        return Verify(request, claim, payload);
    }

    private Signed VerifyQuery(S3Request request, string algorithm)
    {
        var claim = new Claim(
            request.Parameter("X-Amz-Credential") ?? "",
            request.Parameter("X-Amz-SignedHeaders") ?? "",
            request.Parameter("X-Amz-Signature") ?? "",
            request.Parameter("X-Amz-Date") ?? "",
            S3Error.AuthorizationQueryParametersError);
        if (algorithm != Algorithm || !int.TryParse(request.Parameter("X-Amz-Expires"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            throw new S3Exception(S3Error.AuthorizationQueryParametersError);
        var lifetime = TimeSpan.FromSeconds(seconds);
        if (lifetime > LongestPresign)
            throw new S3Exception(S3Error.AuthorizationQueryParametersError, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds");

        var now = time.GetUtcNow();
        if (claim.Time - now > ClockSkew)
            throw new S3Exception(S3Error.AccessDenied, "Request is not valid yet");
        if (now > claim.Time + lifetime)
            throw new S3Exception(S3Error.AccessDenied, "Request has expired");
        return Verify(request, claim, request.Header("x-amz-content-sha256") ?? request.Parameter("X-Amz-Content-Sha256") ?? Signed.UnsignedPayload);
    }

    private Signed Verify(S3Request request, Claim claim, string payload)
    {
        if (claim.AccessKeyId != _options.AccessKeyId)
            throw new S3Exception(S3Error.InvalidAccessKeyId);
        if (request.Header("x-amz-security-token") is not null || request.Parameter("X-Amz-Security-Token") is not null)
            throw new S3Exception(S3Error.InvalidToken);
        if (claim.Service != "s3" || claim.Terminator != "aws4_request" || claim.Date != claim.Timestamp[..8])
            throw new S3Exception(claim.Malformed);
        if (claim.Region != _options.Region)
        {
            throw new S3Exception(
                claim.Malformed, $"The region '{claim.Region}' is wrong; expecting '{_options.Region}'", new XElement("Region", _options.Region));
        }

        var signedHeaders = claim.SignedHeaders.Split(';');
        RequireCoverage(request, signedHeaders);
        var canonical = CanonicalRequest.Build(request, signedHeaders, payload);
        var toSign = $"{Algorithm}\n{claim.Timestamp}\n{claim.Scope}\n{CanonicalRequest.Sha256Hex(canonical)}";
        var key = SigningKey(claim);
        var expected = Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign)));
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(expected), Encoding.UTF8.GetBytes(claim.Signature)))
            throw new S3Exception(S3Error.SignatureDoesNotMatch);
        return new Signed(payload, claim.Timestamp, claim.Scope, key, claim.Signature);
    }

    private byte[] SigningKey(Claim claim)
    {
        var key = HMACSHA256.HashData(Encoding.UTF8.GetBytes("AWS4" + _options.SecretAccessKey), Encoding.UTF8.GetBytes(claim.Date));
        foreach (var scope in (ReadOnlySpan<string>)[claim.Region, claim.Service, claim.Terminator])
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(scope));
        return key;
    }

    /// <summary>A signature without the host would be valid for any server. An x-amz- header without a signature could have been added on the way.</summary>
    private static void RequireCoverage(S3Request request, string[] signedHeaders)
    {
        if (!signedHeaders.Contains("host", StringComparer.Ordinal))
            throw new S3Exception(S3Error.AccessDenied, "The host header must be signed");
        foreach (var name in request.Http.Request.Headers.Keys)
        {
            if (name.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase) && !signedHeaders.Contains(name, StringComparer.OrdinalIgnoreCase))
                throw new S3Exception(S3Error.AccessDenied, "There were headers present in the request which were not signed", new XElement("HeadersNotSigned", name));
        }
    }

    /// <summary>What a request says about its own signature.</summary>
    private sealed record Claim
    {
        public Claim(string credential, string signedHeaders, string signature, string timestamp, S3Error malformed)
        {
            // An access key may contain slashes; the four parts of the scope may not.
            var parts = credential.Split('/');
            if (parts.Length < 5 || signedHeaders.Length == 0 || signature.Length == 0)
                throw new S3Exception(malformed);
            if (!DateTimeOffset.TryParseExact(timestamp, TimestampFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
                throw new S3Exception(S3Error.AccessDenied, "AWS authentication requires a valid Date or x-amz-date header");
            (AccessKeyId, Date, Region, Service, Terminator) = (string.Join('/', parts[..^4]), parts[^4], parts[^3], parts[^2], parts[^1]);
            (SignedHeaders, Signature, Timestamp, Time, Malformed) = (signedHeaders, signature, timestamp, time, malformed);
        }

        public string AccessKeyId { get; }
        public string Date { get; }
        public string Region { get; }
        public string Service { get; }
        public string Terminator { get; }
        public string SignedHeaders { get; }
        public string Signature { get; }
        public string Timestamp { get; }
        public DateTimeOffset Time { get; }
        public S3Error Malformed { get; }
        public string Scope => $"{Date}/{Region}/{Service}/{Terminator}";
    }
}

/// <summary>What a proven signature says about the body, and what the signatures of its chunks build upon.</summary>
internal sealed record Signed(string Payload, string Timestamp, string Scope, byte[] Key, string Signature)
{
    public const string UnsignedPayload = "UNSIGNED-PAYLOAD";

    public static readonly Signed Nothing = new(UnsignedPayload, "", "", [], "");
}
