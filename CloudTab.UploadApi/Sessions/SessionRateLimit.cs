using System.Net;
using System.Threading.RateLimiting;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>How many sessions a client address may create in a minute.</summary>
internal static class SessionRateLimit
{
    /// <summary>The policy's name: for endpoints that create a session.</summary>
    public const string Sessions = "sessions";

    public const int DefaultPerMinute = 120;

    public static IServiceCollection AddSessionRateLimit(this IServiceCollection services)
    {
        services.AddRateLimiter(_ => { });
        services.AddOptions<RateLimiterOptions>().Configure<IOptions<UploadOptions>, IHostEnvironment>((limiter, options, environment) =>
        {
            var perMinute = options.Value.SessionsPerMinute ?? (environment.IsDevelopment() ? null : DefaultPerMinute);
            limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            limiter.OnRejected = (rejected, _) =>
            {
                rejected.HttpContext.Response.Headers.RetryAfter = CreationRateLimit.SecondsToWait(rejected.Lease);
                return ValueTask.CompletedTask;
            };
            limiter.AddPolicy(Sessions, context => perMinute is { } permits
                ? RateLimitPartition.GetFixedWindowLimiter(
                    ClientNetwork.Of(context.Connection.RemoteIpAddress), _ => new() { PermitLimit = permits, Window = TimeSpan.FromMinutes(1) })
                : RateLimitPartition.GetNoLimiter(IPAddress.None));
        });
        return services;
    }
}
