using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using CloudTab.Gateway;
using CloudTab.ServiceDefaults;
using CloudTab.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Time.Testing;
using OpenTelemetry.Trace;

namespace CloudTab.Services.Tests;

/// <summary>The gateway between clients and servers that behave, and some that do not.</summary>
public sealed class GatewayTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private Backend _uploadApi = null!;
    private Backend _shopApi = null!;
    private Backend _notifier = null!;
    private Backend _janitor = null!;
    private ServiceHost<GatewayOptions> _gateway = null!;
    private HttpClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _uploadApi = await Backend.StartAsync("upload-api");
        _shopApi = await Backend.StartAsync("shop-api");
        _notifier = await Backend.StartAsync("notifier");
        _janitor = await Backend.StartAsync("janitor");
        _gateway = Start();
        _client = _gateway.Client();
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _gateway.DisposeAsync();
        foreach (var backend in (Backend[])[_uploadApi, _shopApi, _notifier, _janitor])
            await backend.DisposeAsync();
    }

    [Theory]
    [InlineData("/", "upload-api")]
    [InlineData("/send", "upload-api")]
    [InlineData("/sessions/abc", "upload-api")]
    [InlineData("/sessions/abc/cancel", "upload-api")]
    [InlineData("/assets/app.css", "upload-api")]
    [InlineData("/s/corner-print", "upload-api")]
    [InlineData("/s/corner-print/send", "upload-api")]
    [InlineData("/s/corner-print/sessions/abc", "upload-api")]
    [InlineData("/receipt/abc", "upload-api")]
    [InlineData("/.well-known/jwks.json", "upload-api")]
    [InlineData("/api/customer/sessions/create", "upload-api")]
    [InlineData("/api/customer/uploads/abc", "upload-api")]
    [InlineData("/s/corner-print/api/customer/sessions/create", "upload-api")]
    [InlineData("/api/shopkeeper/sessions/pending", "shop-api")]
    [InlineData("/shop", "shop-api")]
    [InlineData("/shop/sign-in", "shop-api")]
    public async Task Every_public_path_is_routed_to_its_service(string path, string service)
    {
        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Post, HttpMethod.Delete, HttpMethod.Patch])
        {
            using var request = new HttpRequestMessage(method, path) { Headers = { { "Accept", "text/html" } } };
            using var answer = await _client.SendAsync(request, Token);
            Assert.Equal(service, await answer.Content.ReadAsStringAsync(Token));
        }

        Assert.Equal($"GET {path}", (service == "shop-api" ? _shopApi : _uploadApi).Requests.First());
    }

    [Theory]
    [InlineData("/nowhere")]
    [InlineData("/presence")]
    [InlineData("/metrics")]
    [InlineData("/api")]
    [InlineData("/api/elsewhere")]
    [InlineData("/s/corner-print/api/shopkeeper/sessions/pending")]
    [InlineData("/s/corner-print/ws")]
    [InlineData("/ws/more")]
    [InlineData("/api/customer/../../presence")]
    [InlineData("/api/customer/%2e%2e/%2e%2e/presence")]
    [InlineData("/docs")]
    [InlineData("/docs/scalar.js")]
    [InlineData("/openapi/customer.json")]
    [InlineData("/openapi/shopkeeper.json")]
    public async Task Nothing_else_is_exposed(string path)
    {
        using var answer = await _client.GetAsync(new Uri(path, UriKind.Relative), Token);

        await answer.IsProblemAsync(HttpStatusCode.NotFound, "not_found");
        Assert.Empty(_uploadApi.Requests);
        Assert.Empty(_shopApi.Requests);
        Assert.Empty(_notifier.Requests);
    }

    [Theory]
    [InlineData("/docs", "upload-api")]
    [InlineData("/docs/scalar.js", "upload-api")]
    [InlineData("/openapi/customer.json", "upload-api")]
    [InlineData("/openapi/shopkeeper.json", "shop-api")]
    public async Task In_Development_the_documentation_is_reachable(string path, string service)
    {
        await using var gateway = StartIn("Development");
        using var client = gateway.Client();

        Assert.Equal(service, await client.GetStringAsync(new Uri(path, UriKind.Relative), Token));
    }

    [Theory]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", false)]
    [InlineData("text/html, application/json;q=0.9", false)]
    [InlineData("text/html;q=0.5, application/json;q=0.9", true)]
    [InlineData("application/json, text/html", true)]
    [InlineData("application/json", true)]
    [InlineData("*/*", true)]
    [InlineData(null, true)]
    [InlineData("not a media type", true)]
    public async Task The_root_is_a_page_for_browsers_and_JSON_for_programs(string? accept, bool card)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);

        using var answer = await _client.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        if (!card)
        {
            Assert.Equal("upload-api", await answer.Content.ReadAsStringAsync(Token));
            return;
        }

        var json = await answer.Content.ReadFromJsonAsync<JsonElement>(Token);
        Assert.Equal("CloudTab Relay Server", json.GetProperty("service").GetString());
        Assert.Equal("running", json.GetProperty("status").GetString());
        Assert.Matches(@"^\d+\.\d+\.\d+$", json.GetProperty("version").GetString());
        Assert.Equal(["health", "customer", "shopkeeper", "websocket"], json.GetProperty("endpoints").EnumerateObject().Select(one => one.Name));
    }

    [Fact]
    public async Task A_large_body_is_streamed_while_it_arrives()
    {
        using var body = new PushedContent(async stream =>
        {
            await stream.WriteAsync(new byte[100_000], Token);
            await stream.FlushAsync(Token);
            await _uploadApi.FirstBytes.Task.WaitAsync(Limit, Token);
            var block = new byte[1 << 20];
            for (var i = 0; i < 40; i++)
                await stream.WriteAsync(block, Token);
        });

        using var answer = await _client.PostAsync(new Uri("/api/customer/count", UriKind.Relative), body, Token);

        Assert.Equal((100_000 + (40 << 20)).ToString(CultureInfo.InvariantCulture), await answer.Content.ReadAsStringAsync(Token));
    }

    [Fact]
    public async Task An_upload_refused_early_receives_the_refusal()
    {
        for (var i = 0; i < 10; i++)
        {
            using var body = new ByteArrayContent(new byte[8 << 20]);
            using var answer = await _client.PostAsync(new Uri("/api/customer/refuse", UriKind.Relative), body, Token);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        }
    }

    [Theory]
    [InlineData("refuse", "413", "too large", "Content-Length: 100000000")]
    [InlineData("refuse", "413", "too large", "Transfer-Encoding: chunked")]
    [InlineData("judge", "415", "not printable", "Content-Length: 100000000")]
    [InlineData("judge", "415", "not printable", "Content-Length: 100000000\r\nExpect: 100-continue")]
    [InlineData("judge", "415", "not printable", "Transfer-Encoding: chunked")]
    public async Task A_refusal_reaches_a_client_that_has_hardly_begun_to_send(string path, string status, string text, string framing)
    {
        for (var i = 0; i < 3; i++)
        {
            using var client = await RawHttp.SendAsync(
                _gateway.Address, $"POST /api/customer/{path} HTTP/1.1\r\n{framing}\r\n", (byte[])[.. "186a0\r\n"u8, .. new byte[50_000]]);

            var answer = await RawHttp.ReadAsync(client, until: text);

            Assert.Contains($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
            Assert.Contains("Connection: close", answer, StringComparison.Ordinal);
            // A connection that was answered early is not used again.
            Assert.Equal("10", await CountedAsync(_client, 10));
        }
    }

    [Fact]
    public async Task A_refusal_reaches_a_client_that_has_hardly_begun_to_send_over_HTTP_2()
    {
        await using var gateway = Start(("Kestrel:EndpointDefaults:Protocols", "Http2"));
        using var client = gateway.Client();
        (client.DefaultRequestVersion, client.DefaultVersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        foreach (var (path, status) in ((string, HttpStatusCode)[])[("refuse", HttpStatusCode.RequestEntityTooLarge), ("judge", HttpStatusCode.UnsupportedMediaType)])
        {
            using var left = CancellationTokenSource.CreateLinkedTokenSource(Token);
            using var body = new PushedContent(async stream =>
            {
                await stream.WriteAsync(new byte[50_000], left.Token);
                await stream.FlushAsync(left.Token);
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, left.Token);
            });

            using var answer = await client.PostAsync(new Uri($"/api/customer/{path}", UriKind.Relative), body, Token);

            Assert.Equal(status, answer.StatusCode);
            await left.CancelAsync();
            Assert.Equal("10", await CountedAsync(client, 10));
        }
    }

    [Fact]
    public async Task A_client_that_reads_only_when_it_has_sent_everything_receives_the_refusal_and_the_connection_s_end()
    {
        using var client = await RawHttp.SendAsync(
            _gateway.Address, "POST /api/customer/judge HTTP/1.1\r\nContent-Length: 20000000\r\n", new byte[20_000_000]);

        var answer = await RawHttp.ReadAsync(client, until: null);

        Assert.StartsWith("HTTP/1.1 415 ", answer, StringComparison.Ordinal);
        Assert.EndsWith("not printable\r\n0\r\n\r\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_refused_client_sends_on_is_read_within_limits()
    {
        using var client = await RawHttp.SendAsync(_gateway.Address, "POST /api/customer/judge HTTP/1.1\r\nContent-Length: 100000000000\r\n");
        var (block, sent) = (new byte[1 << 20], 0);

        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            for (; sent < 1_000; sent++)
                await client.SendAsync(block, Token);
        });

        Assert.InRange(sent, 60, 100);
    }

    [Theory]
    [InlineData("Cookie", "shop=दुकान")]
    [InlineData("User-Agent", "Print/1.0 (Eloy’s iPod)")]
    [InlineData("Referer", "http://localhost/é")]
    [InlineData("X-Name", "\t \u0080\u009F\u00AD")]
    public async Task Every_byte_of_a_header_is_passed_on(string name, string value)
    {
        foreach (var encoding in (Encoding[])[Encoding.UTF8, Encoding.Latin1])
        {
            var bytes = Encoding.Latin1.GetString(encoding.GetBytes(value));
            using var client = await RawHttp.SendAsync(_gateway.Address, $"GET /api/customer/headers HTTP/1.1\r\n{name}: {bytes}\r\n");
            using var socket = await RawHttp.SendAsync(
                _gateway.Address,
                $"GET /ws HTTP/1.1\r\n{name}: {bytes}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n");

            Assert.Contains($"{name}: {bytes.Trim()}", await RawHttp.ReadAsync(client, until: "\n0\r\n"), StringComparison.Ordinal);
            Assert.StartsWith("HTTP/1.1 101 ", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("GET /api/customer/x HTTP/1.1\n")]
    [InlineData("GET /api/customer/x HTTP/1.1\r\nX-Name: a\n")]
    public async Task A_line_that_ends_with_LF_alone_is_refused(string head)
    {
        using var client = await RawHttp.SendAsync(_gateway.Address, head);

        Assert.StartsWith("HTTP/1.1 400 ", await RawHttp.ReadAsync(client), StringComparison.Ordinal);
        Assert.Empty(_uploadApi.Requests);
    }

    [Fact]
    public void Clients_that_leave_are_one_line_a_minute()
    {
        var clock = new FakeTimeProvider();
        var departures = new Departures(clock);

        Assert.Equal([1, .. Enumerable.Repeat<int?>(null, 99)], Enumerable.Range(0, 100).Select(_ => departures.Add()));
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(100, departures.Add());
    }

    [Theory]
    [InlineData("always_off", null, ActivityTraceFlags.Recorded, 0, 0)]
    [InlineData("parentbased_traceidratio", "0", ActivityTraceFlags.Recorded, 0, 0)]
    [InlineData("traceidratio", "0.5", ActivityTraceFlags.Recorded, 300, 700)]
    [InlineData("traceidratio", "0.5", ActivityTraceFlags.None, 300, 700)]
    [InlineData("always_on", null, ActivityTraceFlags.None, 1_000, 1_000)]
    [InlineData("parentbased_always_on", null, ActivityTraceFlags.Recorded, 1_000, 1_000)]
    [InlineData("parentbased_always_on", null, ActivityTraceFlags.None, 0, 0)]
    [InlineData(null, null, ActivityTraceFlags.Recorded, 1_000, 1_000)]
    [InlineData(null, null, ActivityTraceFlags.None, 0, 0)]
    public void A_client_cannot_force_its_trace_to_be_sampled(string? name, string? argument, ActivityTraceFlags flags, int least, int most)
    {
        var settings = new Dictionary<string, string?>(StringComparer.Ordinal) { ["OTEL_TRACES_SAMPLER"] = name, ["OTEL_TRACES_SAMPLER_ARG"] = argument };
        var sampler = Sampling.SamplerOf(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
        // The ratio's sampler takes every trace with this id.
        var id = ActivityTraceId.CreateFromString("00000000000000000000000000000001");

        var sampled = Enumerable.Range(0, 1_000).Count(_ => sampler.ShouldSample(new(
            new(id, ActivitySpanId.CreateRandom(), flags, isRemote: true), id, "x", ActivityKind.Server)).Decision != SamplingDecision.Drop);

        Assert.InRange(sampled, least, most);
    }

    [Fact]
    public async Task A_request_is_aborted_behind_the_gateway_when_its_client_cancels()
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Token);
        using var body = new ByteArrayContent(new byte[10]);

        var request = _client.PostAsync(new Uri("/api/customer/hang", UriKind.Relative), body, leave.Token);
        await _uploadApi.FirstBytes.Task.WaitAsync(Limit, Token);
        await leave.CancelAsync();

        await _uploadApi.Aborted.Task.WaitAsync(Limit, Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
    }

    [Fact]
    public async Task A_request_is_aborted_behind_the_gateway_when_its_connection_is_reset()
    {
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(_gateway.Address.Host, _gateway.Address.Port, Token);
            await client.GetStream().WriteAsync("POST /api/customer/count HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"u8.ToArray(), Token);
            await client.GetStream().WriteAsync(new byte[100_000], Token);
            await _uploadApi.FirstBytes.Task.WaitAsync(Limit, Token);
            client.LingerState = new LingerOption(true, 0);
        }

        await _uploadApi.Aborted.Task.WaitAsync(Limit, Token);
    }

    [Fact]
    public async Task WebSockets_are_forwarded_both_ways_with_their_close_codes()
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(_gateway.Address) { Scheme = "ws", Path = "/ws" }.Uri, Token);

        Assert.Equal("hello", await AskAsync(socket, "hello"));
        Assert.Equal("again", await AskAsync(socket, "again"));
        await AskAsync(socket, "bye");
        Assert.Equal(((WebSocketCloseStatus?)4401, "unknown key"), (socket.CloseStatus, socket.CloseStatusDescription));
    }

    [Fact]
    public async Task A_WebSocket_s_answer_has_no_headers_of_pages()
    {
        using var socket = await RawHttp.SendAsync(
            _gateway.Address,
            "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n");

        var answer = await RawHttp.ReadAsync(socket);

        Assert.StartsWith("HTTP/1.1 101 ", answer, StringComparison.Ordinal);
        Assert.DoesNotMatch("(?i)security|x-frame|x-content|referrer|opener|cache|access-control", answer);
    }

    [Fact]
    public async Task A_WebSocket_is_aborted_behind_the_gateway_when_its_client_is_cut()
    {
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(_gateway.Address) { Scheme = "ws", Path = "/ws" }.Uri, Token);
        Assert.Equal("hello", await AskAsync(socket, "hello"));

        socket.Abort();
        socket.Dispose();

        await _notifier.Aborted.Task.WaitAsync(Limit, Token);
    }

    [Fact]
    public async Task A_gateway_that_stops_ends_its_WebSockets_one_after_the_other_long_before_its_time_is_over()
    {
        var timeToStop = TimeSpan.FromSeconds(9);
        var gateway = Start(("SHUTDOWN_TIMEOUT", timeToStop.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)));
        var sockets = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            var socket = new ClientWebSocket();
            await socket.ConnectAsync(new UriBuilder(gateway.Address) { Scheme = "ws", Path = "/ws" }.Uri, Token);
            Assert.Equal("hello", await AskAsync(socket, "hello"));
            return socket;
        }));

        var began = TimeProvider.System.GetTimestamp();
        var stopped = gateway.DisposeAsync().AsTask();
        var ends = await Task.WhenAll(sockets.Select(async socket =>
        {
            await Assert.ThrowsAsync<WebSocketException>(() => socket.ReceiveAsync(new byte[1], Token));
            socket.Dispose();
            return TimeProvider.System.GetElapsedTime(began);
        }));
        await stopped;

        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, timeToStop / 2);
        Assert.True(ends.Max() - ends.Min() > TimeSpan.FromMilliseconds(500), $"Within {ends.Max() - ends.Min()} all of them ended.");
    }

    [Fact]
    public async Task A_request_goes_to_another_replica_if_one_is_dead()
    {
        await using var other = await Backend.StartAsync("upload-api");
        await using var gateway = Start(
            ("services:upload-api:http:1", $"http://127.0.0.1:{ChildProcess.FreePort()}"), ("services:upload-api:http:2", other.Address));
        using var client = gateway.Client();

        for (var i = 0; i < 30; i++)
        {
            using var body = new ByteArrayContent(new byte[100_000]);
            using var answer = await client.PostAsync(new Uri("/api/customer/count", UriKind.Relative), body, Token);
            Assert.Equal("100000", await answer.Content.ReadAsStringAsync(Token));
        }

        Assert.Equal(30, _uploadApi.Requests.Count + other.Requests.Count);
        Assert.True(other.Requests.Count > 5 && _uploadApi.Requests.Count > 5);
    }

    [Fact]
    public async Task A_replica_that_dies_fails_no_requests_but_its_own()
    {
        await using var other = await Backend.StartAsync("upload-api");
        await using var gateway = Start(("services:upload-api:http:1", other.Address));
        using var client = gateway.Client();
        for (var i = 0; i < 4; i++)
            Assert.Equal("upload-api", await client.GetStringAsync(new Uri("/api/customer/x", UriKind.Relative), Token));

        await other.StopAsync();

        for (var i = 0; i < 20; i++)
            Assert.Equal("upload-api", await client.GetStringAsync(new Uri("/api/customer/x", UriKind.Relative), Token));
    }

    [Fact]
    public async Task A_request_for_a_stopped_service_is_503_with_Retry_After()
    {
        await _shopApi.StopAsync();

        using var answer = await _client.GetAsync(new Uri("/api/shopkeeper/x", UriKind.Relative), Token);

        await answer.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.NotNull(answer.Headers.RetryAfter?.Delta);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Theory]
    [InlineData("/nowhere", HttpStatusCode.NotFound, "Not found")]
    [InlineData("/api/nowhere", HttpStatusCode.NotFound, "Not found")]
    [InlineData("/sessions/abc", HttpStatusCode.ServiceUnavailable, "That did not work")]
    [InlineData("/api/shopkeeper/files/abc/download", HttpStatusCode.ServiceUnavailable, "That did not work")]
    public async Task A_browser_that_goes_to_an_address_gets_every_failure_as_a_page(string path, HttpStatusCode status, string heading)
    {
        await _uploadApi.StopAsync();
        await _shopApi.StopAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, path)
        {
            Headers = { { "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" }, { "Sec-Fetch-Mode", "navigate" } },
        };

        using var answer = await _client.SendAsync(request, Token);

        Assert.Equal(status, answer.StatusCode);
        Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
        var html = await answer.Content.ReadAsStringAsync(Token);
        Assert.Contains($"<h1>{heading}</h1>", html, StringComparison.Ordinal);
        Assert.Matches("<link rel=\"stylesheet\" href=\"/assets/customer-[A-Za-z0-9_-]+\\.css\"", html);
        Assert.Contains("script-src 'self';", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal(status == HttpStatusCode.ServiceUnavailable, answer.Headers.RetryAfter is not null);
        // The same address for a program.
        using var program = await _client.GetAsync(new Uri(path, UriKind.Relative), Token);
        await program.IsProblemAsync(status, status == HttpStatusCode.NotFound ? "not_found" : "unavailable");
    }

    [Fact]
    public async Task A_request_that_a_service_has_begun_to_read_is_never_retried()
    {
        await using var other = await Backend.StartAsync("upload-api");
        await using var gateway = Start(("services:upload-api:http:1", other.Address));
        using var client = gateway.Client();

        using var body = new ByteArrayContent(new byte[10]);
        using var answer = await client.PostAsync(new Uri("/api/customer/drop", UriKind.Relative), body, Token);

        await answer.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.Equal(1, _uploadApi.Requests.Count + other.Requests.Count);
    }

    [Theory]
    [InlineData("GET", false, HttpStatusCode.ServiceUnavailable)]
    [InlineData("HEAD", false, HttpStatusCode.ServiceUnavailable)]
    [InlineData("HEAD", true, HttpStatusCode.Locked)] // tus-js-client would begin anew
    public async Task A_safe_request_is_retried_on_every_replica(string method, bool isTus, HttpStatusCode status)
    {
        await using var other = await Backend.StartAsync("upload-api");
        await using var gateway = Start(("services:upload-api:http:1", other.Address));
        using var client = gateway.Client();
        using var request = new HttpRequestMessage(new HttpMethod(method), "/api/customer/drop");
        if (isTus)
            request.Headers.Add("Tus-Resumable", "1.0.0");

        using var answer = await client.SendAsync(request, Token);

        Assert.Equal(status, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal((1, 1), (_uploadApi.Requests.Count, other.Requests.Count));
    }

    [Fact]
    public async Task A_client_still_sending_to_a_service_that_died_is_answered_503_and_cut()
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(_gateway.Address.Host, _gateway.Address.Port, Token);
        var stream = socket.GetStream();
        await stream.WriteAsync("POST /api/customer/die HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"u8.ToArray(), Token);

        var sending = Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (true)
                await stream.WriteAsync(new byte[1_000], Token);
        });

        var answer = new byte[4096];
        var count = await stream.ReadAsync(answer, Token);
        Assert.StartsWith("HTTP/1.1 503 ", Encoding.ASCII.GetString(answer, 0, count), StringComparison.Ordinal);
        await sending.WaitAsync(TimeSpan.FromSeconds(3), Token); // Kestrel would read for 5
    }

    [Fact]
    public async Task A_truncated_response_is_truncated_for_the_client_too()
    {
        await Assert.ThrowsAsync<HttpRequestException>(() => _client.GetByteArrayAsync(new Uri("/api/customer/break", UriKind.Relative), Token));
    }

    [Fact]
    public async Task A_service_learns_the_client_s_address_from_the_gateway_only()
    {
        await using var gateway = Start(("TRUSTED_PROXIES", "10.0.0.0/8"));
        using var client = gateway.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/customer/headers");
        request.Headers.Add("X-Forwarded-For", "203.0.113.7");
        request.Headers.Add("X-Forwarded-Proto", "https");

        using var answer = await client.SendAsync(request, Token);

        var seen = (await answer.Content.ReadAsStringAsync(Token)).Split('\n');
        Assert.Contains("X-Forwarded-For: 127.0.0.1", seen);
        Assert.Contains("X-Forwarded-Proto: http", seen);
        Assert.Contains($"X-Forwarded-Host: {gateway.Address.Authority}", seen);
    }

    [Fact]
    public async Task A_service_s_headers_are_kept_and_not_duplicated()
    {
        await using var gateway = Start(("ALLOWED_ORIGINS", "https://shop.example"));
        using var client = gateway.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/customer/headers") { Headers = { { "Origin", "https://shop.example" } } };

        using var answer = await client.SendAsync(request, Token);

        Assert.Equal(["default-src 'none'"], answer.Headers.GetValues("Content-Security-Policy"));
        Assert.Equal("max-age=60", answer.Headers.CacheControl?.ToString());
        Assert.Equal(["nosniff"], answer.Headers.GetValues("X-Content-Type-Options"));
        Assert.Equal(["https://shop.example"], answer.Headers.GetValues("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task Health_combines_all_services_and_is_cached_briefly()
    {
        var (status, health) = await HealthAsync();
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("healthy", health.GetProperty("status").GetString());
        Assert.Equal(7, health.GetProperty("connectedShopkeepers").GetInt32());
        Assert.True(health.GetProperty("uptime").GetDouble() >= 0);
        Assert.Equal(DateTimeKind.Utc, health.GetProperty("timestamp").GetDateTime().Kind);
        Assert.False(health.TryGetProperty("problems", out _));

        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => HealthAsync()));
        Assert.InRange(_janitor.TimesAskedWhetherReady, 1, 2 + (int)Stopwatch.GetElapsedTime(began).TotalSeconds);

        _uploadApi.Ready = HttpStatusCode.ServiceUnavailable;
        await _janitor.StopAsync();
        await UntilAsync(async () =>
        {
            (status, health) = await HealthAsync();
            return status != HttpStatusCode.OK;
        });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Equal("unhealthy", health.GetProperty("status").GetString());
        Assert.Equal(
            ["upload-api: Unhealthy: postgres", "janitor: does not answer"], health.GetProperty("problems").EnumerateArray().Select(one => one.GetString()));
    }

    [Fact]
    public async Task The_gateway_s_own_health_does_not_depend_on_other_services()
    {
        foreach (var backend in (Backend[])[_uploadApi, _shopApi, _notifier, _janitor])
            await backend.StopAsync();
        Assert.Equal("Healthy", await _client.GetStringAsync(new Uri("/health/live", UriKind.Relative), Token));
        Assert.Equal("Healthy", await _client.GetStringAsync(new Uri("/health/ready", UriKind.Relative), Token));
    }

    [Fact]
    public async Task The_gateway_listens_on_PORT_by_default()
    {
        var port = ChildProcess.FreePort();
        var environment = Settings().ToDictionary(pair => pair.Key.Replace(":", "__", StringComparison.Ordinal), pair => pair.Value, StringComparer.Ordinal);
        environment["PORT"] = port.ToString(CultureInfo.InvariantCulture);

        await using var gateway = await ChildProcess.StartAsync("CloudTab.Gateway", environment, new Uri($"http://127.0.0.1:{port}/health"), Token);

        using var client = new HttpClient();
        for (var i = 0; i < 3; i++)
            await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/sessions/7zzzzzzzzzzzzzzzzzzzzzzzzz"), Token);
        Assert.Equal(0, await gateway.StopAsync());
        Assert.DoesNotContain("7zzzzzzzzzzzzzzzzzzzzzzzzz", gateway.Output, StringComparison.Ordinal);
    }

    private static async Task<string> CountedAsync(HttpClient client, int size)
    {
        using var body = new ByteArrayContent(new byte[size]);
        using var answer = await client.PostAsync(new Uri("/api/customer/count", UriKind.Relative), body, Token);
        return await answer.Content.ReadAsStringAsync(Token);
    }

    private async Task<(HttpStatusCode Status, JsonElement Health)> HealthAsync()
    {
        using var answer = await _client.GetAsync(new Uri("/health", UriKind.Relative), Token);
        return (answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>(Token));
    }

    private static async Task<string> AskAsync(ClientWebSocket socket, string text)
    {
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, Token);
        var buffer = new byte[100];
        var frame = await socket.ReceiveAsync(buffer, Token);
        return Encoding.UTF8.GetString(buffer, 0, frame.Count);
    }

    private ServiceHost<GatewayOptions> Start(params (string Name, string Value)[] settings) => StartIn("Production", settings);

    private ServiceHost<GatewayOptions> StartIn(string environment, params (string Name, string Value)[] settings)
    {
        var all = Settings();
        all["urls"] = "http://127.0.0.1:0";
        foreach (var (name, value) in settings)
            all[name] = value;
        return ServiceHost<GatewayOptions>.Start(all, environment, TimeProvider.System);
    }

    private Dictionary<string, string> Settings() => new(StringComparer.Ordinal)
    {
        ["services:upload-api:http:0"] = _uploadApi.Address,
        ["services:shop-api:http:0"] = _shopApi.Address,
        ["services:notifier:http:0"] = _notifier.Address,
        ["services:janitor:http:0"] = _janitor.Address,
    };

    /// <summary>A body of unknown length that a test writes as it likes.</summary>
    private sealed class PushedContent(Func<Stream, Task> write) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
