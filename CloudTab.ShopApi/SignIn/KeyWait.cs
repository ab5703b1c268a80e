using System.Globalization;

namespace CloudTab.ShopApi;

/// <summary>How long an address has to wait that has sent too many wrong keys.</summary>
internal static class KeyWait
{
    /// <summary>The value of Retry-After.</summary>
    public static string InSeconds(TimeSpan wait) => Math.Max(1, Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
}
