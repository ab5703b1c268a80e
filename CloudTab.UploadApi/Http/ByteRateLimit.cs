using System.Globalization;
using System.Net;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// Limits how many bytes a client address may send in a minute, per replica. An address may start a request while it is under its
/// quota; a started request always finishes. Its Content-Length is charged up front, so that a hundred simultaneous requests cannot
/// all slip through, and whatever it did not send is refunded. If it sends more than the quota, the next request waits.
/// Announcing costs nothing, and others may share the address: so no Content-Length shuts an address out for more than a minute.
/// </summary>
internal sealed class ByteRateLimit
{
    public const long DefaultPerMinute = 4L << 30;
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
        var rateLimit = context.RequestServices.GetRequiredService<ByteRateLimit>();
        var client = ClientNetwork.Of(context.Connection.RemoteIpAddress);
        var announced = rateLimit.ChargeableAtOnce(context.Request.ContentLength);
        if (!rateLimit.TryCharge(client, announced, out var wait))
        {
            var seconds = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds));
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
            return Problems.TooManyBytes;
        }

        var options = context.RequestServices.GetRequiredService<IOptions<UploadOptions>>();
        var body = new MeteredBody(
            context.Request.BodyReader,
            context.RequestServices.GetRequiredService<TimeProvider>(),
            TimeSpan.FromMilliseconds(options.Value.Silence),
            announced,
            more => rateLimit.Charge(client, more));
        context.Request.Body = body;
        try
        {
            return await next(invocation);
        }
        finally
        {
            rateLimit.Charge(client, -body.Settle());
        }
    }

    /// <summary>How much of its Content-Length a request is charged for up front: two minutes' quota at most. The rest is charged as it comes.</summary>
    public long ChargeableAtOnce(long? announced) => Math.Min(announced ?? 0, 2 * (_perMinute ?? 0));

    /// <summary>Charges an address, unless it has used up its quota.</summary>
    /// <param name="wait">How long it has to wait if it has.</param>
    public bool TryCharge(IPAddress client, long bytes, out TimeSpan wait)
    {
        wait = TimeSpan.Zero;
        if (_perMinute is null)
            return true;
        lock (_lock)
        {
            Sweep();
            // _paidAt is when everything that was charged is paid off at the allowed rate: at a minute's worth of debt there is no room.
            wait = _paidAt.GetValueOrDefault(client) - Now - Window;
            if (wait >= TimeSpan.Zero)
                return false;
            Charge(client, bytes);
            return true;
        }
    }

    /// <summary>Charges an address for bytes that it has already sent; refunds if the number is negative.</summary>
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

    // Once a minute, forgets addresses that owe nothing.
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
