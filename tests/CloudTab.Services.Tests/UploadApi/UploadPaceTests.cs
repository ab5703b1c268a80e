using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using CloudTab.Relay;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>Clients that are slow, silent or send too much, and the others beside them.</summary>
public sealed class UploadPaceTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    [Fact]
    public async Task A_silent_form_is_answered_408_and_leaves_nothing()
    {
        await using var host = relay.StartHost<UploadOptions>(("UPLOAD_SILENCE", "1000"));
        var sessionId = await host.Client().CreateAsync();
        var body = RawUpload.Body(Sample.Pdf(100_000));

        foreach (var sent in (int[])[0, 20, 300, 50_000, body.Length - 8])
        {
            using var socket = await RawUpload.SendAsync(host.Address, sessionId, body.Length, body.AsMemory(0, sent));
            var answer = await RawHttp.ReadAsync(socket, until: "request_timeout");
            Assert.StartsWith("HTTP/1.1 408", answer, StringComparison.Ordinal);
            Assert.Contains("request_timeout", answer, StringComparison.Ordinal);
        }

        await relay.AssertNothingLeftAsync(sessionId);
        Assert.Equal(0, host.Services.GetRequiredService<UploadMemory>().InUse);
    }

    [Fact]
    public async Task The_page_reports_a_timeout_to_a_silent_browser()
    {
        await using var host = relay.StartHost<UploadOptions>(("UPLOAD_SILENCE", "1000"));
        var body = RawUpload.Body(Sample.Pdf(100_000));

        using var socket = await RawUpload.SendToAsync(host.Address, "/send", body.Length, body.AsMemory(0, 50_000));
        var answer = await RawHttp.ReadAsync(socket, until: "</html>");

        Assert.StartsWith("HTTP/1.1 408", answer, StringComparison.Ordinal);
        Assert.Contains("The connection was too slow", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Slow_uploads_of_an_address_occupy_eight_blocks_and_leave_the_rest_to_others()
    {
        const int slow = 300;
        await using var host = relay.StartHost<UploadOptions>(("UPLOAD_MEMORY", $"{4 * ObjectUpload.PartSize}"));
        using var client = host.Client();
        var memory = host.Services.GetRequiredService<UploadMemory>();
        var sessionId = await client.CreateAsync();
        var begun = Encoding.UTF8.GetBytes(RawUpload.Opening + "%PDF-1.7\n" + new string('x', 2_000));
        var sockets = await Task.WhenAll(Enumerable.Range(0, slow).Select(_ => RawUpload.SendAsync(host.Address, sessionId, 10 << 20, begun)));
        await UntilAsync(() => memory.InUse == 8 * UploadMemory.BlockSize);

        client.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.7");
        var files = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
            await client.UploadedAsync(await client.CreateAsync(), Sample.Pdf(UploadFixture.MaxFileSize))));

        Assert.All(files, stored => Assert.Single(stored));
        await UntilAsync(() => memory.InUse == 8 * UploadMemory.BlockSize);
        foreach (var socket in sockets)
            socket.Dispose();
    }

    [Fact]
    public async Task A_slow_form_is_answered_503_when_memory_runs_short()
    {
        await using var host = relay.StartHost<UploadOptions>(("UPLOAD_MEMORY", $"{ObjectUpload.PartSize}"));
        using var client = host.Client();
        var slowSession = await client.CreateAsync();
        using var socket = await RawUpload.SendAsync(host.Address, slowSession, 10 << 20, Encoding.UTF8.GetBytes(RawUpload.Opening + "%PDF-1.7\n" + new string('x', 2_000)));
        await UntilAsync(() => host.Services.GetRequiredService<UploadMemory>().InUse > 0);

        var file = Sample.Pdf(ObjectUpload.PartSize + 1_000);
        var sessionId = await client.CreateAsync();
        var stored = Assert.Single(await client.UploadedAsync(sessionId, file));
        Assert.Equal(file.Sha256, stored.GetProperty("sha256").GetString());

        var answer = await RawHttp.ReadAsync(socket, until: "too_slow");
        Assert.StartsWith("HTTP/1.1 503", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"too_slow\"", answer, StringComparison.Ordinal);
        Assert.Contains("Retry-After:", answer, StringComparison.Ordinal);
        await relay.AssertNothingLeftAsync(slowSession);
    }

    [Fact]
    public async Task An_upload_that_waits_for_memory_does_not_read_its_connection()
    {
        // At a minimum rate of 1 byte a second the slow upload keeps its memory.
        await using var host = relay.StartHost<UploadOptions>(("UPLOAD_MEMORY", $"{ObjectUpload.PartSize}"), ("UPLOAD_MINIMUM_RATE", "1"));
        using var client = host.Client();
        var memory = host.Services.GetRequiredService<UploadMemory>();
        var firstBody = RawUpload.Body(Sample.Pdf(ObjectUpload.PartSize - 1_000));
        var firstSession = await client.CreateAsync();
        using var first = await RawUpload.SendAsync(host.Address, firstSession, firstBody.Length, firstBody.AsMemory(0, firstBody.Length - 100));
        await UntilAsync(() => memory.InUse == ObjectUpload.PartSize);

        var waiting = RawUpload.Body(Sample.Pdf(UploadFixture.MaxFileSize));
        var waitingSession = await client.CreateAsync();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { SendBufferSize = 64 << 10 };
        await socket.ConnectAsync(IPAddress.Loopback, host.Address.Port, Token);
        var header = $"POST /api/customer/sessions/{waitingSession}/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {waiting.Length}\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(header), Token);

        var sent = 0;
        var sending = Task.Run(async () =>
        {
            while (sent < waiting.Length)
                sent += await socket.SendAsync(waiting.AsMemory(sent, Math.Min(64 << 10, waiting.Length - sent)), Token);
        }, Token);

        // The kernel and Kestrel buffer a few MiB; the rest is not read.
        var asLongAsItCouldHaveTaken = TimeSpan.FromSeconds(3);
        Assert.NotSame(sending, await Task.WhenAny(sending, Task.Delay(asLongAsItCouldHaveTaken, TimeProvider.System, Token)));
        Assert.InRange(Volatile.Read(ref sent), 1, 12 << 20);
        Assert.Equal(firstBody.Length / UploadMemory.BlockSize, memory.InUse / UploadMemory.BlockSize - 1);

        await first.SendAsync(firstBody.AsMemory(firstBody.Length - 100), Token);
        Assert.StartsWith("HTTP/1.1 200", await RawHttp.ReadAsync(first), StringComparison.Ordinal);
        await sending;
        Assert.StartsWith("HTTP/1.1 200", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_has_used_up_its_bytes_is_refused_and_others_are_not()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_BYTES_PER_MINUTE", "100000"));
        using var client = host.Client();
        var sessionId = await client.CreateAsync();
        await client.UploadedAsync(sessionId, Sample.Pdf(60_000));
        await client.UploadedAsync(sessionId, Sample.Pdf(60_000)); // begins within the limit, so it may finish

        using var refused = await client.UploadAsync(sessionId, Sample.Pdf(1_000));
        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        Assert.InRange(refused.Headers.RetryAfter?.Delta ?? default, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(15));

        client.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.7");
        await client.UploadedAsync(sessionId, Sample.Pdf(1_000));
        Assert.Equal(3, (await client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
    }

    [Fact]
    public async Task What_goes_to_S3_past_the_service_is_charged_when_it_is_announced()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_BYTES_PER_MINUTE", "100000"));
        using var client = host.Client();
        var direct = UploadClient.Of(Way.Direct, client);
        var sessionId = await client.CreateAsync();
        await direct.SentAsync(sessionId, Sample.Pdf(120_000));

        await direct.RefusedAsync(sessionId, Sample.Pdf(10), HttpStatusCode.TooManyRequests, "too_many_requests");
    }

    [Fact]
    public async Task X_Forwarded_For_of_an_untrusted_proxy_is_ignored()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_BYTES_PER_MINUTE", "1000"), ("TRUSTED_PROXIES", "192.0.2.0/24"));
        using var client = host.Client();
        var sessionId = await client.CreateAsync();
        await client.UploadedAsync(sessionId, Sample.Pdf(5_000));

        client.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.7");
        using var refused = await client.UploadAsync(sessionId, Sample.Pdf(1_000));

        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
    }

    [Fact]
    public async Task Announced_bytes_shut_out_nobody()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_BYTES_PER_MINUTE", "100000"));
        using var client = host.Client();
        var sessionId = await client.CreateAsync();
        var memory = host.Services.GetRequiredService<UploadMemory>();
        var begun = Encoding.UTF8.GetBytes(RawUpload.Opening + "%PDF-1.7\n" + new string('x', 2_000));
        var sockets = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => RawUpload.SendAsync(host.Address, sessionId, 10 << 20, begun)));
        await UntilAsync(() => memory.InUse == sockets.Length * UploadMemory.BlockSize);

        await client.UploadedAsync(sessionId, Sample.Pdf(1_000));

        foreach (var socket in sockets)
            socket.Dispose();
    }

    [Fact]
    public async Task Requests_that_wait_for_their_turn_do_not_slip_through_when_the_bytes_are_used_up()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_BYTES_PER_MINUTE", "300000"), ("UPLOADS_PER_ADDRESS", "1"));
        using var client = host.Client();
        var memory = host.Services.GetRequiredService<UploadMemory>();
        var sessionId = await client.CreateAsync();
        var body = RawUpload.Body(Sample.Pdf(400_000));
        using var first = await RawUpload.SendAsync(host.Address, sessionId, body.Length, body.AsMemory(0, 150_000));
        await UntilAsync(() => memory.InUse > 0);
        using var second = await RawUpload.SendAsync(host.Address, sessionId, body.Length, body.AsMemory(0, 2_000));

        await first.SendAsync(body.AsMemory(150_000), Token);
        Assert.StartsWith("HTTP/1.1 200", await RawHttp.ReadAsync(first), StringComparison.Ordinal);
        await second.SendAsync(body.AsMemory(2_000), Token);

        var answer = await RawHttp.ReadAsync(second, until: "too_many_requests");
        Assert.StartsWith("HTTP/1.1 429", answer, StringComparison.Ordinal);
        Assert.Contains("Retry-After:", answer, StringComparison.Ordinal);
        Assert.Equal(1, (await client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
    }

    [Fact]
    public async Task A_request_that_has_brought_all_its_bytes_is_not_refused_at_its_end()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_BYTES_PER_MINUTE", "100000"));
        using var client = host.Client();
        var file = Sample.Pdf(4_000);
        var (_, upload) = await client.BegunAsync(file);
        using var socket = await RawHttp.SendAsync(
            host.Address,
            $"PATCH {upload} HTTP/1.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nTransfer-Encoding: chunked\r\n",
            (byte[])[.. "7d0\r\n"u8, .. file.Content[..2_000], .. "\r\n"u8]);
        await UntilAsync(() => host.Services.GetRequiredService<UploadMemory>().InUse > 0);

        await client.UploadedAsync(await client.CreateAsync(), Sample.Pdf(150_000));
        await socket.SendAsync("0\r\n\r\n"u8.ToArray(), Token);

        Assert.StartsWith("HTTP/1.1 204", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        Assert.Equal(2_000, await client.OffsetAsync(upload));
    }

    [Theory]
    [InlineData("POST /api/customer/sessions/{0}/upload", "Content-Type: multipart/form-data; boundary=b", "session_too_large")]
    [InlineData("POST /send", "Content-Type: multipart/form-data; boundary=b", "too large together")]
    [InlineData("POST /api/customer/sessions/{0}/files", "Tus-Resumable: 1.0.0\r\nUpload-Defer-Length: 1\r\nContent-Type: application/offset+octet-stream", "file_too_large")]
    [InlineData("POST /api/customer/sessions/{0}/files", "Upload-Draft-Interop-Version: 8\r\nUpload-Complete: ?0", "file_too_large")]
    public async Task A_body_that_announces_more_than_its_session_may_hold_is_refused_at_once(string request, string headers, string text)
    {
        using var client = relay.UploadApi();
        var sessionId = await client.CreateAsync();
        foreach (var length in (long[])[3L << 30, long.MaxValue])
        {
            var head = $"{string.Format(CultureInfo.InvariantCulture, request, sessionId)} HTTP/1.1\r\n{headers}\r\nContent-Length: {length}\r\n";
            using var socket = await RawHttp.SendAsync(relay.Address, head, Encoding.UTF8.GetBytes(RawUpload.Opening + "%PDF-1.7\n" + new string('x', 2_000)));

            var answer = await RawHttp.ReadAsync(socket, until: text);

            Assert.Contains("HTTP/1.1 413", answer, StringComparison.Ordinal);
            Assert.Contains(text, answer, StringComparison.Ordinal);
        }

        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task A_shop_that_has_been_sent_its_bytes_refuses_more_from_any_address_and_others_do_not()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_SHOP_BYTES_PER_MINUTE", "100000"));
        using var client = host.Client();
        var (busy, other) = (await relay.ShopWithAsync("max_files = 9"), await relay.ShopWithAsync("max_files = 9"));
        client.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.8");
        using var stored = await client.UploadToAsync(busy, await client.CreateAsync(busy), Sample.Pdf(150_000));
        Assert.Equal(HttpStatusCode.OK, stored.StatusCode);

        client.DefaultRequestHeaders.Remove("X-Forwarded-For");
        using var refused = await client.UploadToAsync(busy, await client.CreateAsync(busy), Sample.Pdf(1_000));
        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
        using var elsewhere = await client.UploadToAsync(other, await client.CreateAsync(other), Sample.Pdf(1_000));
        Assert.Equal(HttpStatusCode.OK, elsewhere.StatusCode);
    }

    [Fact]
    public async Task A_chunked_body_is_charged_as_it_arrives()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_BYTES_PER_MINUTE", "100000"));
        using var client = host.Client();
        var sessionId = await client.CreateAsync();
        client.DefaultRequestHeaders.TransferEncodingChunked = true;
        await client.UploadedAsync(sessionId, Sample.Pdf(150_000));

        using var refused = await client.UploadAsync(sessionId, Sample.Pdf(1_000));

        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
    }
}
