using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;

namespace CloudTab.EndToEnd.Tests;

/// <summary>
/// Customers who upload one file each, one after the other, until they are told to stop. Between them they leave the machine to a replica
/// that starts. What was acknowledged to them is kept; an answer other than 200 or 503, or a 503 without Retry-After, is a mistake of the
/// relay's.
/// </summary>
public sealed class Customers(Uri origin) : IDisposable
{
    private static readonly TimeSpan BetweenUploads = TimeSpan.FromMilliseconds(250);

    private readonly HttpClient _client = new() { BaseAddress = origin, Timeout = TimeSpan.FromSeconds(60) };
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Acknowledged> _acknowledged = [];
    private readonly ConcurrentBag<string> _mistakes = [];
    private int _refused;
    private Task _all = Task.CompletedTask;

    public IReadOnlyCollection<Acknowledged> Acknowledged => _acknowledged;

    /// <summary>Requests that were answered with 503, or whose connection broke: the customer may try again.</summary>
    public int Refused => _refused;

    /// <summary>What the relay should not have answered.</summary>
    public IReadOnlyCollection<string> Mistakes => _mistakes;

    public void Start(int customers) => _all = Task.WhenAll(Enumerable.Range(0, customers).Select(_ => Task.Run(UploadAllAsync)));

    /// <summary>Lets every customer finish what was begun.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _all;
    }

    public void Dispose()
    {
        _stop.Dispose();
        _client.Dispose();
    }

    private async Task UploadAllAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (await UploadOneAsync() is { } acknowledged)
                    _acknowledged.Add(acknowledged);
                else
                    Interlocked.Increment(ref _refused);
            }
            catch (HttpRequestException)
            {
                // The replica that held this connection died.
                Interlocked.Increment(ref _refused);
            }

            await Task.Delay(BetweenUploads, TimeProvider.System, CancellationToken.None);
        }
    }

    private async Task<Acknowledged?> UploadOneAsync()
    {
        using var created = await _client.PostAsync("/api/customer/sessions/create", content: null);
        if (!await IsTakenAsync(created))
            return null;
        var session = (await created.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("sessionId").GetString()!;

        // Every tenth file is two parts long.
        var file = new byte[RandomNumberGenerator.GetInt32(10) == 0 ? 9 << 20 : RandomNumberGenerator.GetInt32(1_000, 200_000)];
        RandomNumberGenerator.Fill(file);
        "%PDF-1.7\n"u8.CopyTo(file);
        using var form = new MultipartFormDataContent { { new ByteArrayContent(file), "files", "document.pdf" } };
        using var uploaded = await _client.PostAsync($"/api/customer/sessions/{session}/upload", form);
        return await IsTakenAsync(uploaded) ? new(session, SHA256.HashData(file)) : null;
    }

    private async Task<bool> IsTakenAsync(HttpResponseMessage response)
    {
        if (response.StatusCode == HttpStatusCode.OK)
            return true;
        if (response.StatusCode != HttpStatusCode.ServiceUnavailable || response.Headers.RetryAfter is null)
            _mistakes.Add($"{(int)response.StatusCode} {response.RequestMessage!.RequestUri!.AbsolutePath}: {await response.Content.ReadAsStringAsync()}");
        return false;
    }
}

/// <summary>A session whose upload was answered with 200, and what its file must hash to.</summary>
public sealed record Acknowledged(string SessionId, byte[] Sha256);
