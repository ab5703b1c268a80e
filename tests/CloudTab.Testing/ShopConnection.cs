using System.Net.WebSockets;
using System.Text.Json;

namespace CloudTab.Testing;

/// <summary>One socket of a shop's PC, message by message.</summary>
public sealed class ShopConnection : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly byte[] _buffer = new byte[1 << 20];
    private readonly CancellationToken _token;

    private ShopConnection(CancellationToken cancellationToken) => _token = cancellationToken;

    public static async Task<ShopConnection> ConnectAsync(Uri origin, CancellationToken cancellationToken)
    {
        var connection = new ShopConnection(cancellationToken);
        await connection._socket.ConnectAsync(new UriBuilder(origin) { Scheme = "ws", Path = "/ws" }.Uri, cancellationToken);
        return connection;
    }

    /// <summary>A socket that has authenticated and got its pending list.</summary>
    public static async Task<ShopConnection> OpenAsync(Uri origin, string key, CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync(origin, cancellationToken);
        await connection.AskAsync(new { type = "authenticate", apiKey = key }, "authenticated");
        await connection.NextAsync("pending_sessions");
        return connection;
    }

    public Task SendAsync(object message) =>
        _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, endOfMessage: true, _token);

    /// <summary>Sends a message, and waits for one of a type.</summary>
    public async Task<JsonElement> AskAsync(object message, string answer)
    {
        await SendAsync(message);
        return await NextAsync(answer);
    }

    /// <summary>The next message of a type; others are skipped.</summary>
    public async Task<JsonElement> NextAsync(string type)
    {
        while (await NextAsync() is { } message)
        {
            if (message.GetProperty("type").GetString() == type)
                return message;
        }

        throw new WebSocketException(WebSocketError.ConnectionClosedPrematurely);
    }

    /// <summary>The next message; null if the relay closes the socket.</summary>
    public async Task<JsonElement?> NextAsync()
    {
        var length = 0;
        ValueWebSocketReceiveResult received;
        do
        {
            received = await _socket.ReceiveAsync(_buffer.AsMemory(length), _token);
            length += received.Count;
        }
        while (!received.EndOfMessage);
        return received.MessageType == WebSocketMessageType.Text ? JsonSerializer.Deserialize<JsonElement>(_buffer.AsSpan(0, length)) : null;
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
