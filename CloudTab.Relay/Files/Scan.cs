namespace CloudTab.Relay;

/// <summary>What the virus scanner said of a file, as it is stored and told to clients.</summary>
public static class Scan
{
    public const string Clean = "clean";

    /// <summary>Nobody can download the file.</summary>
    public const string Infected = "infected";

    /// <summary>There is no scanner, or it could not tell.</summary>
    public const string Unscanned = "unscanned";
}

/// <summary>Files must be scanned, and the scanner does not answer: an outage like that of Postgres or S3.</summary>
public sealed class ScannerAwayException() : Exception("The virus scanner does not answer.");
