using System.Net;
using System.Security.Cryptography;
using CloudTab.Relay;
using CloudTab.UploadApi;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>The extension concatenation: a file that comes in parallel parts.</summary>
public sealed class TusConcatenationTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Theory]
    [InlineData(10, 3)]
    [InlineData(3_000, 3)]
    [InlineData(UploadFixture.MaxFileSize, 2)]
    [InlineData(UploadFixture.MaxFileSize, 4)]
    public async Task Parts_uploaded_in_parallel_become_one_file(int size, int count)
    {
        var file = Sample.Pdf(size);
        var sessionId = await _client.CreateAsync();
        var parts = await Task.WhenAll(Enumerable.Range(0, count).Select(i => PartAsync(sessionId, file.Content[(i * size / count)..((i + 1) * size / count)])));
        var session = await _client.StatusAsync(sessionId);
        Assert.Equal((0, 0), (session.GetProperty("fileCount").GetInt32(), session.GetProperty("files").GetArrayLength()));

        using var answer = await ConcatenateAsync(sessionId, parts, file);

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
        using var head = await _client.HeadAsync(answer.Headers.Location!.ToString());
        Assert.Equal(size, head.Number("Upload-Offset"));
        Assert.Equal(size, head.Number("Upload-Length"));
        Assert.Equal($"final;{string.Join(' ', parts)}", head.Header("Upload-Concat"));
        Assert.Equal(TusClient.Named(file.Name).Value, head.Header("Upload-Metadata"));
    }

    [Fact]
    public async Task Parts_are_concatenated_in_the_listed_order()
    {
        var sessionId = await _client.CreateAsync();
        var second = await PartAsync(sessionId, "world "u8.ToArray());
        var first = await PartAsync(sessionId, "hello "u8.ToArray());
        var file = new Sample("a.txt", "hello world "u8.ToArray());

        using var answer = await ConcatenateAsync(sessionId, [$"{relay.Address}{first[1..]}", second], file);

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task A_part_is_named_once_and_a_file_has_a_hundred_parts_at_most()
    {
        var sessionId = await _client.CreateAsync();
        var part = await PartAsync(sessionId, "x"u8.ToArray());

        using var twice = await ConcatenateAsync(sessionId, [part, $"{relay.Address}{part[1..]}"], Sample.Pdf());
        await twice.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        using var often = await ConcatenateAsync(sessionId, Enumerable.Repeat(part, 400), Sample.Pdf());
        await often.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");
        using var many = await ConcatenateAsync(sessionId, Enumerable.Range(0, 101).Select(number => $"/{number}"), Sample.Pdf());
        await many.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");

        var parts = await Task.WhenAll(Enumerable.Range(0, 99).Select(_ => PartAsync(sessionId, "x"u8.ToArray())));
        var file = Sample.Text();
        using var hundred = await ConcatenateAsync(sessionId, [part, .. parts], file);
        Assert.Equal(HttpStatusCode.Created, hundred.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task The_bytes_of_parts_are_charged_once_more()
    {
        await using var host = relay.StartHost<UploadOptions>(("RATE_LIMIT_BYTES_PER_MINUTE", "100000"));
        using var client = host.Client();
        var sessionId = await client.CreateAsync();
        var file = Sample.Pdf(60_000);
        using var part = await client.CreateUploadAsync(sessionId, file.Content, TusClient.Length(file.Content.Length), ("Upload-Concat", "partial"));
        using var final = await client.CreateUploadAsync(sessionId, null, ("Upload-Concat", $"final;{part.Headers.Location}"), TusClient.Named(file.Name));
        Assert.Equal(HttpStatusCode.Created, final.StatusCode);

        using var refused = await client.CreateUploadAsync(sessionId, null, TusClient.Length(10));

        await refused.IsProblemAsync(HttpStatusCode.TooManyRequests, "too_many_requests");
    }

    [Fact]
    public async Task A_part_is_an_upload_like_any_other()
    {
        var file = Sample.Pdf(ObjectUpload.PartSize + 2_000);
        var sessionId = await _client.CreateAsync();
        using var created = await _client.CreateUploadAsync(sessionId, null, TusClient.Length(file.Content.Length), ("Upload-Concat", "partial"));
        var part = created.Headers.Location!.ToString();
        foreach (var (from, to) in ((int, int)[])[(0, 1_000), (1_000, ObjectUpload.PartSize + 500), (ObjectUpload.PartSize + 500, file.Content.Length)])
        {
            using var patched = await _client.PatchAsync(part, from, file.Content[from..to]);
            Assert.Equal(HttpStatusCode.NoContent, patched.StatusCode);
            using var head = await _client.HeadAsync(part);
            Assert.Equal(to, head.Number("Upload-Offset"));
            Assert.Equal("partial", head.Header("Upload-Concat"));
        }

        using var answer = await ConcatenateAsync(sessionId, [part], file);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task Repeating_a_concatenation_after_a_lost_answer_makes_no_second_file()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var parts = await Task.WhenAll(PartAsync(sessionId, file.Content[..500]), PartAsync(sessionId, file.Content[500..]));
        using var first = await ConcatenateAsync(sessionId, parts, file);

        using var again = await ConcatenateAsync(sessionId, parts, file);

        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        Assert.Equal(first.Headers.Location, again.Headers.Location);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task Repeating_a_concatenation_in_progress_makes_no_second_file_and_loses_none()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var part = await PartAsync(sessionId, file.Content);
        // A lock on the part's row blocks the statement that stores the file, and nothing before it.
        await using var blocker = await relay.Source.OpenConnectionAsync(Token);
        await using var transaction = await blocker.BeginTransactionAsync(Token);
        await blocker.ExecuteAsync("SELECT FROM files JOIN uploads ON uploads.file = files.id WHERE upload_id = @id FOR UPDATE OF files", new { id = UploadFixture.IdOf(part) }, transaction);
        var asked = ConcatenateAsync(sessionId, [part], file);
        await relay.IsWaitedForAsync(by: 1);

        var again = ConcatenateAsync(sessionId, [part], file);
        await relay.IsWaitedForAsync(by: 2);
        await transaction.RollbackAsync(Token);

        using var first = await asked;
        using var second = await again;
        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created), (first.StatusCode, second.StatusCode));
        Assert.Equal(first.Headers.Location, second.Headers.Location);
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task Only_one_of_several_files_made_of_the_same_parts_at_once_is_stored()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var part = await PartAsync(sessionId, file.Content);
        var consumed = await relay.ScalarAsync<Guid>("SELECT file FROM uploads WHERE upload_id = @id", new { id = UploadFixture.IdOf(part) });
        var limits = new SessionLimits(50, 1 << 20);
        var services = relay.Host<UploadOptions>().Services;

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 4).Select(async number =>
        {
            var wanted = new NewUpload(file.Name, file.Content.Length, null, null, null, $"final;{number}");
            var (_, upload) = await services.GetRequiredService<UploadCreation>().CreateAsync("default", sessionId, wanted, printOptions: null, limits, Guid.NewGuid(), Token);
            var stored = new UploadedFile(upload!.File!.Value, file.Name, "application/pdf", file.Content.Length, SHA256.HashData(file.Content));
            return await services.GetRequiredService<StoredFiles>().StoreResumedAsync(upload, stored, [consumed], limits, Token);
        }));

        Assert.Equal([Outcome.Done, Outcome.LeaseLost, Outcome.LeaseLost, Outcome.LeaseLost], outcomes.OrderBy(outcome => outcome != Outcome.Done));
        using var withdrawn = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);
    }

    [Fact]
    public async Task Parts_are_consumed_by_their_file()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var part = await PartAsync(sessionId, file.Content);
        using var first = await ConcatenateAsync(sessionId, [part], file);

        using var another = await ConcatenateAsync(sessionId, [part], file, ("Upload-Concat", $"final;{relay.Address}{part[1..]}"));
        await another.IsProblemAsync(HttpStatusCode.Gone, "upload_gone");
        using var patch = await _client.PatchAsync(part, file.Content.Length, []);
        await patch.IsProblemAsync(HttpStatusCode.Gone, "upload_gone");
        // A client that never got the answer asks for the offset first; without it, it would send everything again.
        Assert.Equal(file.Content.Length, await _client.OffsetAsync(part));
        using var withdrawn = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);
        using var head = await _client.HeadAsync(part);
        Assert.Equal(HttpStatusCode.Gone, head.StatusCode);
    }

    [Fact]
    public async Task Nothing_can_be_appended_to_a_final_upload()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        using var final = await ConcatenateAsync(sessionId, [await PartAsync(sessionId, file.Content)], file);

        using var answer = await _client.PatchAsync(final.Headers.Location!.ToString(), file.Content.Length, [1]);

        await answer.IsProblemAsync(HttpStatusCode.Forbidden, "final_upload");
        await relay.AssertHoldsAsync(sessionId, file);
    }

    [Fact]
    public async Task Only_complete_parts_of_the_same_session_become_a_file()
    {
        var file = Sample.Pdf();
        var sessionId = await _client.CreateAsync();
        var part = await PartAsync(sessionId, file.Content[..500]);

        using var unfinished = await _client.CreateUploadAsync(sessionId, file.Content[..100], TusClient.Length(500), ("Upload-Concat", "partial"));
        using var early = await ConcatenateAsync(sessionId, [part, unfinished.Headers.Location!.ToString()], file);
        await early.IsProblemAsync(HttpStatusCode.Conflict, "upload_unfinished");
        using var whole = await ConcatenateAsync(sessionId, [part, await _client.BeginAsync(sessionId, file)], file);
        await whole.IsProblemAsync(HttpStatusCode.Conflict, "upload_unfinished");
        var elsewhere = await PartAsync(await _client.CreateAsync(), file.Content[500..]);
        using var foreign = await ConcatenateAsync(sessionId, [part, elsewhere], file);
        await foreign.IsProblemAsync(HttpStatusCode.NotFound, "upload_not_found");
        using var none = await ConcatenateAsync(sessionId, [], file);
        await none.IsProblemAsync(HttpStatusCode.BadRequest, "invalid_request");

        Assert.Equal(500, await _client.OffsetAsync(part));
    }

    [Fact]
    public async Task The_concatenated_file_is_inspected_and_refused_parts_are_kept()
    {
        var sessionId = await _client.CreateAsync();
        var (head, rest) = (await PartAsync(sessionId, [0x7F, 0x45, 0x4C, 0x46]), await PartAsync(sessionId, new byte[2_000]));
        var file = new Sample("a.pdf", [1]);

        using var program = await ConcatenateAsync(sessionId, [head, rest], file);
        await program.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        var text = await PartAsync(sessionId, "text"u8.ToArray());
        using var wrong = await ConcatenateAsync(
            sessionId, [text], file, TusClient.Metadata(("sha256", Convert.ToHexStringLower(SHA256.HashData([1])))));
        await wrong.IsProblemAsync((HttpStatusCode)460, "checksum_mismatch");

        Assert.Equal(4, await _client.OffsetAsync(text));
        Assert.Equal(0, (await _client.StatusAsync(sessionId)).GetProperty("fileCount").GetInt32());
        using var withdrawn = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);
        await relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task The_sum_of_the_parts_is_held_to_the_file_limit()
    {
        var sessionId = await _client.CreateAsync();
        var half = Sample.Pdf((UploadFixture.MaxFileSize / 2) + 1).Content;

        using var answer = await ConcatenateAsync(sessionId, [await PartAsync(sessionId, half), await PartAsync(sessionId, half)], Sample.Pdf());

        await answer.IsProblemAsync(HttpStatusCode.RequestEntityTooLarge, "file_too_large");
        using var withdrawn = await _client.DeleteAsync($"/api/customer/sessions/{sessionId}", Token);
    }

    private async Task<string> PartAsync(string sessionId, byte[] content)
    {
        using var created = await _client.CreateUploadAsync(sessionId, content, TusClient.Length(content.Length), ("Upload-Concat", "partial"));
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Equal(content.Length, created.Number("Upload-Offset"));
        return created.Headers.Location!.ToString();
    }

    private Task<HttpResponseMessage> ConcatenateAsync(
        string sessionId, IEnumerable<string> parts, Sample file, params (string Name, string Value)[] headers) =>
        _client.CreateUploadAsync(sessionId, null, [("Upload-Concat", $"final;{string.Join(' ', parts)}"), TusClient.Named(file.Name), .. headers]);
}
