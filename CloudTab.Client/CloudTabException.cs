using System.Net;

namespace CloudTab.Client;

/// <summary>
/// The relay has refused a call: its problem details (RFC 9457). A network that fails is an <see cref="HttpRequestException"/>, a call
/// that takes too long a <see cref="TimeoutException"/>.
/// </summary>
public sealed class CloudTabException : Exception
{
    internal CloudTabException(HttpStatusCode status, string? code, string message, TimeSpan? retryAfter = null, string? traceId = null, Exception? inner = null)
        : base(message, inner)
    {
        Status = status;
        Code = code;
        RetryAfter = retryAfter;
        TraceId = traceId;
    }

    /// <summary>HTTP status. A socket whose key is refused has that of the same refusal over HTTP: 401.</summary>
    public HttpStatusCode Status { get; }

    /// <summary>
    /// What programs go by, such as `already_claimed`; it never changes. Null if the answer is not the relay's own, but that of a proxy, say,
    /// and for refusals of HEAD, which has no body.
    /// </summary>
    public string? Code { get; }

    /// <summary>When it makes sense to try again, counted from the answer; null if the relay does not say.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>The trace of an unexpected fault (32 hexadecimal digits), for the relay's operator; null if there is none.</summary>
    public string? TraceId { get; }

    /// <summary>Whether the same call can succeed a moment later.</summary>
    internal bool IsTransient => Status is HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;
}
