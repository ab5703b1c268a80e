using System.Text.RegularExpressions;
using CloudTab.Testing;

namespace CloudTab.Services.Tests;

/// <summary>What docs/scaling.md promises of the schema and of the statements, so that shops can be given to several databases.</summary>
public sealed partial class ScalingTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    private static readonly string[] Projects =
        ["Relay", "UploadApi", "ShopApi", "Notifier", "Janitor", "Migrator", "Gateway", "Standalone"];

    [Fact]
    public async Task Each_table_says_whose_its_rows_are_and_the_page_tells_how()
    {
        var named = Rows("Whose a row is").ToDictionary(row => row.Groups["name"].Value, row => row.Groups["second"].Value, StringComparer.Ordinal);
        var tables = await relay.ColumnAsync<string>("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
        var keys = (await relay.ColumnAsync<string>(
            """
            SELECT conrelid::regclass || ' ' || attname || ' ' || confrelid::regclass
            FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
            WHERE contype = 'f'
            UNION ALL
            SELECT relname || ' shop_id shops' FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE attname = 'shop_id' AND relkind = 'r'
            """)).Select(key => key.Split(' ')).ToLookup(key => (Table: key[0], Column: key[1]), key => key[2]);

        Assert.Equal(tables.Order(StringComparer.Ordinal), named.Keys.Order(StringComparer.Ordinal));
        Assert.All(named, table => Assert.True(IsOfShop(table.Key) || table.Value == "the relay's", $"{table.Key}: {table.Value}"));

        bool IsOfShop(string table) => table == "shops" || named[table] is var column && keys[(table, column.Trim('`'))].Any(IsOfShop);
    }

    [Fact]
    public void Statements_name_a_shop_or_one_of_its_rows_but_for_those_that_the_page_tells_of()
    {
        var files = Projects.SelectMany(project => Directory.EnumerateFiles(Repository.PathOf($"CloudTab.{project}"), "*.cs", SearchOption.AllDirectories));
        var statements = files.Select(file => (Type: Path.GetFileNameWithoutExtension(file), Source: File.ReadAllText(file)))
            .SelectMany(file => Statement.Matches(file.Source).Select(sql => (file.Type, Sql: WithParts(sql.Groups["sql"].Value, file.Source))))
            .ToList();

        Assert.InRange(statements.Count, 100, 1000);
        Assert.Equal(
            Rows("Statements over all shops").Select(row => row.Groups["name"].Value).Order(StringComparer.Ordinal),
            statements.Where(statement => !NamesRows.IsMatch(statement.Sql)).Select(statement => statement.Type).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
    }

    /// <summary>The rows of the table below a heading of the page.</summary>
    private static MatchCollection Rows(string heading)
    {
        var page = Repository.Read("docs/scaling.md");
        var begin = page.IndexOf($"\n## {heading}\n", StringComparison.Ordinal);
        Assert.NotEqual(-1, begin);
        var end = page.IndexOf("\n## ", begin + 1, StringComparison.Ordinal);
        return Row.Matches(page[begin..(end < 0 ? page.Length : end)]);
    }

    /// <summary>A statement and those constants of its file that it is made of.</summary>
    private static string WithParts(string sql, string source) => Hole.Replace(
        sql, hole => Regex.Match(source, $"const string {hole.Groups["name"].Value} = \\$?\"+(?<text>[^\"]+)\"", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)) is { Success: true } part
            ? part.Groups["text"].Value
            : hole.Value);

    [GeneratedRegex(@"^\| `(?<name>\w+)` \| (?<second>[^|]+) \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Row { get; }

    [GeneratedRegex(
        """"(string|var) (sql|update|select) = \$?"(""\s*\n(?<sql>.*?)"""|(?<sql>[^"\n]+)")|(Query|Change|Execute)\w*(<[^>]+>)?\(\s*"(?<sql>[^"\n]+)\x22"""",
        RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Statement { get; }

    // By a parameter: a shop, a row of its own, a list of them, or an insert of values.
    [GeneratedRegex(
        @"@(shop|key|Id)\b|\b(id|session|file|webhook|upload|replica|sha256|\w+_id) = @|= ANY ?\(@(?!running)|unnest\(@|\bVALUES \(|\{(SessionName\.Sql|OfShop)\}",
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex NamesRows { get; }

    [GeneratedRegex(@"\{(?<name>\w+)\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Hole { get; }
}
