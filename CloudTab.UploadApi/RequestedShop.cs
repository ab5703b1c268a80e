using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>The shop that a request means: the one in its path (`/s/{shop}/…`), else the default shop.</summary>
/// <param name="Id">Id of the shop, or null where the path names what no shop can be called.</param>
/// <param name="IsNamed">Whether the path names it.</param>
internal readonly record struct RequestedShop(string? Id, bool IsNamed)
{
    private const int LongestId = 63;

    /// <summary>What stands before the paths of this shop's endpoints.</summary>
    public string Prefix => IsNamed ? $"/s/{Id}" : "";

    /// <summary>Called by the framework to make a handler's parameter.</summary>
    public static ValueTask<RequestedShop> BindAsync(HttpContext context) => ValueTask.FromResult(
        context.GetRouteValue("shop") is string named ? new RequestedShop(Parse(named), true) : new(Shops.Default, false));

    /// <summary>The text as an id that a shop may have, or null: such a text need not be looked for.</summary>
    public static string? Parse(string text) =>
        text.Length is > 0 and <= LongestId && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') ? text : null;
}
