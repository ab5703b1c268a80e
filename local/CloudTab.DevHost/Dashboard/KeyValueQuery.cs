namespace CloudTab.DevHost.Dashboard;

/// <summary><c>key:value</c> in a query string. Attribute keys have dots and no colon, values may have both.</summary>
internal static class KeyValueQuery
{
    public static Otlp.Tag Parse(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? new(text, "") : new(text[..colon], text[(colon + 1)..]);
    }
}
