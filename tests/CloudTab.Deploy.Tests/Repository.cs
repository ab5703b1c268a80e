using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace CloudTab.Deploy.Tests;

/// <summary>The repository's files.</summary>
internal static partial class Repository
{
    public static string Root { get; } = Path.GetFullPath("../..", Path.GetDirectoryName(ThisFile())!);

    /// <summary>The version that everything is built as.</summary>
    public static string Version { get; } =
        XDocument.Parse(Read("Directory.Build.props")).Descendants("Version").Single().Value;

    /// <summary>Every name that stands as code in docs/operations.md.</summary>
    public static IReadOnlySet<string> DocumentedNames { get; } =
        Code().Matches(Read("docs/operations.md")).Select(match => match.Groups["text"].Value).ToHashSet(StringComparer.Ordinal);

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    /// <summary>Whether a setting is described in docs/operations.md.</summary>
    public static bool IsDocumented(string setting) =>
        DocumentedNames.Contains(setting)
        || (setting.StartsWith("OTEL_", StringComparison.Ordinal) && DocumentedNames.Contains("OTEL_*"))
        || (Address().Match(setting) is { Success: true } address && DocumentedNames.Contains(address.Groups["service"].Value));

    private static string ThisFile([CallerFilePath] string path = "") => path;

    [GeneratedRegex("`(?<text>[^`\n]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Code();

    // The table spells one service out and names the others.
    [GeneratedRegex("^services__(?<service>[a-z-]+)__http__[0-9]+$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Address();
}
