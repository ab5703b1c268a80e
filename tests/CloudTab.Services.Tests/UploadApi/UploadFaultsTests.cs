using System.Net;
using System.Net.Sockets;
using System.Text;
using CloudTab.Relay;
using CloudTab.Testing;
using CloudTab.UploadApi;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace CloudTab.Services.Tests;

public sealed class UploadFaultsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task A_form_cut_at_any_byte_leaves_nothing()
    {
        const int seed = 4711;
        var random = new Random(seed);
        var sessionId = await _client.CreateAsync();
        var body = RawUpload.Body(Sample.Pdf(3_000), Sample.Pdf(ObjectUpload.PartSize + 100_000), Sample.Text(500));
        var host = relay.StartHost<UploadOptions>();

        for (var round = 0; round < 20; round++)
        {
            using var socket = await RawUpload.SendAsync(host.Address, sessionId, body.Length, body.AsMemory(0, random.Next(1, body.Length)));
            // Every other connection is reset instead of closed in order.
            socket.LingerState = new LingerOption(enable: round % 2 == 0, 0);
            socket.Close();
        }

        // A stopping host waits for all its requests.
        await host.DisposeAsync();
        await relay.AssertNothingLeftAsync(sessionId);
        Assert.Equal("open", (await _client.StatusAsync(sessionId)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_body_far_over_the_limit_is_not_read_to_the_end()
    {
        // Its session could hold as much, so only the file tells.
        const long announced = 900L << 20;
        var sessionId = await _client.CreateAsync();
        using var socket = await RawUpload.SendAsync(relay.Address, sessionId, announced, Encoding.UTF8.GetBytes(RawUpload.Opening + "%PDF-1.7\n"));
        var reading = RawHttp.ReadAsync(socket, until: null);

        var block = new byte[1 << 20];
        long sent = 0;
        try
        {
            while (sent < announced)
                sent += await socket.SendAsync(block, Token);
        }
        catch (SocketException)
        {
            // The server closes the connection, as it should.
        }

        var received = await reading;
        Assert.StartsWith("HTTP/1.1 413", received, StringComparison.Ordinal);
        Assert.Contains("file_too_large", received, StringComparison.Ordinal);
        Assert.InRange(sent, UploadFixture.MaxFileSize, UploadFixture.MaxFileSize + (80 << 20)); // 64 MiB are read, and buffers on the way hold some
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task A_form_whose_session_ends_meanwhile_leaves_nothing()
    {
        var sessionId = await _client.CreateAsync();
        var body = RawUpload.Body(Sample.Pdf(100_000));
        using var socket = await RawUpload.SendAsync(relay.Address, sessionId, body.Length, body.AsMemory(0, body.Length / 2));
        await UntilAsync(() => IsUploadingAsync(sessionId));
        using var cancelled = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);
        Assert.Equal(HttpStatusCode.NoContent, cancelled.StatusCode);

        await socket.SendAsync(body.AsMemory(body.Length / 2), Token);
        var received = await RawHttp.ReadAsync(socket, until: "session_closed");

        Assert.StartsWith("HTTP/1.1 410", received, StringComparison.Ordinal);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task A_slow_form_keeps_its_lease()
    {
        var sessionId = await _client.CreateAsync();
        var body = RawUpload.Body(Sample.Pdf(100_000));
        using var socket = await RawUpload.SendAsync(relay.Address, sessionId, body.Length, body.AsMemory(0, body.Length / 2));
        await UntilAsync(() => IsUploadingAsync(sessionId));
        const string sql = "SELECT lease_until FROM files JOIN sessions ON sessions.id = files.session WHERE session_id = @sessionId";
        var before = await relay.ScalarAsync<DateTime>(sql, new { sessionId });

        relay.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.NotEqual(0, await relay.Host<UploadOptions>().Services.GetRequiredService<FileLeases>().RunOnceAsync(Token));

        Assert.True(await relay.ScalarAsync<DateTime>(sql, new { sessionId }) >= before + TimeSpan.FromSeconds(30));
        await socket.SendAsync(body.AsMemory(body.Length / 2), Token);
        Assert.StartsWith("HTTP/1.1 200", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_of_a_form_that_is_still_open_count_for_its_shop_and_for_all_shops()
    {
        var prefix = await relay.ShopWithAsync("max_outstanding = 3000");
        var stored = await relay.ScalarAsync<long>("SELECT coalesce(sum(size), 0) FROM files WHERE status = 'stored'");
        await using var host = relay.StartHost<UploadOptions>(("MAX_STORED_SIZE", $"{stored + 2_000}"));
        using var client = host.Client();
        var (slow, other) = (await client.CreateAsync(prefix), await client.CreateAsync(prefix));
        var body = RawUpload.Body(Sample.Pdf(2_000), Sample.Pdf(100));
        using (var socket = await RawUpload.SendToAsync(host.Address, $"{prefix}/api/customer/sessions/{slow}/upload", body.Length, body.AsMemory(0, body.Length - 60)))
        {
            await UntilAsync(async () => await CountAsync() == 2_000);
            using (var full = await client.UploadToAsync(prefix, other, Sample.Pdf(10)))
                await full.IsProblemAsync(HttpStatusCode.InsufficientStorage, "storage_full");
            using (var full = await _client.UploadToAsync(prefix, other, Sample.Pdf(1_001)))
                await full.IsProblemAsync(HttpStatusCode.InsufficientStorage, "shop_full");
        }

        await UntilAsync(async () => await CountAsync() == 0);
        using var fits = await _client.UploadToAsync(prefix, other, Sample.Pdf(1_001));
        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);

        async Task<long> CountAsync()
        {
            await host.Services.GetRequiredService<FileLeases>().RunOnceAsync(Token);
            await host.Services.GetRequiredService<StoredSize>().RunOnceAsync(Token);
            return await relay.ScalarAsync<long>("SELECT stored + reserved FROM outstanding_of(@shop)", new { shop = prefix[3..] });
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_whose_commit_was_not_confirmed_is_reported_as_stored_and_not_sent_again(bool byTus)
    {
        var postgres = new NpgsqlConnectionStringBuilder(relay.Environment()["ConnectionStrings__cloudtab"]);
        await using var network = new TcpProxy(postgres.Port);
        (postgres.Host, postgres.Port) = ("127.0.0.1", network.Port);
        await using var host = relay.StartHost<UploadOptions>(("ConnectionStrings:cloudtab", postgres.ConnectionString));
        using var client = host.Client();
        var file = Sample.Pdf();
        var sessionId = await client.CreateAsync();
        // The lock of the shop's room blocks the statement that stores files.
        await using var blocker = await relay.Source.OpenConnectionAsync(Token);
        await using var transaction = await blocker.BeginTransactionAsync(Token);
        await blocker.ExecuteAsync("SELECT pg_advisory_xact_lock(6, hashtext('default'))", transaction: transaction);

        var sending = byTus
            ? client.CreateUploadAsync(sessionId, file.Content, TusClient.Length(file.Content.Length), TusClient.Named(file.Name))
            : client.UploadAsync(sessionId, file);
        await relay.IsWaitedForAsync(by: 1);
        network.Cut();
        network.Restore();
        await relay.IsWaitedForAsync(by: 2);
        await transaction.RollbackAsync(Token);

        using var answer = await sending;
        Assert.Equal(byTus ? HttpStatusCode.Created : HttpStatusCode.OK, answer.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_stored_file_is_never_abandoned()
    {
        var sessionId = await _client.CreateAsync();
        var file = (await _client.UploadedAsync(sessionId, Sample.Pdf()))[0].GetProperty("id").GetGuid();

        Assert.Empty(await relay.Host<UploadOptions>().Services.GetRequiredService<UploadingFiles>().GiveUpAsync([file], Token));

        Assert.Equal("stored", await relay.ScalarAsync<string>("SELECT status FROM files WHERE id = @file", new { file }));
    }

    private async Task<bool> IsUploadingAsync(string sessionId) => await relay.ScalarAsync<bool>(
        "SELECT EXISTS (SELECT FROM files JOIN sessions ON sessions.id = files.session WHERE session_id = @sessionId AND files.status = 'uploading')",
        new { sessionId });
}
