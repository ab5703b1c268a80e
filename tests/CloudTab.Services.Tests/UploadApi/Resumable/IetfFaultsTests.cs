using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using CloudTab.Relay;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>`104 (Upload Resumption Supported)`, and requests of Resumable Uploads for HTTP that break off.</summary>
public sealed partial class IetfFaultsTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private const string Version = "Upload-Draft-Interop-Version: 8\r\n";

    private readonly HttpClient _client = relay.UploadApi();

    [GeneratedRegex("\r\nLocation: (?<upload>/api/customer/uploads/[0-9a-z]{26})\r\n", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Location { get; }

    [GeneratedRegex("^HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Draft-Interop-Version: 8\r\nUpload-Offset: (?<offset>[0-9]+)\r\n\r\n", RegexOptions.ExplicitCapture | RegexOptions.Multiline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Acknowledgement { get; }

    [Theory]
    [InlineData(1_000, 400)]
    [InlineData(UploadFixture.MaxFileSize, ObjectUpload.PartSize + 400)]
    public async Task A_creation_that_was_cut_can_be_resumed_on_another_replica(int size, int sent)
    {
        var file = Sample.Pdf(size);
        var sessionId = await _client.CreateAsync();
        await using var second = relay.StartHost<UploadOptions>();
        using var other = second.Client();
        string upload;
        using (var socket = await RawHttp.SendAsync(relay.Address, Creation(sessionId, size, IetfClient.Named(file.Name)), file.Content.AsMemory(0, sent)))
            upload = UploadIn(await RawHttp.ReadAsync(socket));

        await relay.IsReleasedAsync(upload, before: 0);

        Assert.Equal((sent, false, TusClient.Number(size)), await other.RetrieveAsync(upload));
        using var rest = await other.AppendAsync(upload, sent, file.Content[sent..], isLast: true);
        Assert.Equal(HttpStatusCode.OK, rest.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_creation_whose_session_ends_leaves_nothing_although_it_was_announced()
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var sessionId = await _client.CreateAsync();
        using var socket = await RawHttp.SendAsync(relay.Address, Creation(sessionId, file.Content.Length), file.Content.AsMemory(0, 9_000_000));
        var upload = UploadIn(await RawHttp.ReadAsync(socket));
        await UntilAsync(async () => await relay.ScalarAsync<long>("SELECT received FROM uploads WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) }) > 0);

        // Nobody removes the files of this session but the request.
        using var states = new StateMachine(relay, clock: relay.Clock);
        await states.Sessions.CancelAsync(Shops.Default, sessionId, Token);

        Assert.Contains("HTTP/1.1 409", await RawHttp.ReadAsync(socket, until: "upload_interrupted"), StringComparison.Ordinal);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task A_creation_is_announced_with_address_and_limits_before_its_bytes_come()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        using var socket = await RawHttp.SendAsync(relay.Address, Creation(sessionId, 1_000));

        var interim = await RawHttp.ReadAsync(socket);

        Assert.Matches(
            $"^HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Draft-Interop-Version: 8\r\nLocation: /api/customer/uploads/[0-9a-z]{{26}}\r\nUpload-Limit: max-size={UploadFixture.MaxFileSize}, max-age=[0-9]+\r\n\r\n$",
            interim);
        await socket.SendAsync(file.Content, Token);
        var final = await RawHttp.ReadAsync(socket, until: "\r\n0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", final, StringComparison.Ordinal);
        Assert.Contains("\r\nUpload-Complete: ?1\r\n", final, StringComparison.Ordinal);
        Assert.Equal((1_000, true, "1000"), await _client.RetrieveAsync(UploadIn(interim)));

        // The connection can be used for the next request.
        await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes($"HEAD {UploadIn(interim)} HTTP/1.1\r\nHost: localhost\r\n{Version}\r\n"), Token);
        Assert.StartsWith("HTTP/1.1 204 No Content\r\n", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_waits_for_100_Continue_gets_104_and_100()
    {
        var sessionId = await _client.CreateAsync();
        using var socket = await RawHttp.SendAsync(relay.Address, $"{Creation(sessionId, 1_000)}Expect: 100-continue\r\n");

        var interim = await RawHttp.ReadAsync(socket, until: "HTTP/1.1 100 Continue\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 104 ", interim, StringComparison.Ordinal);
        await socket.SendAsync(Sample.Pdf().Content, Token);
        Assert.StartsWith("HTTP/1.1 200 ", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Durable_bytes_are_acknowledged_while_others_arrive()
    {
        var file = Sample.Pdf(UploadFixture.MaxFileSize);
        var (sessionId, upload) = await _client.BegunIetfAsync(file, TusClient.Length(file.Content.Length));
        using var socket = await RawHttp.SendAsync(
            relay.Address,
            $"PATCH {upload} HTTP/1.1\r\n{Version}Upload-Complete: ?1\r\nUpload-Offset: 0\r\nContent-Type: application/partial-upload\r\nContent-Length: {file.Content.Length}\r\n",
            file.Content.AsMemory(..^1));
        await UntilAsync(async () => await relay.ScalarAsync<long>(
            "SELECT received FROM uploads WHERE upload_id = @id", new { id = UploadFixture.IdOf(upload) }) == 2 * ObjectUpload.PartSize);

        await socket.SendAsync(file.Content.AsMemory(^1..), Token);
        var answer = await RawHttp.ReadAsync(socket, until: "HTTP/1.1 200 OK");

        var offsets = Acknowledgement.Matches(answer).Select(match => long.Parse(match.Groups["offset"].Value, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(2 * ObjectUpload.PartSize, offsets[^1]);
        Assert.Equal(offsets.Order().Distinct(), offsets);
        Assert.All(offsets, offset => Assert.Equal(0, offset % ObjectUpload.PartSize));
        Assert.DoesNotMatch(Location, answer);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Upload-Draft-Interop-Version: 7\r\n")]
    [InlineData("Upload-Draft-Interop-Version: 8\r\nX-Forwarded-For: 192.0.2.1\r\n")]
    [InlineData("Upload-Draft-Interop-Version: 8\r\nUpload-Draft-Interop-Version: 9\r\n")]
    public async Task Without_104_a_creation_that_is_cut_leaves_nothing(string version)
    {
        var sessionId = await _client.CreateAsync();
        using (var socket = await RawHttp.SendAsync(relay.Address, Creation(sessionId, 1_000).Replace(Version, version, StringComparison.Ordinal), Sample.Pdf().Content.AsMemory(0, 400)))
        {
            await UntilAsync(async () => await CountAsync(sessionId) == 1);
            socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            Assert.DoesNotContain("HTTP/1.1 104", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        }

        await UntilAsync(async () => await CountAsync(sessionId) == 0);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task A_chunked_request_that_is_cut_does_not_complete_the_upload()
    {
        var file = Sample.Pdf();
        var (sessionId, upload) = await _client.BegunIetfAsync(file);
        using (var socket = await RawHttp.SendAsync(
            relay.Address,
            $"PATCH {upload} HTTP/1.1\r\n{Version}Upload-Complete: ?1\r\nUpload-Offset: 0\r\nContent-Type: application/partial-upload\r\nTransfer-Encoding: chunked\r\n",
            (byte[])[.. "190\r\n"u8, .. file.Content[..400], .. "\r\n"u8]))
        {
            await relay.IsLockedAsync(upload);
        }

        await relay.IsReleasedAsync(upload, before: 0);
        Assert.Equal((400, false, null), await _client.RetrieveAsync(upload));
        using var rest = await _client.AppendAsync(upload, 400, file.Content[400..], isLast: true);
        await rest.IsFinalAsync(sessionId, file);
    }

    [Fact]
    public async Task No_interim_response_is_sent_over_HTTP_1_0()
    {
        var sessionId = await _client.CreateAsync();
        using var socket = await RawHttp.SendAsync(
            relay.Address, Creation(sessionId, 1_000).Replace("HTTP/1.1", "HTTP/1.0", StringComparison.Ordinal), Sample.Pdf().Content);

        Assert.StartsWith("HTTP/1.1 200 ", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stopping_replica_keeps_what_it_has_and_says_that_the_upload_is_incomplete()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var stopping = relay.StartHost<UploadOptions>();
        using var socket = await RawHttp.SendAsync(stopping.Address, Creation(sessionId, 1_000, IetfClient.Named(file.Name)), file.Content.AsMemory(0, 400));
        var upload = UploadIn(await RawHttp.ReadAsync(socket));

        await stopping.DisposeAsync();

        var answer = await RawHttp.ReadAsync(socket);
        Assert.StartsWith("HTTP/1.1 503", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nUpload-Complete: ?0\r\n", answer, StringComparison.Ordinal);
        Assert.Equal(upload, UploadIn(answer));
        using var rest = await _client.AppendAsync(upload, 400, file.Content[400..], isLast: true);
        Assert.Equal(HttpStatusCode.OK, rest.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    private static string Creation(string sessionId, int length, params IEnumerable<(string Name, string Value)> headers) =>
        $"POST {IetfClient.Creation(sessionId)} HTTP/1.1\r\n{Version}Upload-Complete: ?1\r\nContent-Length: {length}\r\n"
        + string.Concat(headers.Select(header => $"{header.Name}: {header.Value}\r\n"));

    private static string UploadIn(string answer) => Location.Match(answer) is { Success: true } match ? match.Groups["upload"].Value : throw new InvalidOperationException(answer);

    private Task<int> CountAsync(string sessionId) => relay.ScalarAsync<int>(
        "SELECT count(*) FROM files JOIN sessions ON sessions.id = files.session WHERE session_id = @sessionId", new { sessionId });
}
