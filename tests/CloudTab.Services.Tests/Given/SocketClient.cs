using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace CloudTab.Services.Tests;

/// <summary>A shop's PC on the socket. Every wait is bounded.</summary>
internal sealed class SocketClient : IDisposable
{
    private readonly byte[] _buffer = new byte[1 << 20];

    private SocketClient()
    {
    }

    public ClientWebSocket Socket { get; } = new();

    public static async Task<SocketClient> ConnectAsync(Uri address, HttpMessageInvoker? over = null, params IEnumerable<(string Name, string Value)> headers)
    {
        var client = new SocketClient();
        foreach (var (name, value) in headers)
            client.Socket.Options.SetRequestHeader(name, value);
        using var limit = Bounded();
        await client.Socket.ConnectAsync(address, over, limit.Token);
        return client;
    }

    /// <summary>A socket that has authenticated and not yet read its pending list.</summary>
    public static async Task<SocketClient> AuthenticatedAsync(
        Uri address, string key, HttpMessageInvoker? over = null, params IEnumerable<(string Name, string Value)> headers)
    {
        var client = await ConnectAsync(address, over, headers);
        await client.SendAsync(new { type = "authenticate", apiKey = key });
        Assert.Equal("authenticated", (await client.NextAsync()).Text("type"));
        return client;
    }

    /// <summary>A socket that has authenticated and read its pending list.</summary>
    public static async Task<SocketClient> ReadyAsync(Uri address, string key)
    {
        var client = await AuthenticatedAsync(address, key);
        Assert.Equal("pending_sessions", (await client.NextAsync()).Text("type"));
        return client;
    }

    public Task SendAsync(object message) => SendTextAsync(JsonSerializer.Serialize(message));

    public async Task SendTextAsync(string text, WebSocketMessageType type = WebSocketMessageType.Text, bool endOfMessage = true)
    {
        using var limit = Bounded();
        await Socket.SendAsync(Encoding.UTF8.GetBytes(text), type, endOfMessage, limit.Token);
    }

    /// <summary>The next message.</summary>
    public async Task<JsonElement> NextAsync()
    {
        using var limit = Bounded();
        return await TryNextAsync(limit.Token) ?? throw new InvalidOperationException($"Closed with {Socket.CloseStatus}: {Socket.CloseStatusDescription}");
    }

    /// <summary>The next message, or null if the server closes.</summary>
    public async Task<JsonElement?> TryNextAsync()
    {
        using var limit = Bounded();
        return await TryNextAsync(limit.Token);
    }

    /// <summary>The next message of a type; others are skipped.</summary>
    public async Task<JsonElement> NextAsync(string type)
    {
        while (true)
        {
            var message = await NextAsync();
            if (message.Text("type") == type)
                return message;
        }
    }

    /// <summary>Sends a message and takes the next one as its answer.</summary>
    public async Task<JsonElement> AskAsync(object message)
    {
        await SendAsync(message);
        return await NextAsync();
    }

    /// <summary>Reads to the end.</summary>
    /// <returns>The code that the server closed with.</returns>
    public async Task<int> CloseCodeAsync()
    {
        using var limit = Bounded();
        while (await TryNextAsync(limit.Token) is not null)
        {
        }

        var code = (int)Socket.CloseStatus!.Value;
        await Socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token);
        return code;
    }

    public void Dispose() => Socket.Dispose();

    private async Task<JsonElement?> TryNextAsync(CancellationToken cancellationToken)
    {
        var length = 0;
        while (true)
        {
            var part = await Socket.ReceiveAsync(_buffer.AsMemory(length), cancellationToken);
            if (part.MessageType == WebSocketMessageType.Close)
                return null;
            Assert.Equal(WebSocketMessageType.Text, part.MessageType);
            length += part.Count;
            if (part.EndOfMessage)
                return JsonElement.Parse(_buffer.AsSpan(0, length));
        }
    }
}
