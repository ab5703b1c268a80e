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
        var sessionId = await _client.CreateAsync();
        using var socket = await RawUpload.SendAsync(relay.Address, sessionId, 5L << 30, Encoding.UTF8.GetBytes(RawUpload.Opening + "%PDF-1.7\n"));
        var received = new StringBuilder();
        var reading = RawUpload.ReadAnswerAsync(socket, received);

        var block = new byte[1 << 20];
        long sent = 0;
        try
        {
            while (sent < 5L << 30)
                sent += await socket.SendAsync(block, Token);
        }
        catch (SocketException)
        {
            // Closed in our face, as it should be.
        }

        await reading;
        Assert.StartsWith("HTTP/1.1 413", received.ToString(), StringComparison.Ordinal);
        Assert.Contains("file_too_large", received.ToString(), StringComparison.Ordinal);
        Assert.InRange(sent, UploadFixture.MaxFileSize, UploadFixture.MaxFileSize + (64 << 20));
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

        var received = new StringBuilder();
        await socket.SendAsync(body.AsMemory(body.Length / 2), Token);
        await RawUpload.ReadAnswerAsync(socket, received, until: "session_closed");

        Assert.StartsWith("HTTP/1.1 410", received.ToString(), StringComparison.Ordinal);
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
        var received = new StringBuilder();
        await RawUpload.ReadAnswerAsync(socket, received, until: "uploaded.");
        Assert.StartsWith("HTTP/1.1 200", received.ToString(), StringComparison.Ordinal);
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
        // A lock on the shop's row blocks the statement that stores files, at its end.
        await using var holder = await relay.Source.OpenConnectionAsync(Token);
        await using var transaction = await holder.BeginTransactionAsync(Token);
        await holder.ExecuteAsync("SELECT FROM shops FOR NO KEY UPDATE", transaction: transaction);

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

    [Theory]
    [InlineData("ACCEPTED_TYPES", "application/pdf,text/html")]
    [InlineData("MAX_FILE_SIZE", "0")]
    [InlineData("MAX_FILE_SIZE", "many")]
    [InlineData("MAX_FILE_SIZE", "83886080001")] // a byte more than 10,000 parts have
    [InlineData("MAX_SESSION_SIZE", "5")]
    [InlineData("MAX_FILES_PER_SESSION", "-1")]
    public async Task A_bad_setting_stops_the_start_with_a_line_that_names_it(string name, string value)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["ConnectionStrings__cloudtab"] = "Host=127.0.0.1",
            ["AWS_S3_BUCKET"] = "none",
            [name] = value,
        };
        await using var process = await ChildProcess.StartAsync("CloudTab.UploadApi", environment, null, Token);

        Assert.Equal(78, await process.WaitForExitAsync(Token));
        await UntilAsync(() => process.Output.Length > 0);
        Assert.Contains(name.Replace("_PER_SESSION", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal),
            process.Output.Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
    }

    private async Task<bool> IsUploadingAsync(string sessionId) => await relay.ScalarAsync<bool>(
        "SELECT EXISTS (SELECT FROM files JOIN sessions ON sessions.id = files.session WHERE session_id = @sessionId AND files.status = 'uploading')",
        new { sessionId });
}
