using System.Text.RegularExpressions;
using CloudTab.Testing;

namespace CloudTab.Deploy.Tests;

/// <summary>The Dockerfile's instructions, line continuations joined.</summary>
internal static partial class Dockerfile
{
    public static IReadOnlyList<(string Name, string Arguments)> Instructions { get; } =
        [.. ReceiveBytes().Replace(Comment().Replace(Repository.Read("Dockerfile"), ""), " ").Split('\n')
            .Where(line => line.Length > 0).Select(line => line.Split(' ', 2)).Select(parts => (parts[0], parts[1].Trim()))];

    /// <summary>The projects that it builds where no argument says otherwise.</summary>
    public static string[] Projects { get; } =
        Instructions.Single(one => one is { Name: "ARG" } && one.Arguments.StartsWith("PROJECT=", StringComparison.Ordinal)).Arguments["PROJECT=".Length..].Trim('"').Split(' ');

    /// <summary>The port that every service listens on in its container.</summary>
    public static string Port { get; } = Instructions.Single(one => one.Name == "EXPOSE").Arguments;

    [GeneratedRegex("^#.*\n", RegexOptions.Multiline, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Comment();

    [GeneratedRegex("\\\\\n *", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex ReceiveBytes();
}
