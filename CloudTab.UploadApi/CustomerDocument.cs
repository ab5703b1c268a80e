using System.Security.Cryptography;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Scalar.AspNetCore;

namespace CloudTab.UploadApi;

/// <summary>What the customers' OpenAPI document says besides what its endpoints say of themselves.</summary>
internal static class CustomerDocument
{
    public const string Name = "customer";
    public const string Sessions = "Sessions";
    public const string Receipts = "Receipts";
    public const string Resumable = "Resumable uploads";
    public const string Direct = "Direct uploads";

    private const string Policy =
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

    private const string ASession = "2n5v8x1c3b7m9k4h6g0f2d5s8a";
    private const string AnUpload = "5t8w1z4c7f0j3m6p9s2v5y8b1e";
    private const string AKey = "nRUmbSOcFvqZOgWSeT9VOw5XWjnFUXMXIXjWfIN52zw";
    private const string AReceipt = "6d2k9q4r7s1t5v8w3x0y2z4a6b";
    private const string ADigest = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
    private const string ATag = "\"3f1c9b0e5d7a42688c06b1f4e92d7a35\"";
    private static readonly Guid AFile = new("019a8f3e-6a52-7c1d-9e0b-4d2f8a6c1b35");
    private static readonly Dictionary<string, string> AChecksum =
        new(StringComparer.Ordinal) { [DirectParts.ChecksumHeader] = "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=" };
    private static readonly DateTime Now = new(2026, 11, 29, 9, 30, 0, DateTimeKind.Utc);
    private static readonly UploadOptions Limits = new();
    private static readonly PrintOptions Options = PrintOptions.Default with { Copies = 2 };
    private static readonly Offer AnOffer = new("INR", true, [new(Media.A4, ColorMode.Monochrome, 200), new(Media.A4, ColorMode.Color, 1_000)], "corner.print@bank");

    private static string Description => $"""
        How customers send files to a shop's counter. No account and no key: the session id that *create* answers is the customer's secret.

        **Shops.** Every path also answers under `/s/{"{shop}"}`, for example `/s/corner-print/api/customer/sessions/create`. The prefix names the
        shop. Without it the default shop is meant. The paths are documented once, without the prefix.

        **Failures** are `application/problem+json` (RFC 9457). Programs go by `code`, which never changes. 429, 503 and 507 carry `Retry-After`.

        **Limits**, all inclusive. They are settings of the service, and a shop may have its own:

        | limit | setting | default |
        | --- | --- | --- |
        | bytes in a file | `MAX_FILE_SIZE` | {FileSize.Format(Limits.MaxFileSize)} |
        | files in a session | `MAX_FILES_PER_SESSION` | {Limits.MaxFiles} |
        | bytes in a session | `MAX_SESSION_SIZE` | {FileSize.Format(Limits.For(default).SessionSize)} |
        | bytes in a shop's queue | `MAX_OUTSTANDING_SIZE` | {FileSize.Format(Limits.MaxOutstandingSize)} |
        | new sessions a minute from one address | `RATE_LIMIT_SESSIONS_PER_MINUTE` | {CreationRateLimit.DefaultSessionsPerMinute} |
        | bytes a minute from one address | `RATE_LIMIT_BYTES_PER_MINUTE` | {FileSize.Format(ByteRateLimit.DefaultPerMinute)} |
        | new uploads, and changes of files, a minute from one address | `RATE_LIMIT_UPLOADS_PER_MINUTE` | {CreationRateLimit.DefaultUploadsPerMinute} |
        | new sessions a minute of one shop | `RATE_LIMIT_SHOP_SESSIONS_PER_MINUTE` | {CreationRateLimit.DefaultSessionsOfShopPerMinute} |
        | bytes a minute to one shop | `RATE_LIMIT_SHOP_BYTES_PER_MINUTE` | {FileSize.Format(ByteRateLimit.DefaultOfShopPerMinute)} |

        **Types.** A file's type is what its content says: {string.Join(", ", MediaTypes.Endings.Keys.Order(StringComparer.Ordinal).Select(type => $"`{type}`"))}.
        `ACCEPTED_TYPES` may allow fewer.

        **Resumable uploads** speak two protocols at the same addresses: [tus 1.0.0](https://tus.io/protocols/resumable-upload) and
        [Resumable Uploads for HTTP](https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/) of the IETF. **Direct uploads** are
        announced there too. A request's headers say which it speaks. OpenAPI allows one operation for a path and a method: so `#tus`, `#ietf` and
        `#direct` behind a path tell them apart here. They are not part of the address.
        """;

