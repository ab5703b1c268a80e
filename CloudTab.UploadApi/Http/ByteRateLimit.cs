using System.Net;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// Limits how many bytes a client address, and all clients of a shop together, may send in a minute, per replica. Bytes are charged as they
/// come: what a client only announces shuts out nobody. A request may begin while its address and its shop are under their quota, and a
/// request that has begun always finishes; if more than the quota came, the next request waits. One whose beginning has not been read has
/// not begun: a hundred requests that wait for their turn at the same time do not all slip through.
/// </summary>
internal sealed class ByteRateLimit(IOptions<UploadOptions> options, IHostEnvironment environment, TimeProvider clock)
{
    public const long DefaultPerMinute = 4L << 30;
    public const long DefaultOfShopPerMinute = 16L << 30;

    // More than a form's reader and Kestrel take in before the first block of memory is asked for.
    private const long Beginning = 128 << 10;

    private readonly ByteDebts<IPAddress> _clients = new(options.Value.BytesPerMinute ?? (environment.IsDevelopment() ? null : DefaultPerMinute), clock);
    private readonly ByteDebts<string> _shops = new(options.Value.BytesOfShopPerMinute ?? (environment.IsDevelopment() ? null : DefaultOfShopPerMinute), clock);

    /// <summary>An endpoint filter for endpoints that take large bodies.</summary>
    public static async ValueTask<object?> Filter(EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        var context = invocation.HttpContext;
        var services = context.RequestServices;
        var rateLimit = services.GetRequiredService<ByteRateLimit>();
        var (client, shop) = (ClientNetwork.Of(context), RequestedShop.Of(context).Id);
        var wait = rateLimit.WaitOf(client, shop);
        if (wait > TimeSpan.Zero)
        {
            context.Response.SetRetryAfter(wait);
            return Problems.TooManyBytes;
        }

        var silence = TimeSpan.FromMilliseconds(services.GetRequiredService<IOptions<UploadOptions>>().Value.Silence);
        var body = new MeteredBody(
            context.Request.BodyReader,
            services.GetRequiredService<TimeProvider>(),
            silence,
            services.GetRequiredService<Lifetimes>().OfFile,
            (count, before) => rateLimit.Receive(client, shop, count, before));
        context.Response.RegisterForDispose(body);
        context.Request.Body = body;
        return await next(invocation);
    }

    /// <summary>Charges an address and a shop for bytes.</summary>
    public void Charge(IPAddress client, string shop, long bytes)
    {
        _clients.Charge(client, bytes);
        _shops.Charge(shop, bytes);
    }

    /// <summary>Charges an address and a shop for bytes that are read back, unless one of them has used up its quota.</summary>
    /// <returns>Whether they were charged: else nothing may be read.</returns>
    public bool TryCharge(IPAddress client, string shop, long bytes)
    {
        if (WaitOf(client, shop) > TimeSpan.Zero)
            return false;
        Charge(client, shop, bytes);
        return true;
    }

    /// <summary>Charges an address for bytes that it says it will send to S3.</summary>
    public void ChargeAnnounced(IPAddress client, long bytes) => _clients.Charge(client, bytes);

    /// <summary>Charges a shop for bytes that have been found in S3.</summary>
    public void ChargeFound(string shop, long bytes) => _shops.Charge(shop, bytes);

    /// <summary>How long an address and a shop have to wait for the next request.</summary>
    /// <param name="own">Bytes that the request has brought itself.</param>
    private TimeSpan WaitOf(IPAddress client, string shop, long own = 0)
    {
        var (ofClient, ofShop) = (_clients.WaitOf(client, own), _shops.WaitOf(shop, own));
        return ofClient > ofShop ? ofClient : ofShop;
    }

    /// <summary>Charges for bytes that a request has brought.</summary>
    /// <param name="before">How many it had brought before.</param>
    private void Receive(IPAddress client, string shop, long bytes, long before)
    {
        // EOF: nothing is left to refuse.
        if (bytes == 0)
            return;
        if (before < Beginning && WaitOf(client, shop, own: before) > TimeSpan.Zero)
            throw new BadHttpRequestException("The quota was used up before the request began.", StatusCodes.Status429TooManyRequests);
        Charge(client, shop, bytes);
    }
}
