using System.Text.Json;
using System.Text.Json.Serialization;
using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>What a shop's PC sends; which of the fields it needs depends on its type.</summary>
internal sealed record Incoming(string? Type, string? ApiKey, string? Ticket, string? SessionId, string? FileId);

/// <summary>What a shop's PC is sent.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Authenticated), "authenticated")]
[JsonDerivedType(typeof(AuthFailed), "auth_failed")]
[JsonDerivedType(typeof(PendingSessions), "pending_sessions")]
[JsonDerivedType(typeof(NewSession), "new_session")]
[JsonDerivedType(typeof(SessionUpdated), "session_updated")]
[JsonDerivedType(typeof(SessionClaimed), "session_claimed")]
[JsonDerivedType(typeof(SessionCompleted), "session_completed")]
[JsonDerivedType(typeof(PrintReported), "print_reported")]
[JsonDerivedType(typeof(PrintChanged), "print_changed")]
[JsonDerivedType(typeof(GoingAway), "going_away")]
[JsonDerivedType(typeof(Pong), "pong")]
[JsonDerivedType(typeof(Error), "error")]
internal abstract record Outgoing
{
    /// <summary>The message as a text frame.</summary>
    public byte[] ToUtf8() => JsonSerializer.SerializeToUtf8Bytes(this, JsonContext.Default.Outgoing);
}

internal sealed record Authenticated(Shopkeeper Shopkeeper) : Outgoing;

/// <summary>The shop that a key speaks for.</summary>
internal sealed record Shopkeeper(string Id, string Name);

internal sealed record AuthFailed(string Message) : Outgoing;

/// <summary>The newest pending sessions; `more` when there are others.</summary>
internal sealed record PendingSessions(
    List<PendingSession> Sessions,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool More) : Outgoing
{
    /// <summary>Most sessions in a list.</summary>
    public const int MostSessions = 100;

    /// <summary>Most bytes of the sessions in a list: half of what may wait for a peer, so that what comes behind the list has room.</summary>
    public const int MostBytes = ShopSocket.MostWaiting / 2;

    /// <summary>As much of a page as a list may hold. A session with fifty files, each to be printed in its own way, takes 66 KB.</summary>
    public static PendingSessions Of(PendingPage page)
    {
        var (count, bytes) = (0, 0);
        foreach (var session in page.Sessions)
        {
            bytes += JsonSerializer.SerializeToUtf8Bytes(session, JsonContext.Default.PendingSession).Length;
            if (bytes > MostBytes)
                return new(page.Sessions[..count], More: true);
            count++;
        }

        return new(page.Sessions, page.Next is not null);
    }
}

internal sealed record NewSession(
    long EventId,
    string SessionId,
    string PickupCode,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Token,
    string? CustomerName,
    int FileCount,
    long TotalSize,
    JsonElement Files,
    DateTime Timestamp,
    DateTime SubmittedAt,
    long Pages,
    int UncountedFiles,
    JobPrice Price,
    DateTime? PaidAt,
    long? PaidAmount) : Outgoing;

internal sealed record SessionUpdated(
    long EventId,
    string SessionId,
    string Status,
    int FileCount,
    long TotalSize,
    JsonElement Files,
    DateTime Timestamp,
    long Pages,
    int UncountedFiles,
    JobPrice Price,
    DateTime? PaidAt,
    long? PaidAmount) : Outgoing;

internal sealed record SessionClaimed(SessionDetails Session) : Outgoing;

internal sealed record SessionCompleted(string SessionId) : Outgoing;

internal sealed record PrintReported(Print Print) : Outgoing;

internal sealed record PrintChanged(long EventId, string SessionId, string PickupCode, Guid FileId, Print Print, DateTime Timestamp) : Outgoing;

/// <summary>This replica stops; the close follows.</summary>
/// <param name="RetryAfterMs">When to connect again, in milliseconds.</param>
internal sealed record GoingAway(int RetryAfterMs) : Outgoing;

internal sealed record Pong : Outgoing;

/// <summary>A message could not be done; the socket stays open.</summary>
internal sealed record Error(string Code, string Message) : Outgoing
{
    public static readonly Error NotAuthenticated = new("not_authenticated", "Not authenticated");
    public static readonly Error UnknownType = new("unknown_type", "Unknown message type");
    public static readonly Error InvalidFormat = new("invalid_message", "Invalid message format");
    public static readonly Error TooManyWrongKeys = new("too_many_requests", "Too many wrong API keys came from this address: try again later");
    public static readonly Error Unavailable = new("unavailable", "The service cannot answer right now: try again in a moment");

    public static Error ClaimFailed(string code) => new(code, "Failed to claim session");

    public static Error CompleteFailed(string code) => new(code, "Failed to complete session");

    public static Error ReportFailed(string code, string message = "Failed to report print") => new(code, message);
}

/// <summary>How many sockets are authenticated, over all replicas.</summary>
internal sealed record PresenceView(long ConnectedShopkeepers);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, NumberHandling = JsonNumberHandling.Strict)]
[JsonSerializable(typeof(Incoming))]
[JsonSerializable(typeof(PrintReport))]
[JsonSerializable(typeof(Outgoing))]
[JsonSerializable(typeof(PresenceView))]
internal sealed partial class JsonContext : JsonSerializerContext;
