using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace CloudTab.ShopApi;

/// <summary>What the shopkeepers' OpenAPI document says besides what its endpoints say of themselves.</summary>
internal static class ShopkeeperDocument
{
    public const string Name = "shopkeeper";

    private const string SignIn = "SignIn";
    private const string ASession = "2n5v8x1c3b7m9k4h6g0f2d5s8a";
    private const string ADigest = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
    private static readonly Guid AFile = new("019a8f3e-6a52-7c1d-9e0b-4d2f8a6c1b35");
    private static readonly DateTime Now = new(2026, 11, 29, 9, 30, 0, DateTimeKind.Utc);

    private static readonly Offer AnOffer = new("INR", true, [new(Media.A4, ColorMode.Monochrome, 200), new(Media.A4, ColorMode.Color, 1_000)], "corner.print@bank");

    private static readonly Guid AnAttempt = new("0197c3a1-90d4-7b52-8f6e-2a1b3c4d5e6f");
    private static readonly Print APrint = new(AnAttempt, "HP LaserJet", PrintOptions.Default, PrintState.Printing, null, null, null, ["media-empty"], null, null, Now);
    private static readonly AgentPrinter APrinter = new(
        "HP LaserJet", "ipp://192.0.2.7/ipp/print", PrinterState.Stopped, ["media-empty"], ["application/pdf"], Color: false, TwoSided: true, ["iso_a4_210x297mm"]);
    private static readonly OwnLimits SomeLimits = new(Files: 20, FileSize: 20_971_520);

    private const string Description = """
        How a shop gets its customers' files. Every call has the shop's key in the header `X-API-Key`, and sees that shop's sessions and files only:
        those of another shop are 404. A browser that has signed in at `/shop` has a cookie instead; with that, only pages of the relay's own origin
        can change something.

        `{id}` is a session id, or the pickup code that the customer says at the counter.

        **Failures** are `application/problem+json` (RFC 9457). Programs go by `code`, which never changes. 429 and 503 carry `Retry-After`. An address
        that sends more than `RATE_LIMIT_KEY_FAILURES_PER_MINUTE` wrong keys (30 unless set) has to wait.

        New sessions are announced over the WebSocket `/ws`, which OpenAPI cannot describe: see docs/protocol.md.
        """;

