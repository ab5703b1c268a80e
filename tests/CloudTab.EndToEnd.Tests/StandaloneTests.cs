using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using CloudTab.EndToEnd.Tests.Pages;
using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>The relay that is one process: what the gateway and the borders between services are for elsewhere, it does itself.</summary>
[Collection(RunningStandalone.Collection)]
public sealed class StandaloneTests(RunningStandalone relay)
{
    private const string Browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = relay.Origin };

    [Theory]
    [InlineData("/", HttpStatusCode.OK)]
    [InlineData("/s/default", HttpStatusCode.OK)]
    [InlineData("/shop", HttpStatusCode.OK)]
    [InlineData("/manifest.webmanifest", HttpStatusCode.OK)]
    [InlineData("/.well-known/jwks.json", HttpStatusCode.OK)]
    [InlineData("/api/customer/shopkeeper/status", HttpStatusCode.OK)]
    [InlineData("/api/shopkeeper/sessions/pending", HttpStatusCode.Unauthorized)]
    [InlineData("/ws", HttpStatusCode.UpgradeRequired)]
    [InlineData("/docs/", HttpStatusCode.OK)]
    [InlineData("/health/ready", HttpStatusCode.OK)]
    [InlineData("/nowhere", HttpStatusCode.NotFound)]
    [InlineData("/presence", HttpStatusCode.NotFound)]
    [InlineData("/ws/more", HttpStatusCode.NotFound)]
    [InlineData("/s/default/ws", HttpStatusCode.NotFound)]
    [InlineData("/s/default/api/shopkeeper/sessions/pending", HttpStatusCode.NotFound)]
    [InlineData("/api/customer/%2e%2e/%2e%2e/presence", HttpStatusCode.NotFound)]
    public async Task It_has_the_addresses_of_the_gateway_and_no_others(string path, HttpStatusCode expected)
    {
        using var answer = await GetAsync(path, "Accept", Browser);

        Assert.Equal(expected, answer.StatusCode);
        Assert.Equal(["nosniff"], answer.Headers.GetValues("X-Content-Type-Options"));
    }

    [Fact]
    public async Task Programs_get_the_service_card_and_the_health_card()
    {
        var card = await _client.GetFromJsonAsync<JsonElement>("/", Token);
        Assert.Equal("CloudTab Relay Server", card.GetProperty("service").GetString());
        Assert.Equal(["service", "version", "status", "endpoints"], card.EnumerateObject().Select(one => one.Name));

        await using var pc = await ShopConnection.OpenAsync(relay.Origin, relay.Key, Token);
        await Eventually.HoldsAsync(
            async () => (await _client.GetFromJsonAsync<JsonElement>("/health", Token)).GetProperty("connectedShopkeepers").GetInt64() == 1,
            "the socket is counted",
            TimeSpan.FromSeconds(20),
            Token);
        var health = await _client.GetFromJsonAsync<JsonElement>("/health", Token);
        Assert.Equal("healthy", health.GetProperty("status").GetString());
        Assert.Equal(["status", "timestamp", "uptime", "connectedShopkeepers"], health.EnumerateObject().Select(one => one.Name));
    }

    [Fact]
    public async Task One_that_runs_does_not_keep_others_from_migrating()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(TimeSpan.FromMinutes(1));

        await ServiceSettings.MigrateAsync(
            ServiceSettings.For(relay.Processes.Postgres.ConnectionString, relay.Processes.S3.Endpoint, RelayProcesses.Bucket), limit.Token);
    }

    [Theory]
    [InlineData("customer")]
    [InlineData("shopkeeper")]
    public async Task Each_API_has_its_own_document(string name)
    {
        var served = await _client.GetStringAsync(new Uri($"/openapi/{name}.json", UriKind.Relative), Token);

        Assert.Equal(Repository.Read($"docs/openapi/{name}.json"), served + "\n");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\nHost: localhost\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\nX-Name: a\r\n\r\n")]
    public async Task A_line_that_ends_with_LF_alone_is_refused(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(relay.Origin.Host, relay.Origin.Port, Token);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), Token);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);

        Assert.StartsWith("HTTP/1.1 400 ", await reader.ReadLineAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trusted_proxy_s_word_counts()
    {
        using var answer = await GetAsync("/health/live", "X-Forwarded-Proto", "https");

        Assert.True(answer.Headers.Contains("Strict-Transport-Security"));
    }

    [Fact]
    public async Task Only_addresses_for_shops_look_at_a_key()
    {
        const string Guesses = "SELECT coalesce(sum(wrong), 0) FROM key_guesses";
        var before = await relay.Processes.CountAsync(Guesses, Token);
        foreach (var (path, expected) in ((string, HttpStatusCode)[])[("/", HttpStatusCode.OK), ("/api/customer/shopkeeper/status", HttpStatusCode.OK), ("/nowhere", HttpStatusCode.NotFound)])
        {
            using var answer = await GetAsync(path, "X-API-Key", "ctk_a-guess-of-somebody");
            Assert.Equal(expected, answer.StatusCode);
        }

        Assert.Equal(before, await relay.Processes.CountAsync(Guesses, Token));
        using var refused = await GetAsync("/api/shopkeeper/sessions/pending", "X-API-Key", "ctk_a-guess-of-somebody");
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(before + 1, await relay.Processes.CountAsync(Guesses, Token));
    }

    [Theory]
    [InlineData("/s/default", true)]
    [InlineData("/shop", false)]
    public async Task The_shop_s_page_is_not_compressed(string path, bool isCompressed)
    {
        using var answer = await GetAsync(path, "Accept-Encoding", "br");

        Assert.Equal(isCompressed ? ["br"] : [], answer.Content.Headers.ContentEncoding);
    }

    [Fact]
    public async Task Another_method_may_be_named_at_addresses_of_uploads_only()
    {
        var session = await CreateAsync(_client);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, await PostToDeleteAsync($"/api/customer/sessions/{session}"));
        using var begin = new HttpRequestMessage(HttpMethod.Post, $"/api/customer/sessions/{session}/files")
        {
            Headers = { { "Tus-Resumable", "1.0.0" }, { "Upload-Length", "10" }, { "Upload-Metadata", "filename YS5wZGY=" } },
        };
        using var begun = await _client.SendAsync(begin, Token);
        Assert.Equal(HttpStatusCode.NoContent, await PostToDeleteAsync(begun.Headers.Location!.OriginalString));

        async Task<HttpStatusCode> PostToDeleteAsync(string path)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Headers = { { "Tus-Resumable", "1.0.0" }, { "X-HTTP-Method-Override", "DELETE" } } };
            using var answer = await _client.SendAsync(request, Token);
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task A_PDF_s_pages_are_counted()
    {
        using var form = new MultipartFormDataContent { { new ByteArrayContent(Documents.Pdf(3)), "files", "three.pdf" } };
        using var uploaded = await _client.PostAsync($"/api/customer/sessions/{await CreateAsync(_client)}/upload", form, Token);

        var answer = await uploaded.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Token);
        Assert.Equal(3, answer.GetProperty("files")[0].GetProperty("pages").GetInt32());
    }

    [Fact]
    public async Task Its_webhooks_lead_to_no_name_of_its_own_machine()
    {
        var settings = ServiceSettings.For(relay.Processes.Postgres.ConnectionString, relay.Processes.S3.Endpoint, RelayProcesses.Bucket);
        await using var tool = await ChildProcess.StartAsync(
            "CloudTab.Standalone", settings, ready: null, Token, "webhook", "add", "default", $"https://localhost:{ChildProcess.FreePort()}/");
        Assert.True(await tool.WaitForExitAsync(Token) == 0, tool.Output);

        using var form = new MultipartFormDataContent { { new ByteArrayContent(Documents.Pdf(1)), "files", "one.pdf" } };
        using var uploaded = await _client.PostAsync($"/api/customer/sessions/{await CreateAsync(_client)}/upload", form, Token);
        uploaded.EnsureSuccessStatusCode();

        await Eventually.HoldsAsync(
            async () => await relay.Processes.CountAsync("SELECT count(*) FROM webhooks WHERE failures > 0", Token) == 1, "it was tried", TimeSpan.FromSeconds(30), Token);
        Assert.Equal(1, await relay.Processes.CountAsync("SELECT count(*) FROM webhooks WHERE failure = 'The name leads to no public address'", Token));
    }

    [Fact]
    public async Task It_migrates_once_Postgres_is_there_and_is_the_operator_s_tool_beside()
    {
        await using var postgres = new LocalPostgresServer();
        await using var otlp = await OtlpReceiver.StartAsync(Token);
        var port = ChildProcess.FreePort();
        var settings = ServiceSettings.For(postgres.ConnectionString, relay.Processes.S3.Endpoint, "standalone-tests");
        settings["PORT"] = port.ToString(CultureInfo.InvariantCulture);
        settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = otlp.Address;
        settings["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        settings["OTEL_TRACES_SAMPLER"] = "parentbased_always_off";
        await using var standalone = await ChildProcess.StartAsync("CloudTab.Standalone", settings, ready: null, Token);
        await Eventually.HoldsAsync(
            () => Task.FromResult(standalone.Output.Contains("Postgres does not answer yet", StringComparison.Ordinal)), "it waits", TimeSpan.FromSeconds(30), Token);
        await postgres.StartAsync(Token);
        using var client = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}") };
        await Eventually.HoldsAsync(() => AnswersAsync(client), "it serves", TimeSpan.FromSeconds(30), Token);

        await using var tool = await ChildProcess.StartAsync("CloudTab.Standalone", settings, ready: null, Token, "key", "add", "default", "A PC");
        Assert.Equal(0, await tool.WaitForExitAsync(Token));
        var key = tool.Output.Split('\n').Single(line => line.StartsWith("ctk_", StringComparison.Ordinal));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/shopkeeper/sessions/pending")
        {
            Headers = { { "X-API-Key", key }, { "traceparent", ObservedRelay.SampledTrace } },
        };
        using var answer = await client.SendAsync(request, Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        // What lasts as long as its client wants does not hold up the end.
        await using var pc = await ShopConnection.OpenAsync(client.BaseAddress, key, Token);
        using var watching = await client.GetAsync(
            new Uri($"/api/customer/sessions/{await CreateAsync(client)}/events", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal("text/event-stream", watching.Content.Headers.ContentType?.MediaType);
        Assert.Equal(0, await standalone.StopAsync().WaitAsync(TimeSpan.FromSeconds(15), Token));
        Assert.Contains(otlp.Exports, export => export.Signal == "metrics");
        Assert.DoesNotContain(Span.Of(otlp.Exports), span => ObservedRelay.SampledTrace.Contains(span.TraceId, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_start_that_cannot_migrate_is_one_line_and_exit_code_1()
    {
        var settings = ServiceSettings.For(relay.Processes.Postgres.ConnectionString + ";Database=nowhere", relay.Processes.S3.Endpoint, RelayProcesses.Bucket);

        await using var standalone = await ChildProcess.StartAsync("CloudTab.Standalone", settings, ready: null, Token);

        Assert.Equal(1, await standalone.WaitForExitAsync(Token));
        Assert.Equal("Postgres: 3D000: database \"nowhere\" does not exist", standalone.Output.Split('\n')[^1]);
    }

    private static async Task<string> CreateAsync(HttpClient client)
    {
        using var created = await client.PostAsync("/api/customer/sessions/create", content: null, Token);
        return (await created.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("sessionId").GetString()!;
    }

    private async Task<HttpResponseMessage> GetAsync(string path, string header, string value)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { header, value } } };
        return await _client.SendAsync(request, Token);
    }

    private static async Task<bool> AnswersAsync(HttpClient client)
    {
        try
        {
            using var answer = await client.GetAsync(new Uri("/health", UriKind.Relative), Token);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false; // not listening yet
        }
    }
}
