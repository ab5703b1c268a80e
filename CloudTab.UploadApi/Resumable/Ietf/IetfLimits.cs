using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>Values of Upload-Limit.</summary>
internal sealed class IetfLimits(
    IOptions<UploadOptions> uploads, Lifetimes lifetimes, Shops shops)
{
    /// <summary>The limits of an upload to a shop that is created now.</summary>
    public async Task<string> ForNewAsync(string shop, CancellationToken cancellationToken)
    {
        var own = await shops.FindAsync(shop, cancellationToken);
        return ForNew(uploads.Value.For(own?.Limits ?? default));
    }

    /// <summary>The limits of an upload that is created now.</summary>
    public string ForNew(UploadLimits limits) => Format(
        limits.FileSize, lifetimes.OfSession < lifetimes.OfFile ? lifetimes.OfSession : lifetimes.OfFile);

    /// <summary>The limits of an upload. Its remaining life only shrinks as time passes: activity prolongs it.</summary>
    public string For(Upload upload) =>
        Format(uploads.Value.For(upload.ShopLimits).FileSize, upload.ExpiresAt - lifetimes.Now);

    private static string Format(long size, TimeSpan life) =>
        FormattableString.Invariant($"max-size={size}, max-age={Math.Max(0, (long)life.TotalSeconds)}");
}
