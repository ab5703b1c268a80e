using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CloudTab.Testing;
using Dapper;
using Npgsql;

namespace CloudTab.EndToEnd.Tests;

/// <summary>
/// The whole relay in a run of everything that can happen to it, with its telemetry exported to a receiver that keeps it: what
/// customers and shops do, what they get wrong, what strangers try, a fault, and outages of S3 and Postgres. When the fixture is
/// ready the relay has ended and all telemetry is in.
/// </summary>
public sealed class ObservedRelay : IAsyncLifetime
{
    /// <summary>A traceparent that asks not to be sampled.</summary>
    public const string UnsampledTrace = "00-11111111111111111111111111111111-2222222222222222-00";

    /// <summary>One that asks to be sampled, with a tracestate that is longer than what is passed on.</summary>
    public const string SampledTrace = "00-33333333333333333333333333333333-4444444444444444-01";

    private const string CustomerName = "Ärztin Kowalczyk-Öz";
    private const string FileName = "Röntgenbefund Hüfte 4711.pdf";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly HttpClient _client = new();
    private RelayProcesses _relay = null!;
    private OtlpReceiver _receiver = null!;
    private CancellationToken _token;

    public static string LongTraceState { get; } = string.Join(',', Enumerable.Range(0, 30).Select(i => $"vendor{i:00}={new string('x', 20)}"));

    /// <summary>All that the services have exported.</summary>
    public IReadOnlyCollection<Export> Exports => _receiver.Exports;

    public Secrets Secrets { get; } = new();

    /// <summary>Internal id of a session that was uploaded, announced, claimed, downloaded and completed.</summary>
    public Guid PrintedSession { get; private set; }

