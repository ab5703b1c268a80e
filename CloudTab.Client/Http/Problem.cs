using System.Net.Http.Headers;
using System.Text.Json;

namespace CloudTab.Client;

/// <summary>Problem details (RFC 9457) as the relay sends them.</summary>
internal sealed record Problem(string? Code, string? Title, string? Detail, string? TraceId)
{
    // A proxy's page of errors may be of any length.
    private const int Longest = 64 << 10;

    /// <summary>The refusal that an answer is.</summary>
    public static async Task<CloudTabException> ReadAsync(HttpResponseMessage answer, TimeProvider clock, CancellationToken cancellationToken)
    {
        var problem = await TryReadAsync(answer.Content, cancellationToken).ConfigureAwait(false);
        return new(
            answer.StatusCode,
            problem?.Code,
            problem?.Detail ?? problem?.Title ?? $"The relay answered {(int)answer.StatusCode} {answer.ReasonPhrase}.",
            After(answer.Headers.RetryAfter, clock),
            problem?.TraceId);
    }

    /// <summary>`Retry-After` as a time from now on (RFC 9110, section 10.2.3).</summary>
    public static TimeSpan? After(RetryConditionHeaderValue? header, TimeProvider clock)
    {
        var after = header?.Delta ?? header?.Date - clock.GetUtcNow();
        return after < TimeSpan.Zero ? TimeSpan.Zero : after;
    }

    private static async Task<Problem?> TryReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentType?.MediaType != "application/problem+json")
            return null;
        try
        {
            await content.LoadIntoBufferAsync(Longest, cancellationToken).ConfigureAwait(false);
            var bytes = await content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            return JsonSerializer.Deserialize(bytes, JsonContext.Default.Problem);
        }
        catch (Exception unreadable) when (unreadable is JsonException or HttpRequestException or IOException)
        {
            return null; // The status says enough.
        }
    }
}
