using System.Globalization;
using System.Net;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// How many bytes a client address may send in a minute, per replica. A request is let in while its address has not used up its
/// minute, and then runs to its end: it is charged for what it announces, at once, so that a hundred that begin together do not all
/// pass, and gets back what it did not send. What goes beyond the minute is waited for by the next request.
/// To announce costs nothing, and others may share the address: no announcement shuts it out for longer than a minute.
/// </summary>
internal sealed class ByteRateLimit
{
    private const long DefaultPerMinute = 4L << 30;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, TimeSpan> _paidAt = [];
    private readonly TimeProvider _clock;
    private readonly long? _perMinute;
    private TimeSpan _sweepAt;

    public ByteRateLimit(IOptions<UploadOptions> options, IHostEnvironment environment, TimeProvider clock)
    {
        _clock = clock;
        _perMinute = options.Value.BytesPerMinute ?? (environment.IsDevelopment() ? null : DefaultPerMinute);
    }

    private TimeSpan Now => _clock.GetElapsedTime(0);

    /// <summary>An endpoint filter for endpoints that take large bodies.</summary>
    public static async ValueTask<object?> Filter(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        var context = invocation.HttpContext;
        var quota = context.RequestServices.GetRequiredService<ByteRateLimit>();
        var client = ClientNetwork.Of(context.Connection.RemoteIpAddress);
        var announced = quota.ChargeableAtOnce(context.Request.ContentLength);
        if (!quota.TryCharge(client, announced, out var wait))
        {
            var seconds = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds));
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
            return (ProblemHttpResult)Problems.TooManyBytes;
        }

        var options = context.RequestServices.GetRequiredService<IOptions<UploadOptions>>();
        var body = new MeteredBody(
            context.Request.BodyReader,
            context.RequestServices.GetRequiredService<TimeProvider>(),
            TimeSpan.FromMilliseconds(options.Value.Silence),
            announced,
            more => quota.Charge(client, more));
        context.Request.Body = body;
        try
        {
            return await next(invocation);
        }
        finally
        {
            quota.Charge(client, -body.Settle());
        }
    }

    /// <summary>How much of what a request announces is charged before it comes: the minute, and one more. The rest is when it comes.</summary>
    public long ChargeableAtOnce(long? announced) => Math.Min(announced ?? 0, 2 * (_perMinute ?? 0));

    /// <summary>Charges an address, unless it has used up its minute.</summary>
    /// <param name="wait">How long it has to wait where it has.</param>
    public bool TryCharge(IPAddress client, long bytes, out TimeSpan wait)
    {
        wait = TimeSpan.Zero;
        if (_perMinute is null)
            return true;
        lock (_lock)
        {
            Sweep();
            // The moment at which all that the address was charged for has been worked off at the rate that is allowed: with a minute's
            // worth outstanding there is no room.
            wait = _paidAt.GetValueOrDefault(client) - Now - Window;
            if (wait >= TimeSpan.Zero)
                return false;
            Charge(client, bytes);
            return true;
        }
    }

    /// <summary>Charges an address for what it has sent already; gives back where that is negative.</summary>
    public void Charge(IPAddress client, long bytes)
    {
        if (_perMinute is not { } perMinute || bytes == 0)
            return;
        lock (_lock)
        {
            var paidAt = _paidAt.GetValueOrDefault(client);
            _paidAt[client] = (paidAt > Now ? paidAt : Now) + Window * ((double)bytes / perMinute);
        }
    }

    // Addresses that owe nothing are forgotten, once a minute.
    private void Sweep()
    {
        if (Now < _sweepAt)
            return;
        _sweepAt = Now + Window;
        foreach (var (client, paidAt) in _paidAt)
        {
            if (paidAt <= Now)
                _paidAt.Remove(client);
        }
    }
}
