using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.Testing;

namespace CloudTab.Services.Tests;

/// <summary>Signed receipts for what was deleted: when there is one, what it says, and who can check it.</summary>
public sealed class ReceiptsTests(UploadFixture relay) : IClassFixture<UploadFixture>, IDisposable
{
    // What a customer can do without CloudTab: Node's own cryptography, the receipt and the published keys. Prints the payload, or "wrong".
    private const string CheckWithNode = """
        const [receipt, jwks] = process.argv.slice(1), { createPublicKey, verify } = require('crypto')
        const [header, payload, signature] = receipt.split('.'), decode = part => Buffer.from(part, 'base64url')
        const jwk = JSON.parse(jwks).keys.find(key => key.kid === JSON.parse(decode(header)).kid)
        const check = (signed, signature) => verify('sha256', signed, { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, signature)
        const [signed, bytes] = [Buffer.from(header + '.' + payload), decode(signature)]
        let wrong = 0
        for (const part of [signed, bytes])
          for (let i = 0; i < part.length; i++) {
            part[i] ^= 1
            wrong += check(signed, bytes) ? 0 : 1
            part[i] ^= 1
          }
        console.log(check(signed, bytes) ? 'right' : 'wrong')
        console.log(wrong === signed.length + bytes.length ? 'every changed byte is refused' : 'a changed byte is accepted')
        console.log(decode(payload).toString())
        """;

    private readonly HttpClient _client = relay.UploadApi();
    private readonly StateMachine _states = new(relay);

    public void Dispose() => _states.Dispose();

    [Fact]
    public async Task A_completed_session_has_a_receipt_that_says_what_was_deleted_and_names_nothing()
    {
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        var (pdf, text) = (Sample.Pdf(name: "Arztbrief Müller.pdf"), Sample.Text(name: "geheim.txt"));
        var sessionId = await _client.CreateAsync(prefix, new { customerName = "Asha" });
        var began = relay.Clock.GetUtcNow().AddSeconds(-1);
        using var uploaded = await _client.UploadToAsync(prefix, sessionId, pdf, text);
        Assert.False((await _client.StatusAsync(sessionId, prefix)).TryGetProperty("receipt", out _));

        await CompleteAsync(shop, sessionId);

        var status = await _client.StatusAsync(sessionId, prefix);
        var (jws, claims) = await ReceiptAsync(status);
        Assert.Equal(["jti", "iat", "shop", "outcome", "endedAt", "fileCount", "totalSize", "files"], claims.Fields());
        Assert.Equal($"/receipt/{claims.Text("jti")}", status.Text("receipt"));
        Assert.Equal((shop.Id, "completed"), (claims.Text("shop"), claims.Text("outcome")));
        Assert.Equal(status.GetProperty("completedAt").GetDateTime(), claims.GetProperty("endedAt").GetDateTime());
        Assert.Equal((2, pdf.Content.Length + text.Content.Length), (claims.GetProperty("fileCount").GetInt32(), claims.GetProperty("totalSize").GetInt32()));
        Assert.Equal([pdf.Sha256, text.Sha256], claims.GetProperty("files").EnumerateArray().Select(file => file.Text("sha256")));
        Assert.Equal([pdf.Content.Length, text.Content.Length], claims.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("size").GetInt32()));
        Assert.All(claims.GetProperty("files").EnumerateArray(), file =>
        {
            Assert.Equal(["sha256", "size", "storedAt", "deletedAt"], file.Fields());
            Assert.InRange(file.GetProperty("storedAt").GetDateTimeOffset(), began, file.GetProperty("deletedAt").GetDateTimeOffset());
        });
        Assert.InRange(claims.GetProperty("iat").GetInt64(), began.ToUnixTimeSeconds(), relay.Clock.GetUtcNow().ToUnixTimeSeconds());

