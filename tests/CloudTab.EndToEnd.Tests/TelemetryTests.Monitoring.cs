using System.Text.Json;
using System.Text.RegularExpressions;
using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>deploy/observability asks for what the services export, under the names that Prometheus gives it.</summary>
public sealed partial class TelemetryTests
{
    // Labels that are not attributes of points: of histograms, of the resource, and what recording rules add.
    private static readonly string[] OtherLabels = ["le", "job", "instance", "slo"];

    [Theory]
    [InlineData("prometheus/slo.rules.yml")]
    [InlineData("prometheus/alerts.rules.yml")]
    [InlineData("grafana/cloudtab.json")]
    public async Task Every_series_that_is_asked_for_is_one_that_the_services_export(string file)
    {
        var series = Metric.Of(relay.Exports)
            .SelectMany(metric => metric.PrometheusNames.Select(name => (Name: name, metric.Points)))
            .ToLookup(one => one.Name, one => one.Points);

        var asked = (await QueriesAsync(file)).SelectMany(query => Selector.Matches(Grouping.Replace(query, ""))).ToList();

        Assert.NotEmpty(asked);
        Assert.All(asked, selector =>
        {
            var name = selector.Groups["name"].Value;
            Assert.True(series.Contains(name), $"{name} is not exported.");
            var known = series[name].SelectMany(points => points).SelectMany(point => point.Keys).Select(Metric.Label).Concat(OtherLabels).ToHashSet();
            Assert.Subset(known, Label.Matches(selector.Groups["labels"].Value).Select(label => label.Groups["name"].Value).ToHashSet());
        });
    }

    [Fact]
    public async Task What_is_grouped_by_is_an_attribute_that_the_services_export()
    {
        var known = Metric.Of(relay.Exports).SelectMany(metric => metric.Points).SelectMany(point => point.Keys).Select(Metric.Label).Concat(OtherLabels).ToHashSet();

        foreach (var file in (string[])["prometheus/slo.rules.yml", "prometheus/alerts.rules.yml", "grafana/cloudtab.json"])
        {
            var grouped = (await QueriesAsync(file))
                .SelectMany(query => Grouping.Matches(query))
                .SelectMany(by => by.Groups["labels"].Value.Split(',', StringSplitOptions.TrimEntries))
                .ToHashSet();
            Assert.Subset(known, grouped);
        }
    }

    [Theory]
    [InlineData("POST", "/api/customer/{**rest}")]
    [InlineData("POST", "/s/{shop}/api/customer/{**rest}")]
    [InlineData("POST", "/send")]
    public void The_gateway_counts_customers_requests_by_the_labels_of_the_objective(string method, string route)
    {
        Assert.Contains(
            Metric.Of(relay.Exports).Where(metric => metric is { Service: "gateway", Name: "http.server.request.duration" }).SelectMany(metric => metric.Points),
            point => point.GetValueOrDefault("http.request.method") is string asked && asked == method
                && point.GetValueOrDefault("http.route") is string taken && taken == route
                && point.GetValueOrDefault("http.response.status_code") is long);
    }

    [Fact]
    public async Task Every_attribute_of_a_metric_is_on_the_page()
    {
        var page = await File.ReadAllTextAsync(Repository.PathOf("docs/operations.md"), TestContext.Current.CancellationToken);
        var rows = page.Split('\n').Where(line => line.StartsWith("| `cloudtab.", StringComparison.Ordinal)).ToDictionary(line => line.Split('`')[1]);

        Assert.All(Metric.Of(relay.Exports).Where(metric => metric.Name.StartsWith("cloudtab.", StringComparison.Ordinal)), metric => Assert.All(
            metric.Points.SelectMany(point => point.Keys).Distinct(), attribute => Assert.Contains($"`{attribute}`", rows[metric.Name], StringComparison.Ordinal)));
    }

    /// <summary>The PromQL in a rules file or a dashboard; recorded series (with a colon) are not the services'.</summary>
    private static async Task<List<string>> QueriesAsync(string file)
    {
        var text = await File.ReadAllTextAsync(Repository.PathOf($"deploy/observability/{file}"), TestContext.Current.CancellationToken);
        if (file.EndsWith(".yml", StringComparison.Ordinal))
            return [.. text.Split('\n').Where(line => !line.TrimStart().StartsWith('#'))];
        var queries = new List<string>();
        Collect(JsonDocument.Parse(text).RootElement, queries);
        return queries;
    }

    private static void Collect(JsonElement element, List<string> queries)
    {
        if (element.ValueKind == JsonValueKind.Object && element.TryGetProperty("expr", out var expression))
            queries.Add(expression.GetString()!);
        foreach (var child in element.ValueKind switch
        {
            JsonValueKind.Object => element.EnumerateObject().Select(member => member.Value),
            JsonValueKind.Array => element.EnumerateArray(),
            _ => [],
        })
        {
            Collect(child, queries);
        }
    }

    [GeneratedRegex(@"(?<![\w:.{""])(?<name>(cloudtab|http|dotnet|db|kestrel|resilience|aspnetcore)_[a-z0-9_]+)(\{(?<labels>[^}]*(\{[^}]*\}[^}]*)*)\}|(?=[\[\s)]))", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Selector { get; }

    [GeneratedRegex(@"(?<name>[a-z_]+)\s*(=~|!~|!=|=)\s*""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Label { get; }

    [GeneratedRegex(@"\b(by|on|without)\s*\((?<labels>[^)]+)\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Grouping { get; }
}