    private static ApiDocument Document { get; } = new(
        new OpenApiInfo { Title = "CloudTab for customers", Version = "1", Description = Description },
        new Dictionary<string, (string, string)>(StringComparer.OrdinalIgnoreCase)
        {
            ["sessionId"] = ("The customer's secret: 26 characters of Crockford's base 32.", ASession),
            ["uploadId"] = ("The upload's secret: 26 characters of Crockford's base 32.", AnUpload),
            ["receiptId"] = ("The receipt's id: 26 characters of Crockford's base 32.", AReceipt),
            ["fileId"] = ("A file's id.", AFile.ToString()),
            ["shop"] = ("A shop's id; without it the default shop.", "corner-print"),
            [EventEndpoints.LastEventId] = ("The id of the last event that the client got: what it knows by that is not sent again.", "9f2c51d07ab3e864.12-2"),
            ["If-None-Match"] = ("Tags of answers that the client has: if the answer is one of these it is 304, without a body.", ATag),
            ["ETag"] = ("The tag of this answer: as long as it stays the same nothing has changed.", ATag),
            ["Retry-After"] = ("Seconds to wait before the next attempt.", "2"),
            ["Location"] = ("The address of the upload, relative to the origin.", $"/api/customer/uploads/{AnUpload}"),
            [UploadHeaders.Offset] = ("Bytes that the upload holds; in a request, where its bytes begin.", "8388608"),
            [UploadHeaders.Length] = ("Bytes of the whole file.", "20971520"),
            [TusHeaders.Resumable] = ("The version of tus.", TusVersion.Supported),
            [TusHeaders.Version] = ("The versions of tus that are spoken.", TusVersion.Supported),
            [TusHeaders.Extension] = ("The extensions of tus that are spoken.", "creation,creation-with-upload,expiration,checksum,termination"),
            [TusHeaders.MaxSize] = ("Bytes that a file may have.", "52428800"),
            [TusHeaders.ChecksumAlgorithm] = ("The algorithms that Upload-Checksum may use.", string.Join(',', BodyChecksum.Algorithms)),
            [TusHeaders.DeferLength] = ("1: the length of the file is not known yet.", "1"),
            [TusHeaders.Metadata] = ("Keys with values in Base64: `filename`, `filetype`, `sha256`, `printOptions` (JSON), and any others.", "filename YS5wZGY=,filetype YXBwbGljYXRpb24vcGRm"),
            [TusHeaders.Concat] = ("`partial`, or `final;` and the addresses of the partial uploads that the file is made of.", "partial"),
            [TusHeaders.Checksum] = ("What the bytes of this request hash to: an algorithm, a space, the value in Base64.", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="),
            [TusHeaders.Expires] = ("When the upload ends unless it goes on.", "Sun, 29 Nov 2026 10:00:00 GMT"),
            [IetfHeaders.InteropVersion] = ("The version of the draft.", IetfHeaders.SupportedInteropVersion),
            [IetfHeaders.Complete] = ("`?1`: the file ends with these bytes; in an answer, the upload is done.", IetfHeaders.True),
            [IetfHeaders.Limit] = ("What holds for the upload: bytes of the file, seconds left.", "max-size=52428800, max-age=1800"),
            [IetfHeaders.ContentDigest] = ("What the bytes of this request hash to (RFC 9530).", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
            [IetfHeaders.ReprDigest] = ("What the whole file hashes to (RFC 9530).", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
            [IetfHeaders.WantReprDigest] = ("Asks for Repr-Digest in the last answer.", "sha-256=10"),
            [IetfHeaders.AcceptPatch] = ("The Content-Type that bytes are sent with.", IetfHeaders.PartialUpload),
            ["Content-Disposition"] = ("The file's name.", "attachment; filename=\"a.pdf\""),
        },
        [
            new NewSession("Asha", "corner-print", PrintOptionsChange.Parse("{\"colorMode\":\"color\"}")),
            new SessionAnswer(true, ASession, "K7MXQ2", Now.AddMinutes(30), "Session created."),
            new StatusAnswer(true, new(
                ASession, "K7MXQ2", "pending", 1, 48_213, Now, Now.AddMinutes(30), null, false, new(12, 2), null,
                [new(AFile, "a.pdf", MediaTypes.Pdf, 48_213, "stored", 3, false, Scan.Clean, Options, 6, 1_200)], 6, 0, new(1_200, "INR", true), null, null)),
            new SubmitAnswer(true, ASession, "The shop has been told."),
            new ReceiptAnswer(true, "eyJhbGciOiJFUzI1NiIs….eyJqdGkiOiI2ZDJrOXE0….kMSZk2WXoTZ8mKN5…"),
            new JsonWebKeySet(
                [new("EC", "P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", AKey, "sig", "ES256")]),
            new ShopAnswer(
                true, true, "The shop is ready for your files.", new("corner-print", "Corner Print"), AnOffer, PrintOptions.Default,
                new(Limits.MaxFiles, Limits.MaxFileSize, Limits.For(default).SessionSize), [MediaTypes.Pdf, MediaTypes.Jpeg]),
            AnOffer,
            Options,
            new FileAnswer(true, new(AFile, "a.pdf", MediaTypes.Pdf, 48_213, "stored", 3, false, Scan.Clean, Options, 6, 1_200)),
            UploadAnswer.For(ASession, [new(AFile, "a.pdf", MediaTypes.Pdf, 48_213, Convert.FromHexString(ADigest), 3, false, Scan.Clean)]),
            new DirectFile("a.pdf", 48_213, MediaTypes.Pdf, ADigest, "direct", null, PrintOptionsChange.Parse("{\"copies\":2}")),
            new DirectUploadAnswer(
                true,
                AnUpload,
                Now.AddMinutes(30),
                [new(1, 0, 48_213, new Uri("https://bucket.s3.example/…"), AChecksum)],
                "Send the parts, then finish."),
        ]);

    public static void Describe(OpenApiOptions options)
    {
        Document.Describe(options);
        options.AddSchemaTransformer(async (schema, context, cancellationToken) =>
        {
            // The framework knows nothing of a type that reads itself.
            if (context.JsonTypeInfo.Type != typeof(PrintOptionsChange))
                return;
            var options = await context.GetOrCreateSchemaAsync(typeof(PrintOptions), parameterDescription: null, cancellationToken);
            schema.Type = JsonSchemaType.Object;
            schema.Properties = options.Properties;
            schema.Description = "What is to be different from the print options that hold otherwise (RFC 7396): what is not named stays, null is the default.";
        });
    }

    /// <summary>Serves the document, and a page that shows it and the shopkeepers', in Development only.</summary>
    public static void MapDocuments(this WebApplication app)
    {
        app.MapApiDocument(Name);
        if (!app.Environment.IsDevelopment())
            return;
        app.MapScalarApiReference("/docs", (scalar, context) =>
        {
            // The page's script comes with its package. What would ask another origin (fonts, telemetry, the agent) is off, and the policy
            // allows none.
            var nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
            context.Response.Headers.ContentSecurityPolicy = $"{Policy}; script-src 'nonce-{nonce}' 'strict-dynamic'";
            scalar.WithTitle("CloudTab's APIs").AddDocument(Name, Document.Info.Title).AddDocument("shopkeeper", "CloudTab for shops").WithNonce(nonce)
                .DisableDefaultFonts().DisableTelemetry().DisableAgent().DisableMcp().HideDeveloperTools();
        });
    }
}

/// <summary>Keeps apart in the document what protocols answer at the same path to the same method.</summary>
internal sealed class DocumentedProtocols : IApiDescriptionProvider
{
    public int Order => 0;

    public void OnProvidersExecuting(ApiDescriptionProviderContext context)
    {
    }

    public void OnProvidersExecuted(ApiDescriptionProviderContext context)
    {
        foreach (var description in context.Results)
        {
            if (description.ActionDescriptor.EndpointMetadata.OfType<UploadProtocol>().FirstOrDefault() is { } protocol)
                description.RelativePath += $"#{protocol.Name}";
        }
    }
}
