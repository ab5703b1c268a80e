using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using CloudTab.Client;

namespace CloudTab.Clients.Tests;

/// <summary>Clients of the library, and what they send.</summary>
internal static class ClientOf
{
    /// <summary>A client of the relay's default shop.</summary>
    /// <param name="through">A network in between; null: none.</param>
    public static CloudTabClient Client(this RunningRelay relay, Testing.TcpProxy? through = null, HttpMessageHandler? handler = null, string? key = null, int maxRetries = 4) => new(
        new CloudTabClientOptions
        {
            Address = through is null ? relay.Processes.Origin : new Uri($"http://127.0.0.1:{through.Port}"),
            ApiKey = key ?? relay.Processes.Key,
            MaxRetries = maxRetries,
            MaxRetryDelay = TimeSpan.FromSeconds(2),
        },
        handler);

    /// <summary>A PDF of so many bytes.</summary>
    public static byte[] Pdf(int size)
    {
        var content = RandomNumberGenerator.GetBytes(size);
        "%PDF-1.7\n"u8.CopyTo(content);
        return content;
    }

    /// <summary>A session with this one file, which the shop has claimed.</summary>
    public static async Task<SessionDetails> ClaimedAsync(this CloudTabClient client, byte[] content, CancellationToken cancellationToken)
    {
        var session = await client.SubmittedAsync(content, cancellationToken);
        return await client.Shop.ClaimAsync(session.PickupCode, cancellationToken);
    }

    /// <summary>A session with this one file, which the shop knows.</summary>
    public static async Task<CreatedSession> SubmittedAsync(this CloudTabClient client, byte[] content, CancellationToken cancellationToken)
    {
        var session = await client.Customer.CreateSessionAsync(cancellationToken: cancellationToken);
        using var bytes = new MemoryStream(content);
        await client.Customer.UploadAsync(session.SessionId, [new FileToUpload("letter.pdf", bytes)], cancellationToken: cancellationToken);
        return session;
    }
}

/// <summary>Notes each request's method and the header that says where it begins.</summary>
internal sealed class Recorder() : DelegatingHandler(new SocketsHttpHandler { ConnectCallback = ConnectAsync })
{
    public ConcurrentQueue<(string Method, string? From)> Requests { get; } = new();

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var from = request.Headers.Range?.ToString() ?? (request.Headers.TryGetValues("Upload-Offset", out var offset) ? offset.Single() : null);
        Requests.Enqueue((request.Method.Method, from));
        return base.SendAsync(request, cancellationToken);
    }

    // What a socket has received can be read after its connection was cut too: up to 32 MiB, by Linux's own measure.
    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveBufferSize = 64 << 10 };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>Told of progress on the thread that makes it.</summary>
internal sealed class Moved(Action<long> told) : IProgress<long>
{
    public void Report(long value) => told(value);
}
