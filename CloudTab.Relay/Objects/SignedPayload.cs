using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace CloudTab.Relay;

/// <summary>
/// A body that knows what the signature of its request is to say of it: its SHA-256, or that it is not signed. Left to itself the SDK
/// signs bodies in chunks, for which it hashes every byte once more, and copies it; and it refuses not to over plain http, where some
/// deployments have a network of their own between the service and S3.
/// </summary>
internal abstract class SignedPayload(string payload) : Stream
{
    /// <summary>The value for a body that the signature does not cover (docs/decisions.md, "An upload is hashed once").</summary>
    public const string Unsigned = "UNSIGNED-PAYLOAD";

    // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    private const string Header = "X-Amz-Content-SHA256";

    /// <summary>Makes a client take the word of these bodies. Their requests must not be sent with `UseChunkEncoding`.</summary>
    public static void AcceptOn(AmazonS3Client client) => client.BeforeRequestEvent += (_, sending) =>
    {
        if (sending is WebServiceRequestEventArgs { Request: var request } web && BodyOf(request) is SignedPayload body)
            web.Headers[Header] = body.Value;
    };

    /// <returns>The value for a body that is signed.</returns>
    public static string Sign(Stream body) => Convert.ToHexStringLower(SHA256.HashData(body));

    private string Value => payload;

    private static Stream? BodyOf(AmazonWebServiceRequest request) => request switch
    {
        UploadPartRequest part => part.InputStream,
        PutObjectRequest put => put.InputStream,
        _ => null,
    };
}
