using System.Text;

namespace CloudTab.EndToEnd.Tests;

[Collection(OneRelay.Collection)]
public sealed partial class TelemetryTests(ObservedRelay relay) : IClassFixture<ObservedRelay>
{
    private static readonly string[] Services = ["gateway", "upload-api", "shop-api", "notifier", "janitor"];

    [Fact]
    public void Every_service_exports_traces_metrics_and_logs()
    {
        var received = relay.Exports
            .SelectMany(export => export.Services().Where(service => service.Sent.Any()).Select(service => $"{service.Service} {export.Signal}"))
            .ToHashSet(StringComparer.Ordinal);

        Assert.Subset(received, Services.SelectMany(service => new[] { $"{service} traces", $"{service} metrics", $"{service} logs" }).ToHashSet());
    }

    [Fact]
    public void No_telemetry_holds_what_customers_and_shops_keep_secret()
    {
        Assert.True(relay.Secrets.Count > 20, "Nothing to look for.");

        Assert.Empty(relay.Exports.SelectMany(export => relay.Secrets.FoundIn(export.Body).Select(what => $"{what} in {export.Signal}")).Distinct());
    }

    [Theory]
    [InlineData("{0}")]
    [InlineData("/sessions/{0}?x=1")]
    [InlineData("before{0}after")]
    public void The_search_finds_a_secret_in_every_form(string around)
    {
        const string Secret = "7ZK Q2M–é";
        var secrets = new Secrets();
        secrets.Add("it", Secret);
        string[] forms = [Secret, Secret.ToLowerInvariant(), Uri.EscapeDataString(Secret), Secret.Replace(' ', '+')];

        foreach (var form in forms)
            Assert.Equal(["it"], secrets.FoundIn(Encoding.UTF8.GetBytes(string.Format(null, around, form))));
        foreach (var padding in (string[])["", "x", "xy"])
        {
            var text = string.Format(null, around, Secret);
            Assert.Equal(["it"], secrets.FoundIn(Encoding.UTF8.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(padding + text)))));
        }

        Assert.Empty(secrets.FoundIn(Encoding.UTF8.GetBytes(string.Format(null, around, "7ZK"))));
    }

    [Fact]
    public void An_upload_is_one_trace_from_the_gateway_to_the_frame_on_the_shops_PC()
    {
        var spans = Span.Of(relay.Exports).ToList();
        var upload = Assert.Single(spans, span => IsServer(span, "upload-api", "/upload") && IsAbout(span, relay.PrintedSession));
        var trace = new Trace(spans, upload.TraceId);

        var entry = Assert.Single(trace.Roots);
        Assert.Equal(("gateway", Span.Server), (entry.Service, entry.Kind));
        var forward = Assert.Single(trace.ChildrenOf(entry));
        Assert.Equal(("gateway", Span.Client), (forward.Service, forward.Kind));
        Assert.Equal(forward.SpanId, upload.ParentId);

        var file = Assert.Single(trace.ChildrenOf(upload), span => span.Name == "receive file");
        var s3 = trace.ChildrenOf(file).Where(span => span.Name.StartsWith("S3.", StringComparison.Ordinal)).ToList();
        Assert.Equal(
            ["S3.CompleteMultipartUpload", "S3.InitiateMultipartUpload", "S3.UploadPart", "S3.UploadPart"],
            s3.Select(span => span.Name).Order(StringComparer.Ordinal));
        Assert.All(s3, span => Assert.Equal(Span.Client, span.Kind));
        Assert.Contains(trace.ChildrenOf(upload), span => span.Kind == Span.Client
            && span.Attributes.GetValueOrDefault("db.query.text") is string sql && sql.Contains("INSERT INTO events", StringComparison.Ordinal));

        var wakeup = Assert.Single(trace.ChildrenOf(upload), span => span.Name == "send cloudtab_events");
        Assert.Equal(("upload-api", Span.Producer), (wakeup.Service, wakeup.Kind));
        var receipts = trace.ChildrenOf(upload).Where(span => span.Name == "receive cloudtab_events").ToList();
        Assert.Equal(2, receipts.Count); // each replica reads
        Assert.All(receipts, receipt => Assert.Equal(("notifier", Span.Consumer, true), (receipt.Service, receipt.Kind, IsAbout(receipt, relay.PrintedSession))));
        var frame = Assert.Single(receipts.SelectMany(trace.ChildrenOf));
        Assert.Equal(("notifier", "deliver new_session"), (frame.Service, frame.Name));
    }

    [Theory]
    [InlineData("shop-api", "/claim")]
    [InlineData("shop-api", "/download")]
    [InlineData("shop-api", "/complete")]
    public void The_shops_work_is_found_by_the_sessions_internal_id_and_links_to_the_upload(string service, string route)
    {
        var spans = Span.Of(relay.Exports).ToList();
        var upload = Assert.Single(spans, span => IsServer(span, "upload-api", "/upload") && IsAbout(span, relay.PrintedSession));

        var work = spans.Where(span => IsServer(span, service, route) && IsAbout(span, relay.PrintedSession)).ToList();

        Assert.NotEmpty(work);
        Assert.All(work, span => Assert.NotEqual(upload.TraceId, span.TraceId));
        Assert.All(work, span => Assert.Equal([upload.TraceId], span.Links));
    }

    [Fact]
    public void A_trace_that_is_not_sampled_stays_so_on_every_service()
    {
        var trace = ObservedRelay.UnsampledTrace.Split('-')[1];

        Assert.DoesNotContain(Span.Of(relay.Exports), span => span.TraceId == trace);
    }

    [Fact]
    public void The_state_of_a_trace_reaches_the_frame_in_whole_entries_and_bounded()
    {
        var trace = ObservedRelay.SampledTrace.Split('-')[1];
        var frame = Assert.Single(Span.Of(relay.Exports), span => span.TraceId == trace && span.Name == "deliver new_session");

        Assert.InRange(frame.TraceState.Length, 1, 512); // .NET itself passes on 256
        Assert.StartsWith(frame.TraceState + ",", ObservedRelay.LongTraceState, StringComparison.Ordinal);
    }

    [Fact]
    public void What_idles_makes_no_traces_of_its_own()
    {
        Assert.DoesNotContain(Span.Of(relay.Exports), span => span.Kind == Span.Client && span.ParentId.Length == 0);
    }

    [Fact]
    public void Health_checks_make_no_traces()
    {
        var spans = Span.Of(relay.Exports).ToList();
        var known = spans.Select(span => span.SpanId).Append(ObservedRelay.SampledTrace.Split('-')[2]).ToHashSet(StringComparer.Ordinal);

        Assert.Empty(spans.Where(span => span.ParentId.Length > 0 && !known.Contains(span.ParentId)).Select(span => $"{span.Service} {span.Name}").Distinct());
    }

    [Fact]
    public void A_round_of_the_Janitor_is_a_trace_only_if_it_did_something()
    {
        var rounds = Span.Of(relay.Exports).Where(span => span.Service == "janitor" && span.ParentId.Length == 0).Select(span => span.Name).ToHashSet();

        Assert.Contains("remove_files", rounds); // after the outage of S3
        Assert.DoesNotContain("abort_uploads", rounds); // it is not due while Postgres is out
        Assert.DoesNotContain("sweep_orphans", rounds);
    }

    private static bool IsServer(Span span, string service, string route) =>
        span.Service == service && span.Kind == Span.Server
        && span.Attributes.GetValueOrDefault("http.route") is string text && text.EndsWith(route, StringComparison.Ordinal);

    private static bool IsAbout(Span span, Guid session) =>
        span.Attributes.GetValueOrDefault("cloudtab.session.id") is string text && text == session.ToString();

    private sealed class Trace(IEnumerable<Span> spans, string id)
    {
        private readonly List<Span> _spans = [.. spans.Where(span => span.TraceId == id)];

        public IEnumerable<Span> Roots => _spans.Where(span => span.ParentId.Length == 0);

        public IEnumerable<Span> ChildrenOf(Span parent) => _spans.Where(span => span.ParentId == parent.SpanId);
    }
}
