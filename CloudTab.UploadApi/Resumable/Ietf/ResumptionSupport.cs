using System.Globalization;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// `104 (Upload Resumption Supported)`: tells the client of one request where its new upload is before its bytes come, and how many are
/// durable while they come.
/// </summary>
internal sealed class ResumptionSupport(InterimResponses responses, RequestedShop shop, IetfLimits limits)
{
    private const int Status = 104;
    private const string Reason = "Upload Resumption Supported";

    // A client that does not expect so many answers to one request may have a limit on all their bytes.
    private const int MostAcknowledgements = 100;

    private static readonly (string, string) Version = (IetfHeaders.InteropVersion, IetfHeaders.SupportedInteropVersion);

    private long? _acknowledged;

    /// <summary>
    /// The support that a request gets, or null: servers "MUST NOT send a 104 […] when the interop version indicated by the
    /// Upload-Draft-Interop-Version header field in the request is missing or mismatching". Most proxies do not
    /// pass it on: an upload that its client does not know of would be kept in vain, and count.
    /// </summary>
    public static ResumptionSupport? For(HttpRequest request, RequestedShop shop, IetfLimits limits)
    {
        if (request.Headers[IetfHeaders.InteropVersion] != IetfHeaders.SupportedInteropVersion || UploadHeaders.IsForwarded(request))
            return null;
        return InterimResponses.To(request.HttpContext) is { } responses ? new(responses, shop, limits) : null;
    }

    /// <summary>Tells where an upload is. "It MUST include Location […] and MUST include the Upload-Limit header field".</summary>
    /// <returns>Whether the client may have received it.</returns>
    public ValueTask<bool> AnnounceAsync(Upload upload, CancellationToken cancellationToken) => responses.SendAsync(
        Status,
        Reason,
        [Version, ("Location", UploadRoutes.AddressOf(shop, upload)), (IetfHeaders.Limit, limits.For(upload))],
        cancellationToken);

    /// <summary>Tells what is durable. "These interim responses MUST NOT include the Location header field."</summary>
    public async ValueTask AcknowledgeAsync(Upload upload, CancellationToken cancellationToken)
    {
        var offset = upload.Received;
        _acknowledged ??= offset;
        if (offset == _acknowledged || offset - _acknowledged < upload.Length / MostAcknowledgements)
            return;
        _acknowledged = offset;
        await responses.SendAsync(
            Status, Reason, [Version, (UploadHeaders.Offset, offset.ToString(CultureInfo.InvariantCulture))], cancellationToken);
    }
}
