namespace CloudTab.DevHost.Dashboard;

/// <summary>
/// Lets equal short strings be one object: telemetry says the same keys and values over and over, and keeps them. A fixed table where a new
/// string takes the place of another, so it never grows; two threads that race lose at most one saving.
/// </summary>
internal sealed class StringPool
{
    private const int LongestPooled = 64;

    private readonly string?[] _slots = new string?[8192];

    public string Of(string text)
    {
        if (text.Length is 0 or > LongestPooled)
            return text;
        ref var slot = ref _slots[(uint)text.GetHashCode(StringComparison.Ordinal) % (uint)_slots.Length];
        if (slot is { } known && known == text)
            return known;
        slot = text;
        return text;
    }
}
