using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using CloudTab.DevHost.Dashboard.Otlp;
using CloudTab.Testing;
using Google.Protobuf;

namespace CloudTab.Bench;

/// <summary>What DevHost's dashboard costs the AppHost that it is a part of: while the whole relay idles, and under a flood of spans.</summary>
internal static class DashboardLoad
{
    private const int SpansPerSecond = 10_000;
    private const int SpansPerRequest = 500;
    private const double MostIdleCpu = 5;
    private const double MostGrowth = 1.1;
    private const string Key = "bench";

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);

    public static async Task RunAsync()
    {
        var data = Directory.CreateTempSubdirectory("cloudtab-");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(data.FullName, File.GetUnixFileMode(data.FullName) | UnixFileMode.OtherExecute);
        var (relay, dashboard) = (Localhost(), Localhost());
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["CLOUDTAB_DATA"] = data.FullName,
            ["PORT"] = relay.Port.ToString(CultureInfo.InvariantCulture),
            ["ASPNETCORE_URLS"] = dashboard.ToString(),
            ["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = Localhost().ToString(),
            ["AppHost__OtlpApiKey"] = Key,
            ["AppHost__BrowserToken"] = Key,
        };

        Console.WriteLine();
        Console.WriteLine("| DevHost's dashboard, in the AppHost's process | measured | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        await using (var appHost = await ChildProcess.StartAsync("CloudTab.AppHost", settings, new Uri(relay, "/health"), CancellationToken.None))
        {
            await Task.Delay(WarmUp, TimeProvider.System);
            var idle = await CpuAsync(appHost.Id, () => Task.Delay(Time, TimeProvider.System));
            Console.WriteLine($"| CPU while the relay idles and nobody looks, % of a core | {idle:F1} | < {MostIdleCpu:F0} | {idle / MostIdleCpu:F2} |");
            await FloodAsync(appHost.Id, dashboard);
        }

        data.Delete(recursive: true);
    }

    private static async Task FloodAsync(int appHost, Uri dashboard)
    {
        using var client = new HttpClient(new HttpClientHandler { CookieContainer = new CookieContainer() }) { BaseAddress = dashboard };
        client.DefaultRequestHeaders.Add("x-otlp-api-key", Key);
        var accepted = await SendAsync(client, WarmUp);
        var early = Usage.Memory(appHost);
        var cpu = await CpuAsync(appHost, async () => accepted += await SendAsync(client, Time - WarmUp));
        var late = Usage.Memory(appHost);
        var sent = SpansPerSecond * Time.TotalSeconds;

        using var login = await client.GetAsync(new Uri($"/login?t={Key}", UriKind.Relative));
        var traces = JsonSerializer.Deserialize<JsonElement>(await client.GetStringAsync(new Uri("/api/traces?limit=1", UriKind.Relative)));
        Console.WriteLine($"| CPU at {SpansPerSecond:N0} spans a second, % of a core | {cpu:F1} | | |");
        Console.WriteLine($"| of {sent:N0} spans accepted | {accepted:N0} | ≥ {sent:N0} | {accepted / sent:F2} |");
        Console.WriteLine($"| of these made room for later ones | {traces.GetProperty("dropped").GetInt64():N0} | | |");
        Console.WriteLine($"| resident after {WarmUp.TotalSeconds:F0} s, MiB | {early:F0} | | |");
        Console.WriteLine($"| resident after {Time.TotalSeconds:F0} s, MiB | {late:F0} | < {early * MostGrowth:F0} | {late / (early * MostGrowth):F2} |");
    }

    /// <summary>Sends at the pace, whatever the answers take.</summary>
    /// <returns>How many spans were accepted.</returns>
    private static async Task<long> SendAsync(HttpClient client, TimeSpan time)
    {
        var sending = new List<Task<int>>();
        var watch = Stopwatch.StartNew();
        for (var sent = 0; sent < SpansPerSecond * time.TotalSeconds; sent += SpansPerRequest)
        {
            var due = TimeSpan.FromSeconds((double)sent / SpansPerSecond) - watch.Elapsed;
            if (due > TimeSpan.Zero)
                await Task.Delay(due, TimeProvider.System);
            sending.Add(SendAsync(client));
        }

        return (await Task.WhenAll(sending)).Sum(accepted => (long)accepted);
    }

    private static async Task<int> SendAsync(HttpClient client)
    {
        using var content = new ByteArrayContent(Request().ToByteArray()) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-protobuf") } };
        using var answer = await client.PostAsync(new Uri("/v1/traces", UriKind.Relative), content);
        return answer.IsSuccessStatusCode ? SpansPerRequest : 0;
    }

    /// <summary>Spans as an ASP.NET Core service sends them, five to a trace.</summary>
    private static ExportTraceServiceRequest Request()
    {
        var scope = new ScopeSpans { Scope = new InstrumentationScope { Name = "Microsoft.AspNetCore" } };
        var trace = ByteString.Empty;
        var parent = ByteString.Empty;
        for (var i = 0; i < SpansPerRequest; i++)
        {
            var start = (ulong)(TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
            if (i % 5 == 0)
                (trace, parent) = (Id(16), ByteString.Empty);
            var span = new Span
            {
                TraceId = trace,
                SpanId = Id(8),
                ParentSpanId = parent,
                Name = "GET /api/customer/sessions/{sessionId}/status",
                Kind = Span.Types.SpanKind.Server,
                StartTimeUnixNano = start,
                EndTimeUnixNano = start + 1_000_000,
                Attributes =
                {
                    Tag("server.address", "localhost"), Tag("server.port", 5000), Tag("http.request.method", "GET"), Tag("url.scheme", "http"),
                    Tag("url.path", "/api/customer/sessions/{sessionId}/status"), Tag("network.protocol.version", "1.1"), Tag("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
                    Tag("http.route", "/api/customer/sessions/{sessionId}/status"), Tag("http.response.status_code", 200), Tag("cloudtab.session.id", Guid.NewGuid().ToString()),
                },
            };
            scope.Spans.Add(span);
            parent = span.SpanId;
        }

        return new ExportTraceServiceRequest
        {
            ResourceSpans = { new ResourceSpans { Resource = new Resource { Attributes = { Tag("service.name", "flood"), Tag("service.instance.id", "one") } }, ScopeSpans = { scope } } },
        };
    }

    private static ByteString Id(int length) => ByteString.CopyFrom(RandomNumberGenerator.GetBytes(length));

    private static KeyValue Tag(string key, string value) => new() { Key = key, Value = new AnyValue { StringValue = value } };

    private static KeyValue Tag(string key, long value) => new() { Key = key, Value = new AnyValue { IntValue = value } };

    private static async Task<double> CpuAsync(int processId, Func<Task> work)
    {
        var watch = Stopwatch.StartNew();
        var before = Usage.Cpu(processId);
        await work();
        return (Usage.Cpu(processId) - before) / watch.Elapsed * 100;
    }

    private static Uri Localhost() => new($"http://localhost:{ChildProcess.FreePort().ToString(CultureInfo.InvariantCulture)}");
}
