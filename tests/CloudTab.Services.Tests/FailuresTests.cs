using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Amazon.S3;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Trace;
using Polly.CircuitBreaker;

namespace CloudTab.Services.Tests;

/// <summary>What ServiceDefaults and Relay give every service, tested on one that does little else.</summary>
public sealed class FailuresTests(Dependencies dependencies)
{
    [Theory]
    [InlineData("GET", "/nowhere", 404, "not_found")]
    [InlineData("DELETE", "/posted", 405, "method_not_allowed")]
    [InlineData("POST", "/posted", 415, "unsupported_media_type")]
    [InlineData("GET", "/boom", 500, "internal_error")]
    public async Task Every_failure_is_problem_details(string method, string path, int status, string code)
    {
        await using var service = await StartAsync();

        using var answer = await service.SendAsync(new HttpMethod(method), path);

        await answer.IsProblemAsync((HttpStatusCode)status, code);
    }

    [Theory]
    [InlineData("text/html")]
    [InlineData("image/png")]
    [InlineData("application/json;q=0.1")]
    public async Task A_failure_is_problem_details_whatever_the_client_accepts(string accept)
    {
        await using var service = await StartAsync();
        foreach (var (path, code) in ((string, string)[])[("/nowhere", "not_found"), ("/boom", "internal_error"), ("/postgres", "unavailable")])
        {
            using var answer = await service.SendAsync(HttpMethod.Get, path, ("Accept", accept));
            await answer.IsProblemAsync(answer.StatusCode, code);
        }
    }