    public async ValueTask InitializeAsync()
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        _token = limit.Token;
        _receiver = await OtlpReceiver.StartAsync(_token);
        _relay = await RelayProcesses.StartAsync(
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _receiver.Address,
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_METRIC_EXPORT_INTERVAL"] = "2000",
                ["MAX_FILE_SIZE"] = "10000000",
                ["UPLOAD_MEMORY"] = "16000000", // less than two uploads want
                ["JANITOR_INTERVAL"] = "500",
            },
            _token);
        try
        {
            _client.BaseAddress = _relay.Origin;
            Secrets.Add("the shop's key", _relay.Key);
            Secrets.Add("the database's password", _relay.Postgres.Password);
            Secrets.Add("the secret key of S3", _relay.S3.Endpoint.SecretAccessKey);
            Secrets.Add("a customer's name", CustomerName);
            Secrets.Add("a file's name", FileName);
            await using var pc = await ShopConnection.OpenAsync(_relay.Origin, _relay.Key, _token);
            await PrintAsync(pc);
            await PrintBySocketAsync(pc);
            await SendFromPageAsync(pc);
            await WaitForMemoryAsync();
            await UploadInTracesAsync(pc);
            await ResumeAsync();
            await GetThingsWrongAsync(pc);
            await TryStrangersKeysAsync();
            await LookForSecretsInAddressesAsync();
            await BreakAsync();
            await OutlastAsync(pc);
        }
        finally
        {
            // Services that are told to end export what they still have.
            await _relay.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _receiver.DisposeAsync();
    }

    private async Task PrintAsync(ShopConnection pc)
    {
        var (id, code) = await CreateAsync("/s/default");
        await UploadAsync(id, 9 << 20, HttpStatusCode.OK, "/s/default"); // two parts
        await pc.NextAsync("new_session");
        PrintedSession = await InternalIdAsync(id);
        await CallAsync(HttpStatusCode.OK, HttpMethod.Get, $"/s/default/api/customer/sessions/{id}/status");
        await CallAsync(HttpStatusCode.OK, HttpMethod.Get, "/api/shopkeeper/sessions/pending", _relay.Key);
        var claimed = await CallAsync(HttpStatusCode.OK, HttpMethod.Post, $"/api/shopkeeper/sessions/{code}/claim", _relay.Key);
        var file = claimed.GetProperty("session").GetProperty("files")[0].GetProperty("id").GetString();
        await CallAsync(HttpStatusCode.OK, HttpMethod.Get, $"/api/shopkeeper/files/{file}/download", _relay.Key);

        var linked = await CallAsync(HttpStatusCode.OK, HttpMethod.Get, $"/api/shopkeeper/files/{file}/download", _relay.Key, "application/json");
        var link = new Uri(linked.GetProperty("file").GetProperty("downloadUrl").GetString()!);
        Secrets.Add("a presigned link", link.OriginalString);
        Secrets.Add("a presigned link's query", link.Query);
        Secrets.Add("a presigned link's signature", link.Query[(link.Query.IndexOf("X-Amz-Signature=", StringComparison.Ordinal) + 16)..].Split('&')[0]);
        await CallAsync(HttpStatusCode.OK, HttpMethod.Get, link.OriginalString);

        await CallAsync(HttpStatusCode.OK, HttpMethod.Post, $"/api/shopkeeper/sessions/{id}/complete", _relay.Key);
    }

    private async Task PrintBySocketAsync(ShopConnection pc)
    {
        var (id, code) = await CreateAsync();
        await UploadAsync(id, 1_000);
        await pc.NextAsync("new_session");
        await pc.AskAsync(new { type = "get_pending" }, "pending_sessions");
        await pc.AskAsync(new { type = "claim_session", sessionId = code.ToLowerInvariant() }, "session_claimed");
        await pc.AskAsync(new { type = "complete_session", sessionId = id }, "session_completed");
    }

    private async Task SendFromPageAsync(ShopConnection pc)
    {
        using var form = Form(1_000);
        form.Add(new StringContent(CustomerName), "customerName");
        using var sent = await _client.PostAsync("/send", form, _token); // follows to the session's page
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
        Secrets.Add("a session's id", sent.RequestMessage!.RequestUri!.Segments[^1]);
        Secrets.Add("a pickup code", (await pc.NextAsync("new_session")).GetProperty("pickupCode").GetString()!);
    }

    private async Task WaitForMemoryAsync() => await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
    {
        var (id, _) = await CreateAsync();
        await UploadAsync(id, 9 << 20);
    }));

    private async Task UploadInTracesAsync(ShopConnection pc)
    {
        foreach (var (parent, state) in ((string, string)[])[(UnsampledTrace, "vendor=1"), (SampledTrace, LongTraceState)])
        {
            var (id, _) = await CreateAsync();
            using var form = Form(1_000);
            form.Headers.Add("traceparent", parent);
            form.Headers.Add("tracestate", state);
            using var uploaded = await _client.PostAsync($"/api/customer/sessions/{id}/upload", form, _token);
            Assert.Equal(HttpStatusCode.OK, uploaded.StatusCode);
            await pc.NextAsync("new_session");
        }
    }

    /// <summary>An upload by tus: begun, continued, asked for, gone on with at the wrong place, ended, and asked for again.</summary>
    private async Task ResumeAsync()
    {
        var (id, _) = await CreateAsync();
        using var created = await TusAsync(HttpMethod.Post, $"/api/customer/sessions/{id}/files", null, ("Upload-Length", "2000"));
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        var upload = created.Headers.Location!.OriginalString;
        Secrets.Add("an upload's id", upload[(upload.LastIndexOf('/') + 1)..]);
        (HttpMethod Method, string Offset, HttpStatusCode Expected)[] steps =
        [
            (HttpMethod.Patch, "0", HttpStatusCode.NoContent), (HttpMethod.Head, "", HttpStatusCode.OK), (HttpMethod.Patch, "7", HttpStatusCode.Conflict),
            (HttpMethod.Delete, "", HttpStatusCode.NoContent), (HttpMethod.Head, "", HttpStatusCode.Gone), (HttpMethod.Put, "", HttpStatusCode.MethodNotAllowed),
        ];
        foreach (var (method, offset, expected) in steps)
        {
            using var answer = await TusAsync(method, upload, method == HttpMethod.Patch ? new byte[500] : null, ("Upload-Offset", offset));
            Assert.Equal(expected, answer.StatusCode);
        }
    }

    private async Task<HttpResponseMessage> TusAsync(HttpMethod method, string path, byte[]? bytes, (string Name, string Value) header)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Add("Tus-Resumable", "1.0.0");
        request.Headers.Add("Upload-Metadata", $"filename {Convert.ToBase64String(Encoding.UTF8.GetBytes(FileName))}");
        if (header.Value.Length > 0)
            request.Headers.Add(header.Name, header.Value);
        if (bytes is not null)
        {
            "%PDF-1.7\n"u8.CopyTo(bytes);
            request.Content = new ByteArrayContent(bytes) { Headers = { ContentType = new("application/offset+octet-stream") } };
        }

        return await _client.SendAsync(request, _token);
    }

    private async Task GetThingsWrongAsync(ShopConnection pc)
    {
        var (id, code) = await CreateAsync();
        await UploadAsync(id, 0, HttpStatusCode.BadRequest);
        await UploadAsync(id, 10_000_001, HttpStatusCode.RequestEntityTooLarge);
        await UploadAsync(id, 1_000, HttpStatusCode.UnsupportedMediaType, begins: "<html>");
        await CallAsync(HttpStatusCode.BadRequest, HttpMethod.Post, $"/api/customer/sessions/{id}/submit");
        await CallAsync(HttpStatusCode.BadRequest, HttpMethod.Get, $"/api/shopkeeper/sessions/pending?limit=200&after={id}", _relay.Key);
        await CallAsync(HttpStatusCode.BadRequest, HttpMethod.Get, $"/api/shopkeeper/sessions/pending?limit={id}", _relay.Key);
        await CallAsync(HttpStatusCode.Conflict, HttpMethod.Post, $"/api/shopkeeper/sessions/{code}/claim", _relay.Key);
        await pc.AskAsync(new { type = "claim_session", sessionId = id }, "error");
        await pc.AskAsync(new { type = id, sessionId = code }, "error");
        using var body = new StringContent($$"""{"customerName": "{{CustomerName}}", "shop": 1}""");
        using var refused = await _client.PostAsync("/api/customer/sessions/create", body, _token);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        await CallAsync(HttpStatusCode.NoContent, HttpMethod.Delete, $"/api/customer/sessions/{id}");
        await UploadAsync(id, 1_000, HttpStatusCode.Gone);
    }

    private async Task TryStrangersKeysAsync()
    {
        const string WrongKey = "ctk_wrong-guess_for-a-key-of-nobody";
        Secrets.Add("a wrong key", WrongKey);
        await CallAsync(HttpStatusCode.Unauthorized, HttpMethod.Get, "/api/shopkeeper/sessions/pending", WrongKey);
        await CallAsync(HttpStatusCode.Unauthorized, HttpMethod.Get, $"/api/shopkeeper/sessions/pending?key={WrongKey}");
        await using var stranger = await ShopConnection.ConnectAsync(_relay.Origin, _token);
        await stranger.AskAsync(new { type = "get_pending", apiKey = WrongKey }, "error");
        await stranger.AskAsync(new { type = "authenticate", apiKey = WrongKey }, "auth_failed");
    }

    private async Task LookForSecretsInAddressesAsync()
    {
        var (id, code) = await CreateAsync();
        foreach (var path in (string[])[
            $"/{id}", $"/nowhere/{id}?code={code}", $"/api/customer/{id}/nothing", $"/api/customer/sessions/{id}/nothing?name={CustomerName}",
            $"/api/shopkeeper/sessions/{id}/nothing", $"/s/default/nowhere/{id}", $"/s/{id}/api/customer/sessions/{id}/status",
            $"/sessions/{id}x", $"/assets/{id}", $"/ws/{id}"])
        {
            await CallAsync(HttpStatusCode.NotFound, HttpMethod.Get, path, _relay.Key);
        }

        await CallAsync(HttpStatusCode.MethodNotAllowed, HttpMethod.Put, $"/api/customer/sessions/{id}/status");
        await CallAsync(HttpStatusCode.UpgradeRequired, HttpMethod.Get, $"/ws?id={id}");
        await CallAsync(HttpStatusCode.OK, HttpMethod.Get, $"/sessions/{id}?code={code}");
    }

    /// <summary>A fault that nobody expects: the shops' table is not there.</summary>
    private async Task BreakAsync()
    {
        var (id, _) = await CreateAsync();
        await ExecuteAsync("ALTER TABLE shops RENAME TO elsewhere");
        using var answer = await _client.PostAsJsonAsync("/s/default/api/customer/sessions/create", new { customerName = CustomerName }, _token);
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        await CallAsync(HttpStatusCode.InternalServerError, HttpMethod.Get, $"/s/default?id={id}");
        await ExecuteAsync("ALTER TABLE elsewhere RENAME TO shops");
    }

    private async Task OutlastAsync(ShopConnection pc)
    {
        var (id, code) = await CreateAsync();
        await UploadAsync(id, 1_000);
        await CallAsync(HttpStatusCode.OK, HttpMethod.Post, $"/api/shopkeeper/sessions/{code}/claim", _relay.Key);
        await _relay.S3.StopAsync();
        await UploadAsync(id, 1_000, HttpStatusCode.ServiceUnavailable);
        await CallAsync(HttpStatusCode.OK, HttpMethod.Post, $"/api/shopkeeper/sessions/{id}/complete", _relay.Key);
        await _relay.Postgres.StopAsync();
        await UploadAsync(id, 1_000, HttpStatusCode.ServiceUnavailable);
        await CallAsync(HttpStatusCode.ServiceUnavailable, HttpMethod.Get, $"/api/shopkeeper/sessions/{code}", _relay.Key);
        await pc.AskAsync(new { type = "claim_session", sessionId = id }, "error");
        await _relay.Postgres.StartAsync(_token);
        await _relay.S3.StartAsync(_token);
        await Eventually.HoldsAsync(
            async () => (await _relay.ObjectsAsync(_token)).Count == await _relay.FilesAsync("stored", _token), "the Janitor catches up", TimeSpan.FromMinutes(1), _token);
        // Of what a process still has when it ends not all may arrive on a busy machine.
        await Eventually.HoldsAsync(
            () => Task.FromResult(Metric.Of(Exports).Any(metric => metric.Name == "cloudtab.janitor.items")), "the Janitor has told of it", TimeSpan.FromMinutes(1), _token);
    }

    private async Task<(string Id, string Code)> CreateAsync(string prefix = "")
    {
        using var answer = await _client.PostAsJsonAsync($"{prefix}/api/customer/sessions/create", new { customerName = CustomerName }, _token);
        var session = await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(_token);
        var (id, code) = (session.GetProperty("sessionId").GetString()!, session.GetProperty("pickupCode").GetString()!);
        Secrets.Add("a session's id", id);
        Secrets.Add("a pickup code", code);
        return (id, code);
    }

    private async Task UploadAsync(string session, int size, HttpStatusCode expected = HttpStatusCode.OK, string prefix = "", string begins = "%PDF-1.7\n")
    {
        using var form = Form(size, begins);
        using var uploaded = await _client.PostAsync($"{prefix}/api/customer/sessions/{session}/upload", form, _token);
        Assert.Equal(expected, uploaded.StatusCode);
    }

    private static MultipartFormDataContent Form(int size, string begins = "%PDF-1.7\n")
    {
        var content = new byte[size];
        for (var i = 0; i < Math.Min(size, begins.Length); i++)
            content[i] = (byte)begins[i];
        return new() { { new ByteArrayContent(content), "files", FileName } };
    }

    private async Task<JsonElement> CallAsync(HttpStatusCode expected, HttpMethod method, string address, string? key = null, string? accept = null)
    {
        using var request = new HttpRequestMessage(method, address);
        if (key is not null)
            request.Headers.Add("X-API-Key", key);
        if (accept is not null)
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
        using var response = await _client.SendAsync(request, _token);
        Assert.True(expected == response.StatusCode, $"{method} {address}: {response.StatusCode}");
        return response.Content.Headers.ContentType?.MediaType == "application/json" ? await response.Content.ReadFromJsonAsync<JsonElement>(_token) : default;
    }

    private async Task<Guid> InternalIdAsync(string sessionId)
    {
        await using var connection = Connect();
        return await connection.ExecuteScalarAsync<Guid>("SELECT id FROM sessions WHERE session_id = @sessionId", new { sessionId });
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = Connect();
        await connection.ExecuteAsync(sql);
    }

    // No pool: it would hold connections over Postgres' outage.
    private NpgsqlConnection Connect() => new(_relay.Postgres.ConnectionString + ";Pooling=false");
}