    private static readonly ApiDocument Document = new(
        new OpenApiInfo { Title = "CloudTab for shops", Version = "1", Description = Description },
        new Dictionary<string, (string, string)>(StringComparer.OrdinalIgnoreCase)
        {
            ["id"] = ("A session id, or a pickup code in upper or lower case.", "K7MXQ2"),
            ["fileId"] = ("A file's id.", AFile.ToString()),
            ["keyId"] = ("A key's id.", AFile.ToString()),
            ["jobId"] = ("A finished job's id.", AFile.ToString()),
            ["day"] = ("A date.", "2026-11-29"),
            ["renew"] = ("Whether to renew the caller's claim only.", "true"),
            ["timeZone"] = ("The zone whose midnights the day lies between.", "Asia/Kolkata"),
            ["format"] = ("`csv`, where no `Accept` can be sent.", "csv"),
            ["limit"] = ("Most sessions in the answer.", "50"),
            ["after"] = ("`next` of the answer before: what follows it is answered.", "8de2f1b2c3d4e5f-019a8f3e6a527c1d9e0b4d2f8a6c1b35"),
            ["Range"] = ("One range of bytes.", "bytes=0-1048575"),
            ["If-Match"] = ("Answers only if the file, or what is to be set, is this one.", $"\"{ADigest}\""),
            ["If-None-Match"] = ("Answers 304 if the file is this one.", $"\"{ADigest}\""),
            ["If-Range"] = ("Answers the range only if the file is this one, else all of it.", $"\"{ADigest}\""),
            ["ETag"] = ("The SHA-256 of the file; of a setting, a tag for `If-Match`.", $"\"{ADigest}\""),
            ["Last-Modified"] = ("When the file was stored.", "Sun, 29 Nov 2026 09:30:00 GMT"),
            ["Accept-Ranges"] = ("Ranges of bytes may be asked for.", "bytes"),
            ["Content-Range"] = ("Which bytes these are.", "bytes 0-1048575/2097152"),
            ["Content-Disposition"] = ("The file's name: an `attachment`, of a preview `inline`.", "attachment; filename=a.pdf; filename*=UTF-8''a.pdf"),
            ["WWW-Authenticate"] = ("The scheme.", ApiKeyAuthentication.SchemeName),
            ["Retry-After"] = ("Seconds to wait before the next attempt.", "2"),
        },
        [
            new PendingSessions(true, 1, [new(Guid.Empty, "", ASession, "K7MXQ2", "Asha", 1, 48_213, Now, Now, Now.AddMinutes(30), 12, false, 6, 0, 1_200, "INR", true, null, null, [PrintOptions.Default])], null),
            new ProcessingSessions(true, 1, [new(Guid.Empty, ASession, "K7MXQ2", "Asha", 1, 48_213, Now, Now, Now.AddMinutes(30), 7, true, "Front desk", true, 6, 0, 1_200, "INR", true, null, null, [PrintOptions.Default], [new(AFile, PrintState.Printing, null, ["media-empty"], Now)])]),
            new SessionView(true, new(Guid.Empty, ASession, "K7MXQ2", "Asha", 1, 48_213, "processing", Now, Now, Now.AddMinutes(30), "Front desk", 12, true, 6, 0, 1_200, "INR", true, Now, 1_200,
                [new(AFile, "a.pdf", "application/pdf", 48_213, ADigest, "stored", 3, false, Scan.Clean, PrintOptions.Default with { Copies = 2 }, 6, 1_200, new(PrintState.Printing, null, ["media-empty"], Now))])),
            new GiveBack("The printer does not answer"),
            new PrintReport(AnAttempt, "HP LaserJet", PrintState.Printing, Reasons: ["media-empty"]),
            new PrintAnswer(true, APrint),
            new PrintsView(true, [APrint]),
            new AgentReport("counter-pc", "1.0.0", [APrinter], AutoPrint.All),
            new AgentsView(true, [new("counter-pc", "Print agent", "1.0.0", Now, true, [APrinter], AutoPrint.All)]),
            new Answer(true, "The session is pending again."),
            new DaySheetView(true, 41, 97, 312, 280, 32, 2, 78_400, 1_200, 1, "INR"),
            new FinishedJobs(true, [new(AFile, "14:05", 12, "Front desk", 1, 6, 0, 1_200, true, "INR", 1_200, true)]),
            new NewKey("Front desk"),
            new NewKeyView(true, ApiKeys.ExampleKey, AFile, "Front desk", ApiKeys.ExampleKey[..12], Now),
            new KeysView(true, [new(AFile, "Front desk", "ctk_4f7k2m9x", Now, Now.AddHours(1), null, true, false)]),
            new ShopChange(AcceptsUploads: false),
            new ShopView(true, "corner-print", "Corner Print", true, new Uri("https://print.example/s/corner-print")),
            new TicketView(true, "q3R0aWNrZXQtb2YtMjU2LXJhbmRvbS1iaXRzLWluLWI", 30),
            new OfferAnswer(true, AnOffer),
            AnOffer,
            new LimitsAnswer(true, SomeLimits, new(50, 52_428_800, 1L << 30, 100L << 30)),
            SomeLimits,
            new FileLinkView(true, new(AFile, "a.pdf", "application/pdf", 48_213, ADigest, new Uri("https://bucket.s3.example/…"))),
        ]);

    public static void Describe(OpenApiOptions options)
    {
        Document.Describe(options);
        options.AddDocumentTransformer((document, _, _) =>
        {
            (document.Components ??= new()).SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>(StringComparer.Ordinal)
            {
                [ApiKeyAuthentication.SchemeName] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.ApiKey,
                    In = ParameterLocation.Header,
                    Name = ApiKeyAuthentication.Header,
                    Description = "The shop's key. `CloudTab.Migrator key add` makes one.",
                },
                [SignIn] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.ApiKey,
                    In = ParameterLocation.Cookie,
                    Name = SignInCookie.Name,
                    Description = "The cookie of a browser that has signed in at `/shop`; on plain loopback it is called `shop`.",
                },
            };
            document.Security =
            [
                new() { [new OpenApiSecuritySchemeReference(ApiKeyAuthentication.SchemeName, document)] = [] },
                new() { [new OpenApiSecuritySchemeReference(SignIn, document)] = [] },
            ];
            return Task.CompletedTask;
        });
    }
}
