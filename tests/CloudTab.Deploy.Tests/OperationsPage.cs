using System.Text.RegularExpressions;
using CloudTab.Testing;

namespace CloudTab.Deploy.Tests;

/// <summary>docs/operations.md, which has every setting.</summary>
internal static partial class OperationsPage
{
    /// <summary>MiB that an UploadApi needs without connections: for uploads, besides, for two readers of PDFs, for documents.</summary>
    public const int MemoryOfUploadApi = 256 + 150 + 2 * 180 + 260;

    /// <summary>Every name that stands there as code.</summary>
    private static readonly HashSet<string> Names =
        Code().Matches(Repository.Read("docs/operations.md")).Select(match => match.Groups["text"].Value).ToHashSet(StringComparer.Ordinal);

    /// <summary>Whether a setting is described there.</summary>
    public static bool Describes(string setting) =>
        Names.Contains(setting)
        || (setting.StartsWith("OTEL_", StringComparison.Ordinal) && Names.Contains("OTEL_*"))
        || (Address().Match(setting) is { Success: true } address && Names.Contains(address.Groups["service"].Value));

    [GeneratedRegex("`(?<text>[^`\n]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Code();

    // The table spells one service out and names the others.
    [GeneratedRegex("^services__(?<service>[a-z-]+)__http__[0-9]+$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Address();
}
