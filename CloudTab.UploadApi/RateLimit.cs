using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>How many sessions a client address may create in a minute.</summary>
internal static class RateLimit
{
    /// <summary>The policy's name: for endpoints that create a session.</summary>
    public const string Sessions = "sessions";

    private const int DefaultPerMinute = 120;
    private const int NetworkBytesOfIpv6 = 8;

    public static IServiceCollection AddSessionRateLimit(this IServiceCollection services)
    {
        services.AddRateLimiter(_ => { });
        services.AddOptions<RateLimiterOptions>().Configure<IOptions<UploadOptions>, IHostEnvironment>((limiter, options, environment) =>
        {
            var perMinute = options.Value.SessionsPerMinute ?? (environment.IsDevelopment() ? null : DefaultPerMinute);
            limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            limiter.OnRejected = (rejected, _) =>
            {
                var wait = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var left) ? left : TimeSpan.FromMinutes(1);
                var seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));
                rejected.HttpContext.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
                return ValueTask.CompletedTask;
            };
            limiter.AddPolicy(Sessions, context => perMinute is { } permits
                ? RateLimitPartition.GetFixedWindowLimiter(
                    ClientOf(context), _ => new() { PermitLimit = permits, Window = TimeSpan.FromMinutes(1) })
                : RateLimitPartition.GetNoLimiter(IPAddress.None));
        });
        return services;
    }

    // A customer's IPv6 connection has a whole /64: whoever wants can take a new address for every request.
    internal static IPAddress ClientOf(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var network = address.GetAddressBytes();
        network.AsSpan(NetworkBytesOfIpv6).Clear();
        return new IPAddress(network);
    }
}
