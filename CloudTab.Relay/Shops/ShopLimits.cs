namespace CloudTab.Relay;

/// <summary>What an operator has set for one shop, all inclusive; null is what the settings say. The shop itself may allow less.</summary>
/// <param name="Files">Files in a session.</param>
/// <param name="FileSize">Bytes in a file.</param>
/// <param name="SessionSize">Bytes in a session.</param>
/// <param name="Outstanding">Bytes in all live files of the shop.</param>
/// <param name="Own">What the shop itself allows; null: as much as its operator.</param>
public readonly record struct ShopLimits(int? Files, long? FileSize, long? SessionSize, long? Outstanding, OwnLimits? Own)
{
    internal const string Columns =
        "max_files AS MaxFiles, max_file_size AS MaxFileSize, max_session_size AS MaxSessionSize, max_outstanding AS MaxOutstanding, own_limits AS OwnLimits";
}
