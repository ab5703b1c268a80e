using System.Text.RegularExpressions;
using CloudTab.Testing;

namespace CloudTab.Deploy.Tests;

/// <summary>The pages name only what there is: files, types and members of the source, and headings that links point to.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string Root = Path.GetDirectoryName(Repository.PathOf("CloudTab.sln"))!;

    /// <summary>Every file of the repository, by its path from the root.</summary>
    private static readonly List<string> Files = [.. FilesIn(new DirectoryInfo(Root)).Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))];

    private static readonly List<string> Pages = [.. Files.Where(file => file.EndsWith(".md", StringComparison.Ordinal))];

    /// <summary>The C# sources by their path, without this file.</summary>
    private static readonly Dictionary<string, string> Sources = Files
        .Where(file => file.EndsWith(".cs", StringComparison.Ordinal) && !file.EndsWith("/DocumentationTests.cs", StringComparison.Ordinal))
        .ToDictionary(file => file, Repository.Read, StringComparer.Ordinal);

    /// <summary>Words of other systems that look like names of ours.</summary>
    private static readonly string[] Foreign = ["UploadPartCopy", "UnderscoreEscapingWithSuffixes", "AccessDenied", "MaxScanSize"];

    [Fact]
    public void Every_link_leads_to_a_file_and_a_heading()
    {
        var broken = Pages.SelectMany(page => Link.Matches(Repository.Read(page)).Select(link => (page, target: link.Groups["target"].Value)))
            .Where(link => !Exists(link.page, link.target));

        Assert.Empty(broken);
    }

    [Fact]
    public void Every_path_in_backticks_exists()
    {
        var missing = Code().Where(code => IsPath(code.Text) && !PathExists(code.Text));

        Assert.Empty(missing);
    }

    [Fact]
    public void Every_type_and_member_in_backticks_exists()
    {
        var missing = Code().Where(code => !IsPath(code.Text) && Name.Match(code.Text) is { Success: true } name && !IsDeclared(name));

        Assert.Empty(missing);
    }

    [Fact]
    public void Every_test_in_backticks_exists()
    {
        var tests = Sources.Where(source => source.Key.StartsWith("tests/", StringComparison.Ordinal))
            .SelectMany(source => Test.Matches(source.Value)).Select(match => match.Groups["name"].Value).ToHashSet(StringComparer.Ordinal);
        var named = Code().Where(code => Sentence.IsMatch(code.Text)).Select(code => code.Text).ToList();

        Assert.NotEmpty(named);
        Assert.Equal([], named.Except(tests, StringComparer.Ordinal));
    }

    private static IEnumerable<(string Page, string Text)> Code() =>
        from page in Pages
        from match in Backticks.Matches(Block.Replace(Repository.Read(page), ""))
        select (page, match.Groups["text"].Value);

    private static bool Exists(string page, string target)
    {
        if (target.Contains("://", StringComparison.Ordinal))
            return true;
        var (path, heading) = target.Split('#') is [var first, var second] ? (first, second) : (target, null);
        var file = path.Length == 0 ? Path.Combine(Root, page) : Path.GetFullPath(path, Path.GetDirectoryName(Path.Combine(Root, page))!);
        return Path.Exists(file) && (heading is null || Heading.Matches(File.ReadAllText(file)).Any(match => Anchor(match.Groups["text"].Value) == heading));
    }

    private static string Anchor(string heading) => NotInAnchor.Replace(heading.TrimEnd().ToLowerInvariant(), "").Replace(' ', '-');

    /// <summary>A path below one of the repository's own folders, or the name of a source file.</summary>
    private static bool IsPath(string text) =>
        PathLike.IsMatch(text)
        && (text.Contains('/', StringComparison.Ordinal) && Path.Exists(Path.Combine(Root, text.Split('/')[0]))
            || text.StartsWith("CloudTab.", StringComparison.Ordinal)
            || SourceName.IsMatch(text));

    private static bool PathExists(string text)
    {
        // `db/*.sql` and `Problems.cs` are the ends of paths.
        var pattern = $"(^|/){Regex.Escape(text.TrimEnd('/')).Replace("\\*", "[^/]*", StringComparison.Ordinal)}(/|$)";
        return Files.Any(file => Regex.IsMatch(file, pattern, RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)));
    }

    /// <summary>Whether the sources have the word; or, of `Type.Member`, whether a file that declares the type has the member.</summary>
    private static bool IsDeclared(Match name)
    {
        var (type, member) = (name.Groups["type"].Value, name.Groups["member"].Value);
        return member.Length == 0
            ? Foreign.Contains(type, StringComparer.Ordinal) || Sources.Values.Any(source => HasWord(source, type))
            : Sources.Values.Any(source => HasWord(source, $"(class|record|struct|interface|enum) {type}") && HasWord(source, member) || source.Contains($"\"{name.Value}\"", StringComparison.Ordinal));
    }

    private static bool HasWord(string source, string word) =>
        Regex.IsMatch(source, $@"\b{word}\b", RegexOptions.ExplicitCapture, TimeSpan.FromMinutes(1));

    private static IEnumerable<string> FilesIn(DirectoryInfo folder) =>
        folder.EnumerateFiles().Select(file => file.FullName).Concat(folder.EnumerateDirectories()
            .Where(below => below.Name is not ("artifacts" or "bin" or "obj" or "node_modules" or ".git" or ".cloudtab"))
            .SelectMany(FilesIn));

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Link { get; }

    [GeneratedRegex(@"^#{1,6} (?<text>.+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Heading { get; }

    [GeneratedRegex("[^a-z0-9_ -]", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex NotInAnchor { get; }

    [GeneratedRegex("^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Block { get; }

    [GeneratedRegex("`(?<text>[^`\n]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Backticks { get; }

    [GeneratedRegex(@"^\.?[A-Za-z][\w.-]*(/[\w.*-]+)*/?$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex PathLike { get; }

    [GeneratedRegex(@"[^.]\.(cs|csproj|props|proj|targets|razor|sql|mjs|md)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex SourceName { get; }

    [GeneratedRegex(@"public (async Task|Task|void) (?<name>\w+)\(", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Test { get; }

    // `A_name_is_cleaned`: words, of which one at the least is not in capitals as those of a setting are.
    [GeneratedRegex("^(?=.*_[a-z])[A-Z][A-Za-z0-9]*(_[A-Za-z0-9]+)+$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Sentence { get; }

    // `UploadLock`, `Sessions.OpenAsync`: words in Pascal case. `SQL`, `PORT`, `ETag`-like headers of two capitals are not.
    [GeneratedRegex(@"^(?<type>[A-Z][a-z]+([A-Z0-9][a-z0-9]+)*)(\.(?<member>[A-Z][A-Za-z0-9]+))?(\(\))?$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Name { get; }
}
