using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;

namespace CloudTab.Client;

/// <summary>Requests to the relay: each within its time, repeated if that is safe and promises something, and its refusals thrown.</summary>
internal sealed class Calls(Func<HttpClient> http, CloudTabClientOptions options, ILogger logger, TimeProvider clock)
{
    private readonly Uri _origin = options.Address!;

    public CloudTabClientOptions Options => options;

    public ILogger Logger => logger;

    public TimeProvider Clock => clock;

    /// <summary>What sends a request, or opens a socket.</summary>
    public HttpClient Http => http();

    /// <summary>A path of the relay, or an address that it gave, as an address of the relay.</summary>
    /// <exception cref="ArgumentException">It is an address of another origin, which must not see what is sent.</exception>
    public Uri AddressOf(string path)
    {
        var address = new Uri(_origin, path);
        return address.GetLeftPart(UriPartial.Authority) == _origin.GetLeftPart(UriPartial.Authority)
            ? address
            : throw new ArgumentException($"{address.GetLeftPart(UriPartial.Authority)} is not the relay.", nameof(path));
    }

    /// <summary>A request, with the key if it is for the shop.</summary>
    public HttpRequestMessage Request(HttpMethod method, string path, HttpContent? content = null, bool isShop = false)
    {
        var request = new HttpRequestMessage(method, AddressOf(path))
        {
            Content = content,
            Version = System.Net.HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        if (isShop)
            request.Headers.Add("X-API-Key", Key);
        return request;
    }

    /// <summary>The shop's key.</summary>
    /// <exception cref="InvalidOperationException">The options have none.</exception>
    public string Key => options.ApiKey ?? throw new InvalidOperationException($"Calls for a shop need {nameof(CloudTabClientOptions)}.{nameof(CloudTabClientOptions.ApiKey)}.");

    /// <summary>A body of JSON.</summary>
    public static HttpContent Json<T>(T value, JsonTypeInfo<T> type) => new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(value, type))
    {
        Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
    };

    /// <summary>Sends a request whose answer is JSON.</summary>
    /// <param name="request">Makes the request, once for each try.</param>
    /// <param name="canRepeat">Whether doing it twice is the same as doing it once.</param>
    public async Task<T> SendAsync<T>(Func<HttpRequestMessage> request, JsonTypeInfo<T> type, bool canRepeat, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(request, canRepeat, cancellationToken).ConfigureAwait(false);
        var bytes = await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        return Read(bytes, type);
    }

    /// <summary>Sends a request of which only the status counts, or the headers.</summary>
    public Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, bool canRepeat, CancellationToken cancellationToken) =>
        TryAsync(token => OnceAsync(request, HttpCompletionOption.ResponseContentRead, token), canRepeat, cancellationToken);

    /// <summary>Sends a request whose answer's body is read as it comes; a refusal is thrown. The time limit is for the headers.</summary>
    public Task<HttpResponseMessage> OpenAsync(Func<HttpRequestMessage> request, CancellationToken cancellationToken) =>
        OnceAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);

    /// <summary>Sends a request once, without a limit of its own; a refusal is thrown.</summary>
    public async Task<HttpResponseMessage> TransferAsync(HttpRequestMessage request, HttpCompletionOption completion, CancellationToken cancellationToken)
    {
        using (request)
        {
            var answer = await SendAsync(request, completion, cancellationToken).ConfigureAwait(false);
            if (answer.IsSuccessStatusCode)
                return answer;
            using (answer)
                throw await Problem.ReadAsync(answer, clock, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits before the next try of something that failed, or says that there is none.</summary>
    public async Task<bool> PauseAsync(Retries retries, Exception failure, CancellationToken cancellationToken)
    {
        if (retries.Next(failure) is not { } pause)
            return false;
        logger.TryingAgain(pause, Reason(failure));
        await Task.Delay(pause, clock, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>The value that an answer's JSON holds.</summary>
    /// <exception cref="JsonException">It holds none.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(json, type) ?? throw new JsonException("The relay answered null.");

    /// <summary>A failure without addresses: those hold session ids.</summary>
    public static string Reason(Exception failure) => failure switch
    {
        CloudTabException refusal => $"{(int)refusal.Status} {refusal.Code}",
        HttpRequestException broken => broken.HttpRequestError.ToString(),
        _ => failure.GetType().Name,
    };

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, HttpCompletionOption completion, CancellationToken cancellationToken)
    {
        try
        {
            return await http().SendAsync(request, completion, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException reset)
        {
            // Of a connection that is reset while it is opened. HttpClient lets it pass.
            throw new HttpRequestException(HttpRequestError.ConnectionError, reset.Message, reset);
        }
    }

    private async Task<HttpResponseMessage> TryAsync(Func<CancellationToken, Task<HttpResponseMessage>> send, bool canRepeat, CancellationToken cancellationToken)
    {
        for (var retries = new Retries(options); ;)
        {
            try
            {
                return await send(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception failure) when (canRepeat && Retries.IsTransient(failure))
            {
                if (!await PauseAsync(retries, failure, cancellationToken).ConfigureAwait(false))
                    throw;
            }
        }
    }

    private async Task<HttpResponseMessage> OnceAsync(Func<HttpRequestMessage> request, HttpCompletionOption completion, CancellationToken cancellationToken)
    {
        using var limit = new TimeLimit(options.Timeout, clock, cancellationToken);
        try
        {
            return await TransferAsync(request(), completion, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled) when (limit.HasPassed)
        {
            throw new TimeoutException($"The relay did not answer within {options.Timeout}.", cancelled);
        }
    }
}
