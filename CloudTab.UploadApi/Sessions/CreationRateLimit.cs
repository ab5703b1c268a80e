using System.Net;
using System.Threading.RateLimiting;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// How many sessions a client address may create in a minute, how many uploads it may begin or change, how many direct uploads it may ask to
/// finish, and how many sessions all clients of a shop may create, per replica.
/// </summary>
internal sealed class CreationRateLimit(IOptions<UploadOptions> options, IHostEnvironment environment) : IDisposable
{
    public const int DefaultSessionsPerMinute = 120;
    public const int DefaultUploadsPerMinute = 1_200;
    public const int DefaultSessionsOfShopPerMinute = 1_200;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly PartitionedRateLimiter<IPAddress> _sessions = Create<IPAddress>(options.Value.SessionsPerMinute, DefaultSessionsPerMinute, environment);

    private readonly PartitionedRateLimiter<IPAddress> _uploads = Create<IPAddress>(options.Value.UploadsPerMinute, DefaultUploadsPerMinute, environment);

    // As many, but counted by themselves: who has begun an upload can finish it.
    private readonly PartitionedRateLimiter<IPAddress> _finishes = Create<IPAddress>(options.Value.UploadsPerMinute, DefaultUploadsPerMinute, environment);

    private readonly PartitionedRateLimiter<string> _sessionsOfShop =
        Create<string>(options.Value.SessionsOfShopPerMinute, DefaultSessionsOfShopPerMinute, environment);

    /// <summary>An endpoint filter for endpoints that create a session.</summary>
    public static ValueTask<object?> SessionFilter(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next) =>
        FilterAsync(invocation, next, limit => limit._sessions, Failures.Of(StatusCodes.Status429TooManyRequests));

    /// <summary>
    /// An endpoint filter for endpoints that begin an upload: inside the protocol's own, so that its headers are on the answer. Also for those
    /// that change a file: each change is an event of the shop.
    /// </summary>
    public static ValueTask<object?> Filter(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next) =>
        FilterAsync(invocation, next, limit => limit._uploads, Problems.TooManyUploads);

    /// <summary>An endpoint filter for the endpoint that finishes a direct upload: each time S3 lists its parts.</summary>
    public static ValueTask<object?> FinishFilter(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next) =>
        FilterAsync(invocation, next, limit => limit._finishes, Problems.TooManyUploads);

    /// <summary>Counts one more file of a form: the request itself was counted for the first.</summary>
    /// <returns>Whether it may begin.</returns>
    public bool TryBeginFile(IPAddress client)
    {
        using var lease = _uploads.AttemptAcquire(client);
        return lease.IsAcquired;
    }

    /// <summary>Counts a session that is about to be created.</summary>
    /// <returns>Whether it may be.</returns>
    public bool TryCreateSession(string shop)
    {
        using var lease = _sessionsOfShop.AttemptAcquire(shop);
        return lease.IsAcquired;
    }

    public void Dispose()
    {
        _sessions.Dispose();
        _uploads.Dispose();
        _finishes.Dispose();
        _sessionsOfShop.Dispose();
    }

    private static async ValueTask<object?> FilterAsync(
        EndpointFilterInvocationContext invocation, EndpointFilterDelegate next, Func<CreationRateLimit, PartitionedRateLimiter<IPAddress>> limiterOf, Problem refusal)
    {
        var context = invocation.HttpContext;
        using var lease = limiterOf(context.RequestServices.GetRequiredService<CreationRateLimit>()).AttemptAcquire(ClientNetwork.Of(context));
        if (lease.IsAcquired)
            return await next(invocation);
        context.Response.SetRetryAfter(lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait : Window);
        return refusal;
    }

    // In Development there is no limit unless one is set.
    private static PartitionedRateLimiter<TKey> Create<TKey>(int? perMinute, int usual, IHostEnvironment environment)
        where TKey : notnull => PartitionedRateLimiter.Create<TKey, TKey>(key => (perMinute ?? (environment.IsDevelopment() ? null : usual)) is { } permits
            ? RateLimitPartition.GetFixedWindowLimiter(key, _ => new() { PermitLimit = permits, Window = Window })
            : RateLimitPartition.GetNoLimiter(key));
}