    [Fact]
    public async Task An_unexpected_failure_reveals_only_its_trace_id()
    {
        await using var service = await StartAsync();

        using var answer = await service.SendAsync(HttpMethod.Get, "/boom");

        var text = await answer.Content.ReadAsStringAsync(Token);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", text, StringComparison.Ordinal);
        Assert.Matches("^[0-9a-f]{32}$", JsonElement.Parse(text).GetProperty("traceId").GetString());
        Assert.Contains(service.Log, line => line.Contains("the secret of the fault", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/postgres")]
    [InlineData("/postgres-shut-down")]
    [InlineData("/postgres-silent")]
    [InlineData("/s3")]
    [InlineData("/broken-circuit")]
    [InlineData("/stalled")]
    [InlineData("/answered-503")]
    public async Task An_outage_is_503_with_Retry_After(string path)
    {
        await using var service = await StartAsync();

        using var answer = await service.SendAsync(HttpMethod.Get, path);

        await answer.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.NotNull(answer.Headers.RetryAfter?.Delta);
    }

    [Theory]
    [InlineData("/nowhere")]
    [InlineData("/boom")]
    [InlineData("/s3")]
    [InlineData("/things/1")]
    [InlineData("/health/live")]
    public async Task Every_answer_carries_each_security_header_once(string path)
    {
        await using var service = await StartAsync();

        using var answer = await service.SendAsync(HttpMethod.Get, path);

        foreach (var name in (string[])["X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy", "Cross-Origin-Opener-Policy"])
            Assert.Single(answer.Headers.NonValidated[name]);
        Assert.Contains("no-store", answer.Headers.GetValues("Cache-Control").Single(), StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Server"));
        Assert.False(answer.Headers.Contains("Strict-Transport-Security"));
    }

    [Fact]
    public async Task An_endpoint_may_override_the_default_headers()
    {
        await using var service = await StartAsync();

        using var answer = await service.SendAsync(HttpMethod.Get, "/asset");

        Assert.Equal("max-age=60", answer.Headers.GetValues("Cache-Control").Single());
        Assert.Equal("default-src 'none'", answer.Headers.GetValues("Content-Security-Policy").Single());
    }

    [Fact]
    public async Task Without_ALLOWED_ORIGINS_no_other_origin_is_allowed()
    {
        await using var service = await StartAsync();

        using var answer = await service.SendAsync(HttpMethod.Get, "/things/1", ("Origin", "https://elsewhere.example"));
        using var preflight = await service.SendAsync(HttpMethod.Options, "/things/1", ("Origin", "https://elsewhere.example"), ("Access-Control-Request-Method", "GET"));

        Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
        Assert.False(preflight.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("/things/1", null, null, false)]
    [InlineData("/boom", null, null, false)]
    [InlineData("/things/1", "https://shop.example", "h2c", true)] // as some proxies offer
    [InlineData("/things/1", "https://shop.example", "WebSocket", false)]
    public async Task Origins_are_answered_to_requests_that_have_one_and_ask_for_no_socket(string path, string? origin, string? upgrade, bool answered)
    {
        await using var service = await StartAsync(("ALLOWED_ORIGINS", "https://shop.example"));

        using var answer = await service.SendAsync(
            HttpMethod.Get, path, [.. origin is null ? [] : new[] { ("Origin", origin) }, .. upgrade is null ? [] : new[] { ("Upgrade", upgrade) }]);

        Assert.Equal(answered, answer.Headers.Any(header => header.Key.StartsWith("Access-Control-", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("https://shop.example, https://other.example", "https://other.example", "https://other.example")]
    [InlineData("https://shop.example", "https://elsewhere.example", null)]
    [InlineData("*", "https://elsewhere.example", "*")]
    public async Task ALLOWED_ORIGINS_are_allowed_but_never_with_credentials(string allowed, string origin, string? answered)
    {
        await using var service = await StartAsync(("ALLOWED_ORIGINS", allowed));
        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Options])
        {
            using var answer = await service.SendAsync(method, "/things/1", ("Origin", origin), ("Access-Control-Request-Method", "GET"));
            Assert.Equal(answered, answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var values) ? values.Single() : null);
            Assert.False(answer.Headers.Contains("Access-Control-Allow-Credentials"));
        }

        using var failure = await service.SendAsync(HttpMethod.Get, "/boom", ("Origin", origin));
        Assert.Equal(answered, failure.Headers.TryGetValues("Access-Control-Allow-Origin", out var onFailure) ? onFailure.Single() : null);
    }

    [Theory]
    [InlineData(null, "203.0.113.7", "203.0.113.7 https relay.example")]
    [InlineData(null, "198.51.100.1, 203.0.113.7", "203.0.113.7 https relay.example")]
    [InlineData("127.0.0.0/8,203.0.113.0/24", "198.51.100.1, 203.0.113.7", "198.51.100.1 https relay.example")]
    [InlineData("10.0.0.0/8", "203.0.113.7", "127.0.0.1 http 127.0.0.1")]
    public async Task A_forwarded_address_counts_only_from_a_trusted_proxy(string? trusted, string forwarded, string seen)
    {
        await using var service = await StartAsync(trusted is null ? [] : [("TRUSTED_PROXIES", trusted)]);

        using var answer = await service.SendAsync(
            HttpMethod.Get, "/client", ("X-Forwarded-For", forwarded), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "relay.example"));

        Assert.Equal(seen, await answer.Content.ReadAsStringAsync(Token));
    }

    [Fact]
    public async Task No_span_or_log_line_contains_the_ids_and_query_of_a_URL()
    {
        await using var service = await StartAsync();
        const string secret = "7zzzzzzzzzzzzzzzzzzzzzzzzz";

        foreach (var path in (string[])[$"/things/{secret}?key={secret}", $"/nowhere/{secret}?key={secret}", $"/calls/{secret}?key={secret}"])
            using (await service.SendAsync(HttpMethod.Get, path)) { }

        await service.StopAsync();
        Assert.Contains(service.Spans, span => (string?)span.GetTagItem("http.route") == "/things/{id}" && (string?)span.GetTagItem("url.path") == "/things/{id}");
        Assert.All(service.Spans.Where(span => span.Kind == ActivityKind.Server), span => Assert.Null(span.GetTagItem("url.query")));
        Assert.DoesNotContain(service.Spans, span => span.DisplayName.Contains(secret, StringComparison.Ordinal) || span.TagObjects.Any(tag => $"{tag.Value}".Contains(secret, StringComparison.Ordinal)));
        Assert.DoesNotContain(service.Log, line => line.Contains(secret, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_health_check_that_hangs_times_out()
    {
        await using var service = await StartAsync();

        using var ready = await service.SendAsync(HttpMethod.Get, "/health/ready");
        using var live = await service.SendAsync(HttpMethod.Get, "/health/live");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Equal("Unhealthy: hangs", await ready.Content.ReadAsStringAsync(Token));
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
    }

    [Fact]
    public async Task Checks_run_once_for_all_who_ask_at_the_same_time_however_they_ask()
    {
        await using var service = await StartAsync();

        var asked = Enumerable.Range(0, 50).Select(i => service.SendAsync(HttpMethod.Get, $"/health/ready?{i}", ("Authorization", $"Basic {i}"))).ToList();

        foreach (var answer in await Task.WhenAll(asked))
        {
            using (answer)
                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        }

        Assert.Equal(1, service.Checks);
    }

    private async Task<Service> StartAsync(params (string Name, string Value)[] settings)
    {
        var (log, spans) = (new ConcurrentQueue<string>(), new ConcurrentQueue<Activity>());
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production", ApplicationName = "CloudTab.Services.Tests" });
        // Telemetry is recorded only if it is exported. This endpoint reaches nobody; the exporters below see what it would be sent.
        builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1";
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value)));
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.AddServiceDefaults();
        builder.Configuration["ConnectionStrings:cloudtab"] = dependencies.Postgres;
        builder.AddDatabase();
        var lines = new LogTo(log);
        var checks = new StrongBox<int>();
        builder.Logging.AddOpenTelemetry(logging => logging.AddProcessor(new SimpleLogRecordExportProcessor(lines)));
        builder.Services.AddHealthChecks().AddAsyncCheck("hangs", async token =>
        {
            Interlocked.Increment(ref checks.Value);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            return Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckResult.Healthy();
        });
        var exporter = new SpansTo(spans);
        builder.Services.ConfigureOpenTelemetryTracerProvider(tracing => tracing.AddProcessor(new SimpleActivityExportProcessor(exporter)));

        var app = builder.Build();
        app.UseServiceDefaults();
        app.MapGet("/things/{id}", (string id) => id.Length);
        app.MapGet("/asset", (HttpContext context) =>
        {
            context.Response.Headers.CacheControl = "max-age=60";
            context.Response.Headers.ContentSecurityPolicy = "default-src 'none'";
            return "asset";
        });
        app.MapGet("/client", (HttpContext context) => $"{context.Connection.RemoteIpAddress} {context.Request.Scheme} {context.Request.Host.Host}");
        app.MapPost("/posted", (Posted posted) => posted.Name);
        app.MapGet("/boom", string () => throw new InvalidOperationException("the secret of the fault"));
        app.MapGet("/broken-circuit", string () => throw new BrokenCircuitException());
        app.MapGet("/stalled", string () => throw new OperationCanceledException("a limit of our own ran out"));
        app.MapGet("/answered-503", () => TypedResults.Problem("Not now.", statusCode: 503));
        app.MapGet("/postgres", async (CancellationToken token) =>
        {
            await using var connection = new NpgsqlConnection("Host=127.0.0.1;Port=1;Username=u;Database=d");
            await connection.OpenAsync(token);
        });
        app.MapGet("/postgres-shut-down", async (CancellationToken token) =>
        {
            await using var connection = new NpgsqlConnection(dependencies.Postgres + ";Pooling=false");
            await connection.OpenAsync(token);
            await using var end = new NpgsqlCommand("SELECT pg_terminate_backend(pg_backend_pid())", connection);
            await end.ExecuteNonQueryAsync(token);
        });
        app.MapGet("/postgres-silent", string () => throw new TimeoutException());
        app.MapGet("/s3", async (CancellationToken token) =>
        {
            using var unreachable = new AmazonS3Client("key", "secret", new AmazonS3Config { ServiceURL = "http://127.0.0.1:1", MaxErrorRetry = 0 });
            await unreachable.ListBucketsAsync(token);
        });
        app.MapGet("/calls/{id}", async (string id, HttpContext context, CancellationToken token) =>
        {
            using var client = new HttpClient();
            return await client.GetStringAsync(new Uri($"http://{context.Request.Host}/things/{id}?key={id}"), token);
        });
        await app.StartAsync(Token);
        return new(app, log, spans, checks);
    }

    private sealed record Posted(string Name);

    private sealed class Service(WebApplication app, ConcurrentQueue<string> log, ConcurrentQueue<Activity> spans, StrongBox<int> checks) : IAsyncDisposable
    {
        // This client is not part of the service's traces, though it runs in the same process.
        private readonly HttpClient _client = new(new SocketsHttpHandler { ActivityHeadersPropagator = null }) { BaseAddress = new Uri(app.Urls.Single()) };

        public IEnumerable<string> Log => log;

        public IEnumerable<Activity> Spans => spans;

        /// <summary>How often its health check has run.</summary>
        public int Checks => checks.Value;

        public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, params (string Name, string Value)[] headers)
        {
            using var request = new HttpRequestMessage(method, path);
            if (method == HttpMethod.Post)
                request.Content = new StringContent("text");
            foreach (var (name, value) in headers)
                request.Headers.TryAddWithoutValidation(name, value);
            return await _client.SendAsync(request, Token);
        }

        public Task StopAsync() => app.StopAsync(Token);

        public async ValueTask DisposeAsync()
        {
            _client.Dispose();
            await app.DisposeAsync();
        }
    }

    private sealed class SpansTo(ConcurrentQueue<Activity> spans) : BaseExporter<Activity>
    {
        public override ExportResult Export(in Batch<Activity> batch)
        {
            foreach (var span in batch)
                spans.Enqueue(span);
            return ExportResult.Success;
        }
    }

    /// <summary>What OTLP would export of the logs: message, attributes, exception and scopes.</summary>
    private sealed class LogTo(ConcurrentQueue<string> lines) : BaseExporter<LogRecord>
    {
        public override ExportResult Export(in Batch<LogRecord> batch)
        {
            foreach (var record in batch)
            {
                var scopes = new List<string>();
                record.ForEachScope(static (scope, all) => all.AddRange(scope.Scope as IEnumerable<KeyValuePair<string, object?>> is { } pairs ? pairs.Select(pair => $"{pair.Value}") : [$"{scope.Scope}"]), scopes);
                lines.Enqueue(string.Join(' ', [record.FormattedMessage, record.Exception?.ToString(), .. record.Attributes?.Select(pair => $"{pair.Value}") ?? [], .. scopes]));
            }

            return ExportResult.Success;
        }
    }
}
