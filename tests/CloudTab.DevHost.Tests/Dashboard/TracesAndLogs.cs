using System.Net;
using System.Text.Json;
using Google.Protobuf;

namespace CloudTab.DevHost.Tests.Dashboard;

/// <summary>What is kept of spans and log records, and how it is found again.</summary>
public sealed class TracesAndLogs
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Traces_are_found_by_service_text_error_and_duration_newest_first()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        var shared = Telemetry.Id(16);
        var root = Telemetry.Span("upload", shared, milliseconds: 500);
        var child = Telemetry.Span("store", shared, milliseconds: 100, failed: true);
        child.ParentSpanId = root.SpanId;
        child.Attributes.Add(Telemetry.Tag("bucket", "Invoices"));
        await SendAsync(dashboard, Telemetry.Spans("front", root));
        await SendAsync(dashboard, Telemetry.Spans("back", child));
        await SendAsync(dashboard, Telemetry.Spans("front", Telemetry.Span("poll", milliseconds: 1)));

        Assert.Equal(["front: poll", "front: upload"], await NamesAsync(dashboard, ""));
        Assert.Equal(["front: upload"], await NamesAsync(dashboard, "?resource=back"));
        Assert.Equal(["front: upload"], await NamesAsync(dashboard, "?resource=back-one"));
        Assert.Equal(["front: upload"], await NamesAsync(dashboard, "?text=invoices"));
        Assert.Equal(["front: upload"], await NamesAsync(dashboard, "?errors=true"));
        Assert.Equal(["front: upload"], await NamesAsync(dashboard, "?minMs=499"));
        Assert.Equal(["front: poll"], await NamesAsync(dashboard, "?limit=1"));

        var trace = (await dashboard.GetAsync("/api/traces?text=upload")).GetProperty("traces")[0];
        Assert.Equal((2, 1), (trace.GetProperty("spans").GetInt32(), trace.GetProperty("errors").GetInt32()));
        Assert.Equal(["front", "back"], trace.GetProperty("services").EnumerateArray().Select(service => service.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task A_full_ring_drops_the_oldest_spans_and_says_how_many()
    {
        await using var dashboard = await RunningDashboard.StartAsync("Dashboard:TelemetryLimits:MaxSpanCount=100");
        var spans = Enumerable.Range(0, 250).Select(_ => Telemetry.Span()).ToList();
        await SendAsync(dashboard, Telemetry.Spans("sender", spans));

        var traces = await dashboard.GetAsync("/api/traces?limit=1000");
        Assert.Equal((100, 150, 100), (traces.GetProperty("total").GetInt32(), traces.GetProperty("dropped").GetInt32(), traces.GetProperty("traces").GetArrayLength()));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(dashboard, spans[149].TraceId));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(dashboard, spans[150].TraceId));
    }

    [Fact]
    public async Task A_trace_that_outgrows_the_ring_keeps_its_last_spans()
    {
        await using var dashboard = await RunningDashboard.StartAsync("Dashboard:TelemetryLimits:MaxSpanCount=100");
        var trace = Telemetry.Id(16);
        await SendAsync(dashboard, Telemetry.Spans("sender", Enumerable.Range(0, 150).Select(i => Telemetry.Span($"{i}", trace))));
        var spans = (await dashboard.GetAsync($"/api/traces/{Hex(trace)}")).GetProperty("spans");
        Assert.Equal(100, spans.GetArrayLength());
        Assert.DoesNotContain(spans.EnumerateArray(), span => span.GetProperty("name").GetString() == "49");
        Assert.Contains(spans.EnumerateArray(), span => span.GetProperty("name").GetString() == "149");
    }

    [Fact]
    public async Task Attributes_beyond_the_limits_are_cut()
    {
        await using var dashboard = await RunningDashboard.StartAsync("Dashboard:TelemetryLimits:MaxAttributeCount=2", "Dashboard:TelemetryLimits:MaxAttributeLength=16");
        var span = Telemetry.Span();
        span.Attributes.AddRange([Telemetry.Tag("a", new string('x', 17)), Telemetry.Tag("b", new string('y', 16)), Telemetry.Tag("c", "z")]);
        await SendAsync(dashboard, Telemetry.Spans("sender", span));
        var kept = (await dashboard.GetAsync($"/api/traces/{Hex(span.TraceId)}")).GetProperty("spans")[0].GetProperty("attributes");
        Assert.Equal($$"""{"a":"{{new string('x', 16)}}","b":"{{new string('y', 16)}}"}""", kept.GetRawText());
    }

    [Fact]
    public async Task Logs_are_found_by_service_level_text_attribute_and_trace_and_read_in_pages()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        var traced = Telemetry.Log("traced");
        traced.TraceId = Telemetry.Id(16);
        await SendAsync(dashboard, Telemetry.Logs("back", Telemetry.Log("broken", severity: 17), Telemetry.Log("late", severity: 13, Telemetry.Tag("shop", "corner:print")), traced));
        await SendAsync(dashboard, Telemetry.Logs("front", Telemetry.Log("fine")));

        Assert.Equal(["broken", "late", "traced", "fine"], await MessagesAsync(dashboard, ""));
        Assert.Equal(["fine"], await MessagesAsync(dashboard, "?resource=front"));
        Assert.Equal(["broken", "late"], await MessagesAsync(dashboard, "?level=Warning"));
        Assert.Equal(["broken"], await MessagesAsync(dashboard, "?text=BROK"));
        Assert.Equal(["late"], await MessagesAsync(dashboard, "?attribute=shop:corner:print"));
        Assert.Equal([], await MessagesAsync(dashboard, "?attribute=shop:corner:print&attribute=shop:other"));
        Assert.Equal(["traced"], await MessagesAsync(dashboard, $"?trace={Hex(traced.TraceId)}"));
        Assert.Equal(["traced", "fine"], await MessagesAsync(dashboard, "?limit=2"));
        Assert.Equal(["broken", "late"], await MessagesAsync(dashboard, "?limit=2&before=2"));
    }

    [Fact]
    public async Task A_full_ring_drops_the_oldest_logs_and_says_so()
    {
        await using var dashboard = await RunningDashboard.StartAsync("Dashboard:TelemetryLimits:MaxLogCount=100");
        await SendAsync(dashboard, Telemetry.Logs("sender", Enumerable.Range(0, 130).Select(i => Telemetry.Log($"{i}"))));
        var logs = await dashboard.GetAsync("/api/logs?limit=1000");
        Assert.Equal((30, 100, 30), (logs.GetProperty("first").GetInt32(), logs.GetProperty("total").GetInt32(), logs.GetProperty("dropped").GetInt32()));
        Assert.Equal("30", logs.GetProperty("logs")[0].GetProperty("message").GetString());
    }

    [Fact]
    public async Task New_logs_that_pass_the_filter_are_streamed()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        await SendAsync(dashboard, Telemetry.Logs("sender", Telemetry.Log("before", severity: 17)));
        await using var events = dashboard.EventsAsync("/api/logs/stream?level=Error", Token).GetAsyncEnumerator(Token);
        Assert.True(await events.MoveNextAsync());
        Assert.Equal(("logs", 0), (events.Current.Type, events.Current.Data.GetArrayLength()));

        await SendAsync(dashboard, Telemetry.Logs("sender", Telemetry.Log("harmless"), Telemetry.Log("bad", severity: 17)));
        Assert.True(await events.MoveNextAsync());
        Assert.Equal("bad", Assert.Single(events.Current.Data.EnumerateArray()).GetProperty("message").GetString());
    }

    [Fact]
    public async Task The_stream_of_the_whole_tells_what_has_come_in()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        await using var events = dashboard.EventsAsync("/api/stream", Token).GetAsyncEnumerator(Token);
        await SendAsync(dashboard, Telemetry.Spans("sender", Telemetry.Span(), Telemetry.Span()));
        while (await events.MoveNextAsync())
        {
            if (events.Current is { Type: "telemetry", Data: var totals } && totals.GetProperty("spans").GetInt32() == 2)
                return;
        }

        Assert.Fail("The stream ended.");
    }

    private static string Hex(ByteString id) => Convert.ToHexStringLower(id.Span);

    private static async Task SendAsync(RunningDashboard dashboard, IMessage message)
    {
        using var answer = await dashboard.ExportAsync(message is CloudTab.DevHost.Dashboard.Otlp.ExportTraceServiceRequest ? "/v1/traces" : "/v1/logs", message);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private static async Task<HttpStatusCode> StatusAsync(RunningDashboard dashboard, ByteString trace)
    {
        using var answer = await dashboard.Browser.GetAsync(new Uri($"/api/traces/{Hex(trace)}", UriKind.Relative), Token);
        return answer.StatusCode;
    }

    private static async Task<IEnumerable<string?>> NamesAsync(RunningDashboard dashboard, string query) => Texts(await dashboard.GetAsync($"/api/traces{query}"), "traces", "name");

    private static async Task<IEnumerable<string?>> MessagesAsync(RunningDashboard dashboard, string query) => Texts(await dashboard.GetAsync($"/api/logs{query}"), "logs", "message");

    private static IEnumerable<string?> Texts(JsonElement answer, string list, string member) =>
        answer.GetProperty(list).EnumerateArray().Select(item => item.GetProperty(member).GetString());
}
