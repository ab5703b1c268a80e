namespace CloudTab.DevHost.Dashboard;

/// <summary>OTLP counts nanoseconds; the page, as every browser does, milliseconds.</summary>
internal static class UnixTime
{
    public static double Milliseconds(ulong nanoseconds) => nanoseconds / 1e6;

    public static double? Milliseconds(DateTime? utc) => utc is { } time ? Milliseconds(new DateTimeOffset(time, TimeSpan.Zero)) : null;

    public static double Milliseconds(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    public static double Seconds(ulong nanoseconds) => nanoseconds / 1e9;
}