        using var page = await _client.GetAsync(status.Text("receipt"), Token);
        var html = WebUtility.HtmlDecode(await page.Content.ReadAsStringAsync(Token));
        Assert.Equal((HttpStatusCode.OK, "text/html"), (page.StatusCode, page.Content.Headers.ContentType?.MediaType));
        Assert.Contains("The signature is right", html, StringComparison.Ordinal);
        Assert.Contains(pdf.Sha256, html, StringComparison.Ordinal);
        Assert.Contains(jws, html, StringComparison.Ordinal);
        foreach (var secret in (string[])["Arztbrief", "geheim", "Asha", sessionId, status.Text("pickupCode")!, .. status.GetProperty("files").EnumerateArray().Select(file => file.Text("id")!)])
        {
            Assert.DoesNotContain(secret, claims.GetRawText(), StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(secret, html, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Another_program_can_check_a_receipt_with_the_published_key_and_refuses_every_changed_byte()
    {
        var (jws, claims) = await ReceiptAsync(await CompletedAsync());
        using var keys = await _client.GetAsync("/.well-known/jwks.json", Token);
        Assert.Equal(("application/jwk-set+json", "public, max-age=300"), (keys.Content.Headers.ContentType?.MediaType, keys.Headers.CacheControl?.ToString()));
        var jwks = await keys.Content.ReadAsStringAsync(Token);
        Assert.All(JsonElement.Parse(jwks).GetProperty("keys").EnumerateArray(), key => Assert.Equal(["kty", "crv", "x", "y", "kid", "use", "alg"], key.Fields()));

        await using var node = await ChildProcess.StartProgramAsync(
            ["node", "-e", CheckWithNode, jws, jwks], new Dictionary<string, string>(StringComparer.Ordinal), ready: null, Token);
        await node.WaitForExitAsync(Token);

        Assert.Equal(["right", "every changed byte is refused", claims.GetRawText()], node.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task A_receipt_with_any_character_changed_is_called_wrong()
    {
        var status = await CompletedAsync();
        var (jws, _) = await ReceiptAsync(status);
        var receipts = relay.Service<Receipts>();
        Assert.NotNull(await receipts.VerifyAsync(jws, Token));

        for (var i = 0; i < jws.Length; i++)
        {
            var changed = $"{jws[..i]}{(jws[i] == 'A' ? 'B' : 'A')}{jws[(i + 1)..]}";
            Assert.True(await receipts.VerifyAsync(changed, Token) is null, $"Character {i} can be changed.");
            // The last character of a signature has four bits that carry nothing.
            changed = $"{jws[..i]}{(char)(jws[i] ^ 1)}{jws[(i + 1)..]}";
            Assert.True(await receipts.VerifyAsync(changed, Token) is null, $"Character {i} can be changed a little.");
        }

        await relay.ExecuteAsync("UPDATE receipts SET jws = overlay(jws PLACING 'x' FROM length(jws) / 2 FOR 1) WHERE id = @id", new { id = IdOf(status) });
        var html = await _client.GetStringAsync(status.Text("receipt"), Token);
        Assert.Contains("The signature is wrong", html, StringComparison.Ordinal);
        Assert.DoesNotContain("The signature is right", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.b")]
    [InlineData("..")]
    [InlineData("e30.e30.")]
    [InlineData("bm8.e30.AAAA")]
    public async Task What_is_no_receipt_is_called_wrong(string jws) => Assert.Null(await relay.Service<Receipts>().VerifyAsync(jws, Token));

    [Fact]
    public async Task Something_else_that_the_key_has_signed_is_no_receipt()
    {
        var key = (await relay.Service<SigningKeys>().AllAsync(Token))[0];
        using var ecdsa = ECDsa.Create();
        ecdsa.ImportPkcs8PrivateKey(key.PrivateKey, out _);

        Assert.Null(await relay.Service<Receipts>().VerifyAsync(Signed("JWT"), Token));
        Assert.NotNull(await relay.Service<Receipts>().VerifyAsync(Signed(Receipts.Type), Token));

        string Signed(string type)
        {
            var text = $"{Encode($$"""{"alg":"ES256","kid":"{{key.Id}}","typ":"{{type}}"}""")}.{Encode("{}")}";
            return $"{text}.{Base64Url.EncodeToString(ecdsa.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256))}";
        }

        static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
    }

    [Fact]
    public async Task A_withdrawn_session_s_receipt_has_the_files_that_were_taken_back_before_with_their_own_times()
    {
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        var (kept, taken) = (Sample.Pdf(), Sample.Text());
        var sessionId = await _client.CreateAsync(prefix);
        using var uploaded = await _client.UploadToAsync(prefix, sessionId, taken, kept);
        var first = (await _client.StatusAsync(sessionId, prefix)).GetProperty("files")[0].Text("id");
        using var takenBack = await _client.DeleteAsync($"{prefix}/api/customer/sessions/{sessionId}/files/{first}", Token);
        Assert.False((await _client.StatusAsync(sessionId, prefix)).TryGetProperty("receipt", out _));
        using var withdrawn = await _client.DeleteAsync($"{prefix}/api/customer/sessions/{sessionId}", Token);

        var (_, claims) = await ReceiptAsync(await _client.StatusAsync(sessionId, prefix));

        Assert.Equal("cancelled", claims.Text("outcome"));
        Assert.Equal([taken.Sha256, kept.Sha256], claims.GetProperty("files").EnumerateArray().Select(file => file.Text("sha256")));
        var times = claims.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("deletedAt").GetDateTime()).ToList();
        Assert.True(times[0] < claims.GetProperty("endedAt").GetDateTime() && claims.GetProperty("endedAt").GetDateTime() < times[1]);
    }

    [Fact]
    public async Task An_expired_session_has_its_receipt_in_the_round_that_removes_its_files()
    {
        var (_, session) = await _states.InStateAsync("pending");
        await _states.PassAsync(session);

        await StateMachine.AllAsync(_states.Get<MarkDue>().ExpireSessionsAsync);

        Assert.Equal("expired", (await ClaimsAsync(session.Id))?.Text("outcome"));
    }

    [Fact]
    public async Task There_is_no_receipt_before_S3_has_deleted_the_last_object()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id, "Asha", new GivenFile(), new GivenFile());
        await using var network = relay.NetworkToS3();
        await using (var api = relay.StartHost<CloudTab.ShopApi.ApiKeyAuthentication>(network))
        {
            using var client = api.Client();
            client.DefaultRequestHeaders.Add("X-API-Key", shop.Key);
            using var claimed = await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
            network.Cut();
            using var completed = await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete");
            Assert.Equal(HttpStatusCode.OK, completed.StatusCode);
        }

        Assert.Equal(0, await _states.Get<Receipts>().IssueAsync(given.Id, Token));
        Assert.False((await _client.StatusAsync(given.SessionId, $"/s/{shop.Id}")).TryGetProperty("receipt", out _));
        _states.Clock.Advance(Removal.Lease);
        await StateMachine.AllAsync(_states.Get<RemoveFiles>().RunOnceAsync);

        Assert.Equal(2, (await ClaimsAsync(given.Id))?.GetProperty("fileCount").GetInt32());
    }

    [Fact]
    public async Task What_a_process_left_that_was_killed_behind_the_last_deletion_the_Janitor_makes_up_for()
    {
        var (_, session) = await _states.InStateAsync("cancelled");
        await relay.ExecuteAsync("UPDATE files SET status = 'deleted', lease_until = NULL, deleted_at = now() WHERE session = @Id", new { session.Id });
        Assert.Null(await ClaimsAsync(session.Id));

        await StateMachine.AllAsync(_states.Get<IssueReceipts>().RunOnceAsync);

        Assert.Equal("cancelled", (await ClaimsAsync(session.Id))?.Text("outcome"));
    }

    [Fact]
    public async Task Replicas_that_issue_at_the_same_moment_make_one_receipt_for_each_session()
    {
        const int Sessions = 150;
        await StateMachine.AllAsync(_states.Get<IssueReceipts>().RunOnceAsync);
        var key = await _states.KeyAsync();
        var due = new List<Guid>();
        for (var i = 0; i < Sessions; i++)
            due.Add((await _states.InStateAsync("cancelled", key)).Id);
        await relay.ExecuteAsync("UPDATE files SET status = 'deleted', lease_until = NULL WHERE session = ANY(@due)", new { due });
        var before = await relay.ScalarAsync<int>("SELECT count(*) FROM receipts");

        var issued = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => StateMachine.AllAsync(_states.Get<IssueReceipts>().RunOnceAsync)));

        Assert.Equal(Sessions, issued.Sum());
        Assert.Equal(Sessions, await relay.ScalarAsync<int>("SELECT count(*) FROM receipts") - before);
        Assert.Equal(Sessions, await relay.ScalarAsync<int>("SELECT count(DISTINCT receipt) FROM sessions JOIN receipts ON receipts.id = receipt WHERE sessions.id = ANY(@due)", new { due }));
    }

    [Fact]
    public async Task Files_that_came_too_late_for_a_completion_are_on_the_receipt_of_the_next()
    {
        var shop = await relay.ShopAsync();
        var prefix = $"/s/{shop.Id}";
        var sessionId = await _client.CreateAsync(prefix);
        using var uploaded = await _client.UploadToAsync(prefix, sessionId, Sample.Pdf());
        using var shopkeeper = relay.ShopApi(shop.Key);
        using var claimed = await shopkeeper.PostAsync($"/api/shopkeeper/sessions/{sessionId}/claim");
        using var late = await _client.UploadToAsync(prefix, sessionId, Sample.Text());
        using var completed = await shopkeeper.PostAsync($"/api/shopkeeper/sessions/{sessionId}/complete");
        Assert.False((await _client.StatusAsync(sessionId, prefix)).TryGetProperty("receipt", out _));

        await CompleteAsync(shop, sessionId);

        var (_, claims) = await ReceiptAsync(await _client.StatusAsync(sessionId, prefix));
        Assert.Equal(2, claims.GetProperty("fileCount").GetInt32());
    }

    [Fact]
    public async Task A_session_that_never_held_a_file_has_no_receipt()
    {
        var sessionId = await _client.CreateAsync();
        await using var events = await EventClient.OpenAsync(_client, EventClient.AddressOf(sessionId));
        await events.NextStatusAsync("open");
        using var withdrawn = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);
        await StateMachine.AllAsync(_states.Get<IssueReceipts>().RunOnceAsync);

        Assert.False((await events.NextStatusAsync("cancelled")).TryGetProperty("receipt", out _));
        Assert.Equal(JsonValueKind.Null, (await events.NextAsync("deleted")).GetProperty("receipt").ValueKind);
        await events.EndsAsync();
    }

    [Fact]
    public async Task The_stream_s_last_event_names_the_receipt()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id);
        await using var events = await EventClient.OpenAsync(_client, EventClient.AddressOf(given.SessionId, $"/s/{shop.Id}"));
        await events.NextStatusAsync("pending");
        await events.NextPlaceAsync(1, 0);

        using var withdrawn = await _client.DeleteAsync($"/s/{shop.Id}/api/customer/sessions/{given.SessionId}", Token);

        var last = await events.LastAsync("cancelled");
        Assert.Equal((await _client.StatusAsync(given.SessionId, $"/s/{shop.Id}")).Text("receipt"), last.Text("receipt"));
    }

    [Fact]
    public async Task A_receipt_outlives_its_session_and_is_forgotten_after_its_own_time()
    {
        var status = await CompletedAsync();
        var session = await relay.ScalarAsync<Guid>("SELECT id FROM sessions WHERE session_id = @id", new { id = status.Text("sessionId") });
        var (_, due) = await _states.InStateAsync("cancelled");
        await relay.ExecuteAsync("UPDATE sessions SET ended_at = '2000-01-01' WHERE id = ANY(@all)", new { all = new[] { session, due.Id } });
        await relay.ExecuteAsync("UPDATE files SET status = 'deleted', lease_until = NULL WHERE session = @Id", new { due.Id });

        await _states.Get<Purge>().RunOnceAsync(Token);

        Assert.Equal([due.Id], await relay.ColumnAsync<Guid>("SELECT id FROM sessions WHERE id = ANY(@all)", new { all = new[] { session, due.Id } }));
        await ReceiptAsync(status);
        await relay.ExecuteAsync("UPDATE receipts SET created_at = now() - interval '89 days 23 hours' WHERE id = @id", new { id = IdOf(status) });
        await _states.Get<Purge>().RunOnceAsync(Token);
        await ReceiptAsync(status);
        await relay.ExecuteAsync("UPDATE receipts SET created_at = now() - interval '90 days 1 hour' WHERE id = @id", new { id = IdOf(status) });
        await _states.Get<Purge>().RunOnceAsync(Token);
        using var gone = await _client.GetAsync($"/api/customer/receipts/{IdOf(status)}", Token);
        await gone.IsProblemAsync(HttpStatusCode.NotFound, "receipt_not_found");
    }

    [Fact]
    public async Task A_new_key_signs_from_now_on_and_the_old_ones_stay_published_until_they_are_removed()
    {
        var old = await ReceiptAsync(await CompletedAsync());
        var added = await MigrateAsync("signing-key", "add");

        var fresh = await ReceiptAsync(await CompletedAsync());

        Assert.Equal(added, KeyOf(fresh.Jws));
        Assert.NotEqual(added, KeyOf(old.Jws));
        Assert.Equal([added, KeyOf(old.Jws)], await PublishedAsync());
        Assert.Equal([added, KeyOf(old.Jws)], (await MigrateAsync("signing-key", "list")).Split('\n').Select(line => line.Split('\t')[0]));
        Assert.NotNull(await relay.Service<Receipts>().VerifyAsync(old.Jws, Token));

        Assert.Equal("Removed.", await MigrateAsync("signing-key", "remove", KeyOf(old.Jws)));
        Assert.Equal([added], await PublishedAsync());
        Assert.Null(await relay.Service<Receipts>().VerifyAsync(old.Jws, Token));
        Assert.Contains("no other", await MigrateAsync("signing-key", "remove", added), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("00000000000000000000000000")]
    [InlineData("x")]
    [InlineData("%20")]
    public async Task An_unknown_receipt_is_404(string id)
    {
        using var answer = await _client.GetAsync($"/api/customer/receipts/{id}", Token);
        await answer.IsProblemAsync(HttpStatusCode.NotFound, "receipt_not_found");
        using var page = await _client.GetAsync($"/receipt/{id}", Token);
        Assert.Equal((HttpStatusCode.NotFound, "text/html"), (page.StatusCode, page.Content.Headers.ContentType?.MediaType));
    }

    private static string IdOf(JsonElement status) => status.Text("receipt")!.Split('/')[^1];

    private static string KeyOf(string jws) => JsonElement.Parse(Base64Url.DecodeFromChars(jws.Split('.')[0])).Text("kid")!;

    private async Task<List<string?>> PublishedAsync() =>
        [.. JsonElement.Parse(await _client.GetStringAsync("/.well-known/jwks.json", Token)).GetProperty("keys").EnumerateArray().Select(key => key.Text("kid"))];

    private async Task<string> MigrateAsync(params string[] arguments)
    {
        await using var migrator = await ChildProcess.StartAsync("CloudTab.Migrator", relay.Environment(), null, Token, arguments);
        await migrator.WaitForExitAsync(Token);
        return migrator.Output;
    }

    /// <summary>The status of a session with one file that its shop has completed.</summary>
    private async Task<JsonElement> CompletedAsync()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id);
        await CompleteAsync(shop, given.SessionId);
        return await _client.StatusAsync(given.SessionId, $"/s/{shop.Id}");
    }

    private async Task CompleteAsync(TestShop shop, string sessionId)
    {
        using var client = relay.ShopApi(shop.Key);
        foreach (var verb in (string[])["claim", "complete"])
        {
            using var answer = await client.PostAsync($"/api/shopkeeper/sessions/{sessionId}/{verb}");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    /// <summary>The receipt that a session's status names, and what it says.</summary>
    private async Task<(string Jws, JsonElement Claims)> ReceiptAsync(JsonElement status)
    {
        using var answer = await _client.GetAsync($"/api/customer/receipts/{IdOf(status)}", Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var jws = (await answer.JsonAsync()).Text("receipt")!;
        Assert.Equal(["alg", "kid", "typ"], JsonElement.Parse(Base64Url.DecodeFromChars(jws.Split('.')[0])).Fields());
        return (jws, JsonElement.Parse(Base64Url.DecodeFromChars(jws.Split('.')[1])));
    }

    /// <summary>What the receipt of a session says, if it has one.</summary>
    private async Task<JsonElement?> ClaimsAsync(Guid session) =>
        await relay.ScalarAsync<string>("SELECT jws FROM receipts JOIN sessions ON receipts.id = receipt WHERE sessions.id = @session", new { session }) is { } jws
            ? JsonElement.Parse(Base64Url.DecodeFromChars(jws.Split('.')[1]))
            : null;
}
