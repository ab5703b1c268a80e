using System.Net;

namespace CloudTab.Services.Tests;

/// <summary>What a session can hold, by Resumable Uploads for HTTP.</summary>
public sealed class IetfLimitsTests(SmallLimitsFixture relay) : IClassFixture<SmallLimitsFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task Neither_more_files_nor_more_bytes_than_a_session_can_hold_are_begun()
    {
        var sessionId = await _client.CreateAsync();
        using var first = await _client.CreateIetfAsync(sessionId, Sample.Pdf(1_000).Content, isWhole: true);
        using var second = await _client.CreateIetfAsync(sessionId, Sample.Pdf(1_000).Content, isWhole: true);
        Assert.Equal(HttpStatusCode.OK, second.StatusCode);

        using var tooLarge = await _client.CreateIetfAsync(sessionId, Sample.Pdf(501).Content, isWhole: true);
        await tooLarge.IsRefusalAsync(HttpStatusCode.RequestEntityTooLarge, "session_too_large", isFinal: true);
        using var third = await _client.CreateIetfAsync(sessionId, Sample.Pdf(500).Content, isWhole: true);
        Assert.Equal(HttpStatusCode.OK, third.StatusCode);
        using var tooMany = await _client.CreateIetfAsync(sessionId, Sample.Pdf(10).Content, isWhole: true);
        await tooMany.IsRefusalAsync(HttpStatusCode.RequestEntityTooLarge, "too_many_files", isFinal: true);
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 3);
    }

    [Fact]
    public async Task What_turns_out_too_large_for_the_session_at_its_end_is_the_final_answer()
    {
        var sessionId = await _client.CreateAsync();
        var upload = await _client.BeginIetfAsync(sessionId, Sample.Pdf());
        foreach (var _ in (int[])[1, 2])
        {
            using var other = await _client.CreateIetfAsync(sessionId, Sample.Pdf(1_000).Content, isWhole: true);
            Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        }

        using var answer = await _client.AppendAsync(upload, 0, Sample.Pdf(900).Content, isLast: true);

        await answer.IsRefusalAsync(HttpStatusCode.RequestEntityTooLarge, "session_too_large", isFinal: true);
        await relay.AssertNothingLeftAsync(sessionId, filesHeld: 2);
    }
}
