namespace CloudTab.Client;

/// <summary>States of a session.</summary>
public static class SessionStatuses
{
    /// <summary>No file is submitted yet.</summary>
    public const string Open = "open";

    /// <summary>The shop knows it.</summary>
    public const string Pending = "pending";

    /// <summary>A counter has claimed it.</summary>
    public const string Processing = "processing";

    /// <summary>Printed; the files are deleted.</summary>
    public const string Completed = "completed";

    /// <summary>Its time is over; the files are deleted.</summary>
    public const string Expired = "expired";

    /// <summary>Its customer, or the shop's closing, has ended it; the files are deleted.</summary>
    public const string Cancelled = "cancelled";
}

/// <summary>What the virus scanner said of a file.</summary>
public static class ScanResults
{
    /// <summary>Nothing was found.</summary>
    public const string Clean = "clean";

    /// <summary>A virus was found: the shop cannot download it.</summary>
    public const string Infected = "infected";

    /// <summary>It was not scanned.</summary>
    public const string Unscanned = "unscanned";
}
