using System.Net;
using System.Text;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>Why direct uploads are refused, by the service and by S3.</summary>
public sealed class DirectRefusalTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    public static TheoryData<string, string?> Unreadable => new()
    {
        { "mode", null },
        { "mode", "\"resumable\"" },
        { "size", null },
        { "size", "-1" },
        { "size", "\"many\"" },
        { "size", "\"1000\"" },
        { "size", "1e99" },
        { "sha256", null },
        { "sha256", "\"abc\"" },
        { "sha256", "\"zz00000000000000000000000000000000000000000000000000000000000000\"" },
        { "parts", "[]" },
        { "parts", "[null]" },
        { "parts", "[\"abc\"]" },
        { "parts", "\"one\"" },
    };

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task S3_accepts_only_the_announced_size(int more)
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginDirectAsync(sessionId, file);

        using var refused = await upload.Parts[0].SendPartAsync(Sample.Pdf(file.Content.Length + more).Content);

        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using var finish = await _client.FinishAsync(upload);
        await finish.IsProblemAsync(HttpStatusCode.Conflict, "parts_missing");
        await _client.WithdrawAsync(sessionId);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task S3_accepts_only_the_announced_bytes()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginDirectAsync(sessionId, file);

        using var refused = await upload.Parts[0].SendPartAsync(Sample.Pdf(file.Content.Length).Content);

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        using var finish = await _client.FinishAsync(upload);
        await finish.IsProblemAsync(HttpStatusCode.Conflict, "parts_missing");
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task An_upload_whose_file_cannot_be_printed_is_gone()
    {
        var program = new Sample("a.pdf", [0x7F, 0x45, 0x4C, 0x46, .. new byte[2_000]]);
        var (sessionId, upload) = await _client.SentAsync(program);

        using var finish = await _client.FinishAsync(upload);

        await finish.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        await _client.IsGoneAsync(upload);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task An_announcement_that_cannot_be_understood_is_refused(string member, string? value)
    {
        var sessionId = await _client.CreateAsync();
        var announced = DirectClient.Announce(Sample.Pdf());
        announced[member] = value is null ? null : System.Text.Json.Nodes.JsonNode.Parse(value);

        using var answer = await _client.AnnounceAsync(sessionId, announced);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    public async Task A_body_that_is_no_announcement_is_refused(string body)
    {
        var sessionId = await _client.CreateAsync();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");

        using var answer = await _client.PostAsync($"/api/customer/sessions/{sessionId}/files", content, Token);

        await answer.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task An_unknown_upload_cannot_be_finished()
    {
        foreach (var id in (string[])["0123456789abcdefghjkmnpqrs", "x"])
        {
            using var finish = await _client.FinishAsync(new($"/api/customer/uploads/{id}", []));
            await finish.IsProblemAsync(HttpStatusCode.NotFound, "upload_not_found");
        }
    }

    [Fact]
    public async Task A_direct_upload_accepts_no_PATCH_and_a_tus_upload_cannot_be_finished()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var direct = await _client.BeginDirectAsync(sessionId, file);
        using var patch = await _client.PatchAsync(direct.Path, 0, file.Content);
        await patch.IsProblemAsync(HttpStatusCode.Forbidden, "direct_upload");
        var resumable = await _client.BeginAsync(sessionId, file);
        using var finish = await _client.FinishAsync(new(resumable, []));
        await finish.IsProblemAsync(HttpStatusCode.NotFound, "upload_not_found");

        // tus does not specify the Content-Type of a creation.
        using var creation = TusClient.Request(HttpMethod.Post, $"/api/customer/sessions/{sessionId}/files", null, TusClient.Length(10));
        creation.Content = new ByteArrayContent([]) { Headers = { ContentType = new("application/json") } };
        using var created = await _client.SendAsync(creation, Token);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task Finishing_an_upload_of_another_protocol_does_not_interrupt_it()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var resumable = await _client.BeginAsync(sessionId, file);
        using var socket = await RawPatch.SendAsync(relay.Address, resumable, 0, file.Content.Length, file.Content.AsMemory(0, 400));
        await relay.IsLockedAsync(resumable);

        using var finish = await _client.FinishAsync(new(resumable, []));
        await finish.IsProblemAsync(HttpStatusCode.NotFound, "upload_not_found");

        await socket.SendAsync(file.Content.AsMemory(400), Token);
        Assert.StartsWith("HTTP/1.1 204", await RawHttp.ReadAsync(socket), StringComparison.Ordinal);
        await _client.WithdrawAsync(sessionId);
    }

    [Fact]
    public async Task An_announcement_over_the_size_limit_is_not_read()
    {
        var sessionId = await _client.CreateAsync();
        var announced = DirectClient.Announce(Sample.Pdf());
        announced["name"] = new string('a', 300_000);

        using var answer = await _client.AnnounceAsync(sessionId, announced);

        await answer.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "request_too_large");
    }

    [Fact]
    public async Task Direct_uploads_are_refused_if_they_are_off()
    {
        await using var host = relay.StartHost<UploadOptions>(("DIRECT_UPLOADS", "false"));
        using var client = host.Client();
        var sessionId = await client.CreateAsync();

        using var begun = await client.AnnounceAsync(sessionId, DirectClient.Announce(Sample.Pdf()));
        await begun.IsProblemAsync(HttpStatusCode.Forbidden, "direct_uploads_off");
        using var finish = await client.FinishAsync(new("/api/customer/uploads/0123456789abcdefghjkmnpqrs", []));
        await finish.IsProblemAsync(HttpStatusCode.Forbidden, "direct_uploads_off");
    }
}
