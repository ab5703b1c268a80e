using System.Text.Json;

namespace CloudTab.Dashboard.Tests;

/// <summary>What the page computes rather than shows, asked of its own modules in the browser.</summary>
[Collection(DashboardCollection.Name)]
public sealed class ModuleTests(RunningDashboard dashboard)
{
    [Theory]
    [InlineData("plain", "plain:")]
    [InlineData("\e[32minfo\e[39m: text", "info:ink-2|: text:")]
    [InlineData("\e[1;31mbad\e[22m still\e[0m over", "bad:bold ink-1| still:ink-1| over:")]
    [InlineData("\e[94;103mbright", "bright:ink-12 paper-11")]
    [InlineData("\e[38;5;9mnamed\e[38;5;208mcube\e[38;5;244mgrey", "named:ink-9|cube:rgb(255 135 0)|grey:rgb(128 128 128)")]
    [InlineData("\e[38;2;1;2;3mtrue\e[m", "true:rgb(1 2 3)")]
    [InlineData("\e[2Kcleared\e]0;title\a \e[?25lhidden", "cleared:| :|hidden:")]
    public async Task A_line_of_console_is_read_as_runs_of_text_in_one_look(string line, string runs)
    {
        await using var page = await dashboard.OpenAsync();

        var read = await page.Page.EvaluateAsync<string>(
            """
            async line => {
              const { runs } = await import("/console/ansi.js");
              return runs(line).map(run => `${run.text}:${[...run.classes, run.ink, run.paper].filter(one => one).join(" ")}`).join("|");
            }
            """, line);

        Assert.Equal(runs, read);
    }

    [Theory]
    [InlineData("a b:a c:b d:a", "a0 b1 c2 d1")]
    [InlineData("b:gone a", "b0 a0")]
    [InlineData("a:b b:a c", "c0 a0 b1")]
    [InlineData("a:a", "a0")]
    public async Task Spans_stand_below_their_parents_and_none_is_lost(string spans, string rows)
    {
        await using var page = await dashboard.OpenAsync();

        var ordered = await page.Page.EvaluateAsync<string>(
            """
            async spans => {
              const { rowsOf } = await import("/traces/tree.js");
              const given = spans.split(" ").map((span, start) => ({ spanId: span.split(":")[0], parentId: span.split(":")[1], start, durationMs: 1 }));
              return rowsOf(given).map(row => row.span.spanId + row.depth).join(" ");
            }
            """, spans);

        Assert.Equal(rows, ordered);
    }

    [Fact]
    public async Task Every_node_of_the_graph_stands_to_the_right_of_what_it_needs_even_in_a_circle()
    {
        await using var page = await dashboard.OpenAsync();

        var columns = await page.Page.EvaluateAsync<JsonElement>(
            """
            async () => {
              const { layOut } = await import("/resources/graph-layout.js");
              const edges = ["b>a", "c>b", "c>a", "d>c", "e>f", "f>e"].map(edge => ({ from: edge[0], to: edge[2] }));
              const { columns } = layOut([..."abcdef"], edges);
              return Object.fromEntries(columns.flat().filter(item => item.name).map(item => [item.name, item.column]));
            }
            """);

        Assert.Equal([0, 1, 2, 3], "abcd".Select(name => columns.GetProperty(name.ToString()).GetInt32()));
        Assert.True(columns.TryGetProperty("e", out _) && columns.TryGetProperty("f", out _));
    }
}
