using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text.Json;

namespace CloudTab.Testing;

/// <summary>
/// The PC of a shop: a socket that is opened again whenever it closes, and remembers every session it was told of; and the calls by
/// which a session is printed.
/// </summary>
public sealed class ShopPc : IAsyncDisposable
{
    private readonly Uri _origin;
    private readonly string _key;
    private readonly HttpClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, bool> _announced = new(StringComparer.Ordinal);
    private readonly Task _listening;
    private int _connections;

    public ShopPc(Uri origin, string key)
    {
        _origin = origin;
        _key = key;
        _client = new HttpClient { BaseAddress = origin, DefaultRequestHeaders = { { "X-API-Key", key } } };
        _listening = Task.Run(ListenAsync);
    }

    /// <summary>How often the socket was opened.</summary>
    public int Connections => _connections;

    public bool WasToldOf(string sessionId) => _announced.ContainsKey(sessionId);

    /// <summary>Claims, downloads and completes a session; retries while the relay is unavailable, until the token ends it.</summary>
    /// <returns>SHA-256 of each of its files.</returns>
    public async Task<List<byte[]>> PrintAsync(string sessionId, CancellationToken cancellationToken)
    {
        var claimed = await SendAsync(HttpMethod.Post, $"/api/shopkeeper/sessions/{sessionId}/claim", cancellationToken);
        var session = JsonDocument.Parse(claimed).RootElement.GetProperty("session");
        var hashes = new List<byte[]>();
        foreach (var file in session.GetProperty("files").EnumerateArray())
            hashes.Add(SHA256.HashData(await SendAsync(HttpMethod.Get, $"/api/shopkeeper/files/{file.GetProperty("id").GetString()}/download", cancellationToken)));
        await SendAsync(HttpMethod.Post, $"/api/shopkeeper/sessions/{sessionId}/complete", cancellationToken);
        return hashes;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _listening;
        _stop.Dispose();
        _client.Dispose();
    }

    private async Task<byte[]> SendAsync(HttpMethod method, string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                using var request = new HttpRequestMessage(method, path);
                using var response = await _client.SendAsync(request, cancellationToken);
                if ((int)response.StatusCode != 503)
                    return await response.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync(cancellationToken);
            }
            catch (HttpRequestException broken) when (broken.StatusCode is null)
            {
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, cancellationToken);
        }
    }

    private async Task ListenAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var socket = await ShopConnection.ConnectAsync(_origin, _stop.Token);
                Interlocked.Increment(ref _connections);
                await socket.SendAsync(new { type = "authenticate", apiKey = _key });
                while (await socket.NextAsync() is { } message)
                    Note(message);
            }
            catch (Exception closed) when (closed is WebSocketException or OperationCanceledException or HttpRequestException)
            {
                // Open it again, as a shop's PC does.
            }
        }
    }

    private void Note(JsonElement message)
    {
        switch (message.GetProperty("type").GetString())
        {
            case "new_session":
                _announced[message.GetProperty("sessionId").GetString()!] = true;
                break;
            case "pending_sessions":
                foreach (var session in message.GetProperty("sessions").EnumerateArray())
                    _announced[session.GetProperty("sessionId").GetString()!] = true;
                break;
        }
    }
}
