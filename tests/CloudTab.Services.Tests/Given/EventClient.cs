using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CloudTab.Services.Tests;

/// <summary>A customer's page on its stream of events, read by the framework's parser. Every wait is bounded.</summary>
internal sealed class EventClient : IAsyncDisposable
{
    private readonly HttpResponseMessage _answer;
    private readonly SseParser<string> _parser;
    private readonly IAsyncEnumerator<SseItem<string>> _items;
    private string? _session;

    private EventClient(HttpResponseMessage answer, Stream body)
    {
        _answer = answer;
        _parser = SseParser.Create(body);
        _items = _parser.EnumerateAsync(Token).GetAsyncEnumerator(Token);
    }

    /// <summary>The id of the last event.</summary>
    public string LastEventId => _parser.LastEventId;

    public HttpResponseMessage Answer => _answer;

    public static string AddressOf(string sessionId, string prefix = "") => $"{prefix}/api/customer/sessions/{sessionId}/events";

    /// <summary>Asks for a stream.</summary>
    public static async Task<HttpResponseMessage> AskAsync(HttpClient http, string address, string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address) { Version = http.DefaultRequestVersion, VersionPolicy = http.DefaultVersionPolicy };
        if (lastEventId is not null)
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        using var limit = Bounded();
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
    }

    /// <summary>Opens a stream.</summary>
    public static async Task<EventClient> OpenAsync(HttpClient http, string address, string? lastEventId = null)
    {
        var events = await TryOpenAsync(http, address, lastEventId);
        Assert.NotNull(events);
        return events;
    }

    /// <summary>Opens a stream, or returns null if it is refused.</summary>
    public static async Task<EventClient?> TryOpenAsync(HttpClient http, string address, string? lastEventId = null)
    {
        var answer = await AskAsync(http, address, lastEventId);
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            answer.Dispose();
            return null;
        }

        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.ToString());
        return new(answer, await answer.Content.ReadAsStreamAsync(Token));
    }

    /// <summary>The next event, or null if the server has ended the stream.</summary>
    public async Task<(string Type, JsonElement Data)?> TryNextAsync()
    {
        using var limit = Bounded();
        if (!await _items.MoveNextAsync().AsTask().WaitAsync(limit.Token))
            return null;
        return (_items.Current.EventType, JsonElement.Parse(_items.Current.Data));
    }

    /// <summary>The data of the next event, which is of this type.</summary>
    public async Task<JsonElement> NextAsync(string type)
    {
        var next = await TryNextAsync();
        Assert.Equal(type, next?.Type);
        return next!.Value.Data;
    }

    /// <summary>
    /// The next event is a session in this state. One that says only that the session was prolonged is passed over: a file that comes in
    /// prolongs its session before it is stored, and whether that is told depends on when the loop looks. None tells the same twice.
    /// </summary>
    public async Task<JsonElement> NextStatusAsync(string status)
    {
        JsonElement session;
        string? before;
        do
        {
            before = _session;
            session = await NextAsync("status");
            _session = session.GetRawText();
            Assert.NotEqual(before, _session);
        }
        while (before is not null && BesidesTimeAndPlace(before) == BesidesTimeAndPlace(_session));
        Assert.Equal(status, session.Text("status"));
        return session;
    }

    /// <summary>The next event is this place.</summary>
    public async Task NextPlaceAsync(int token, int before)
    {
        var place = await NextAsync("queue");
        Assert.Equal((token, before), (place.GetProperty("token").GetInt32(), place.GetProperty("before").GetInt32()));
    }

    /// <summary>The data of the last event of a stream. The session may be told again before, with its files gone or with its receipt.</summary>
    public async Task<JsonElement> LastAsync(string status)
    {
        (string Type, JsonElement Data)? next;
        while ((next = await TryNextAsync())?.Type == "status")
            Assert.Equal(status, next.Value.Data.Text("status"));
        Assert.Equal("deleted", next?.Type);
        await EndsAsync();
        return next!.Value.Data;
    }

    /// <summary>Asserts that the server ends the stream now.</summary>
    public async Task EndsAsync() => Assert.Null(await TryNextAsync());

    private static string BesidesTimeAndPlace(string session)
    {
        var all = JsonNode.Parse(session)!.AsObject();
        all.Remove("expiresAt");
        all.Remove("queue");
        return all.ToJsonString();
    }

    public async ValueTask DisposeAsync()
    {
        _answer.Dispose();
        try
        {
            await _items.DisposeAsync();
        }
        catch (Exception unread) when (unread is NotSupportedException or IOException or OperationCanceledException)
        {
            // A read was still waiting.
        }
    }
}
