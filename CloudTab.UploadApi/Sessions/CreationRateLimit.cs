using System.Globalization;
using System.Net;
using System.Threading.RateLimiting;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// How many uploads a client address may begin or change in a minute, how many direct uploads it may ask to finish, and how many sessions all
/// clients of a shop may create, per replica. How many sessions an address may create is <see cref="SessionRateLimit"/>.
/// </summary>
internal sealed class CreationRateLimit(IOptions<UploadOptions> options, IHostEnvironment environment) : IDisposable
{
    public const int DefaultUploadsPerMinute = 1_200;
    public const int DefaultSessionsOfShopPerMinute = 1_200;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly PartitionedRateLimiter<IPAddress> _uploads =
        Create<IPAddress>(options.Value.UploadsPerMinute ?? (environment.IsDevelopment() ? null : DefaultUploadsPerMinute));

    // As many, but counted by themselves: who has begun an upload can finish it.
    private readonly PartitionedRateLimiter<IPAddress> _finishes =
        Create<IPAddress>(options.Value.UploadsPerMinute ?? (environment.IsDevelopment() ? null : DefaultUploadsPerMinute));

    private readonly PartitionedRateLimiter<string> _sessionsOfShop =
        Create<string>(options.Value.SessionsOfShopPerMinute ?? (environment.IsDevelopment() ? null : DefaultSessionsOfShopPerMinute));

    /// <summary>
    /// An endpoint filter for endpoints that begin an upload: inside the protocol's own, so that its headers are on the answer. Also for those
    /// that change a file: each change is an event of the shop.
    /// </summary>
    public static ValueTask<object?> Filter(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next) =>
        FilterAsync(invocation, next, limit => limit._uploads);

    /// <summary>An endpoint filter for the endpoint that finishes a direct upload: each time S3 lists its parts.</summary>
    public static ValueTask<object?> FinishFilter(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next) =>
        FilterAsync(invocation, next, limit => limit._finishes);

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

    /// <summary>What a refused client is told in Retry-After.</summary>
    public static string SecondsToWait(RateLimitLease refused)
    {
        var wait = refused.TryGetMetadata(MetadataName.RetryAfter, out var left) ? left : Window;
        return Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        _uploads.Dispose();
        _finishes.Dispose();
        _sessionsOfShop.Dispose();
    }

    private static async ValueTask<object?> FilterAsync(
        EndpointFilterInvocationContext invocation, EndpointFilterDelegate next, Func<CreationRateLimit, PartitionedRateLimiter<IPAddress>> limiterOf)
    {
        var context = invocation.HttpContext;
        using var lease = limiterOf(context.RequestServices.GetRequiredService<CreationRateLimit>()).AttemptAcquire(ClientNetwork.Of(context));
        if (lease.IsAcquired)
            return await next(invocation);
        context.Response.Headers.RetryAfter = SecondsToWait(lease);
        return Problems.TooManyUploads;
    }

    private static PartitionedRateLimiter<TKey> Create<TKey>(int? perMinute)
        where TKey : notnull => PartitionedRateLimiter.Create<TKey, TKey>(key => perMinute is { } permits
            ? RateLimitPartition.GetFixedWindowLimiter(key, _ => new() { PermitLimit = permits, Window = Window })
            : RateLimitPartition.GetNoLimiter(key));
}
