using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace CloudTab.Client;

/// <summary>
/// A shop's socket, opened again whenever it closes. It is read beside its reader: pings are only answered while a receive waits, and a reader
/// that prints something takes its time.
/// </summary>
internal sealed class ShopSocket
{
    // If a reader falls behind by so many events the socket waits too; a relay that cannot send then closes it, and the list tells the rest.
    private const int MostWaiting = 1_000;

    // More than any message of the relay: a pending list has 100 sessions.
    private const int LongestMessage = 16 << 20;

    // The relay drops a peer that misses two pings of 30 s; this end finds out as fast that the relay is gone.
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    private readonly Channel<ShopEvent> _events = Channel.CreateBounded<ShopEvent>(new BoundedChannelOptions(MostWaiting) { SingleReader = true, SingleWriter = true });
    private readonly ArrayBufferWriter<byte> _message = new();
    private readonly Calls _calls;
    private readonly Func<CancellationToken, IAsyncEnumerable<PendingSession>> _pending;

    private ShopSocket(Calls calls, Func<CancellationToken, IAsyncEnumerable<PendingSession>> pending) => (_calls, _pending) = (calls, pending);

    /// <param name="pending">Reads the whole pending list, if a message has only the beginning of it.</param>
    public static async IAsyncEnumerable<ShopEvent> ListenAsync(
        Calls calls, Func<CancellationToken, IAsyncEnumerable<PendingSession>> pending, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var socket = new ShopSocket(calls, pending);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = socket.RunAsync(stop.Token);
        try
        {
            await foreach (var next in socket._events.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return next;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await running.ConfigureAwait(false);
        }
    }

    /// <summary>Runs until it is stopped, or its key is refused; the reader gets that refusal behind the last event.</summary>
    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            var isTold = false;
            for (var failures = 0; ;)
            {
                var end = await RunOnceAsync(cancellationToken).ConfigureAwait(false);
                failures = end.WasConnected ? 0 : failures + 1;
                var pause = end.Pause(failures);
                _calls.Logger.SocketLost(isTold && !end.WasConnected ? LogLevel.Debug : LogLevel.Warning, pause, end.Reason);
                isTold = true;
                await _events.Writer.WriteAsync(new SocketLost(end.Code, end.Reason, pause), cancellationToken).ConfigureAwait(false);
                await Task.Delay(pause, _calls.Clock, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            _events.Writer.TryComplete();
        }
        catch (Exception final)
        {
            _events.Writer.TryComplete(final);
        }
    }

    /// <summary>One socket from its opening to its end.</summary>
    /// <exception cref="CloudTabException">Another one would end in the same way.</exception>
    private async Task<SocketEnd> RunOnceAsync(CancellationToken cancellationToken)
    {
        var end = new SocketEnd();
        using var socket = new ClientWebSocket();
        socket.Options.KeepAliveInterval = KeepAlive;
        socket.Options.KeepAliveTimeout = KeepAlive;
        socket.Options.CollectHttpResponseDetails = true;
        try
        {
            using (var limit = new TimeLimit(_calls.Options.Timeout, _calls.Clock, cancellationToken))
            {
                try
                {
                    await AuthenticateAsync(socket, end, limit.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException cancelled) when (limit.HasPassed)
                {
                    throw new TimeoutException("The socket was not authenticated in time.", cancelled);
                }
            }

            while (end.Code is null)
                await ReceiveAsync(socket, end, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception broken) when (broken is WebSocketException or JsonException || Retries.IsTransient(broken) || broken is CloudTabException { Status: >= HttpStatusCode.InternalServerError } or CloudTabException { Code: null })
        {
            // The relay refuses a key over the open socket, and with a code. Anything else that refuses is a proxy or a firewall, which may let the next one through.
            var status = (broken as CloudTabException)?.Status ?? socket.HttpStatusCode;
            end.IsForbidden = status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden;
            end.Reason = broken switch
            {
                WebSocketException { WebSocketErrorCode: WebSocketError.NotAWebSocket } => $"the handshake was answered with {(int)status}",
                WebSocketException lost => lost.WebSocketErrorCode.ToString(),
                _ => Calls.Reason(broken),
            };
            end.RetryAfter ??= (broken as CloudTabException)?.RetryAfter ?? PauseAskedBy(socket);
        }

        if (end.Code is (WebSocketCloseStatus)4401)
            throw new CloudTabException(HttpStatusCode.Unauthorized, "api_key_invalid", $"The relay closed the socket: {end.Reason}.");
        return end;
    }

    private async Task AuthenticateAsync(ClientWebSocket socket, SocketEnd end, CancellationToken cancellationToken)
    {
        var address = new UriBuilder(_calls.AddressOf("/ws"));
        address.Scheme = address.Scheme == "https" ? "wss" : "ws";
        var authenticate = JsonSerializer.SerializeToUtf8Bytes(new AuthenticateMessage("authenticate", _calls.Key), JsonContext.Default.AuthenticateMessage);
        await socket.ConnectAsync(address.Uri, _calls.Http, cancellationToken).ConfigureAwait(false);
        await socket.SendAsync(authenticate, WebSocketMessageType.Text, endOfMessage: true, cancellationToken).ConfigureAwait(false);
        while (!end.WasConnected && end.Code is null)
            await ReceiveAsync(socket, end, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The pause that a relay or a proxy asks for which refuses the handshake.</summary>
    private TimeSpan? PauseAskedBy(ClientWebSocket socket) =>
        socket.HttpResponseHeaders is { } headers
        && headers.TryGetValue("Retry-After", out var after)
        && RetryConditionHeaderValue.TryParse(after.FirstOrDefault(), out var asked)
            ? Problem.After(asked, _calls.Clock)
            : null;

    /// <summary>Receives one message, or the close.</summary>
    private async Task ReceiveAsync(ClientWebSocket socket, SocketEnd end, CancellationToken cancellationToken)
    {
        _message.ResetWrittenCount();
        ValueWebSocketReceiveResult received;
        do
        {
            received = await socket.ReceiveAsync(_message.GetMemory(4 << 10), cancellationToken).ConfigureAwait(false);
            _message.Advance(received.Count);
            if (_message.WrittenCount > LongestMessage)
                throw new WebSocketException(WebSocketError.HeaderError);
        }
        while (!received.EndOfMessage);

        if (received.MessageType == WebSocketMessageType.Close)
        {
            end.Code = socket.CloseStatus ?? WebSocketCloseStatus.Empty;
            // An error that was told before says more than the close: why the relay cannot authenticate, say.
            end.Reason = socket.CloseStatusDescription is { Length: > 0 } description ? description : end.Reason;
            return;
        }

        foreach (var next in await ReadAsync(_message.WrittenMemory, end, cancellationToken).ConfigureAwait(false))
            await _events.Writer.WriteAsync(next, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ShopEvent[]> ReadAsync(ReadOnlyMemory<byte> message, SocketEnd end, CancellationToken cancellationToken)
    {
        var head = Calls.Read(message.Span, JsonContext.Default.MessageHead);
        if (head.RetryAfterMs is { } milliseconds)
            end.RetryAfter = TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, 0, SocketEnd.LongestAsked.TotalMilliseconds));
        switch (head.Type)
        {
            case "authenticated":
                var shop = Calls.Read(message.Span, JsonContext.Default.AuthenticatedMessage).Shopkeeper;
                end.WasConnected = true;
                _calls.Logger.SocketConnected();
                return [new SocketConnected(shop.Id, shop.Name)];
            case "auth_failed":
                throw new CloudTabException(HttpStatusCode.Unauthorized, "api_key_invalid", head.Message ?? "The relay does not know the key.");
            case "error" when !end.WasConnected && head.Code != "too_many_requests":
                // The relay cannot authenticate now, and would close the socket ten seconds later. After too many wrong keys it does so at once.
                throw new CloudTabException(HttpStatusCode.ServiceUnavailable, head.Code, head.Message ?? "");
            case "pending_sessions":
                var list = Calls.Read(message.Span, JsonContext.Default.PendingMessage);
                return [list.More ? await WholeAsync(cancellationToken).ConfigureAwait(false) : new PendingSessions(list.Sessions)];
            case "new_session":
                return [Calls.Read(message.Span, JsonContext.Default.SessionAnnounced)];
            case "session_updated":
                return [Calls.Read(message.Span, JsonContext.Default.SessionUpdated)];
            case "print_changed":
                return [Calls.Read(message.Span, JsonContext.Default.PrintChanged)];
            default:
                return []; // Answers to what this client does not ask, and what a newer relay says.
        }
    }

    // Read after the list that was cut, so it is not older; what changes from now on comes as an event, behind it.
    private async Task<PendingSessions> WholeAsync(CancellationToken cancellationToken)
    {
        var sessions = new List<PendingSession>();
        await foreach (var session in _pending(cancellationToken).ConfigureAwait(false))
            sessions.Add(session);
        return new(sessions);
    }
}
