using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>What each message of a shop's PC does. A failure is an `error` message: it never costs the socket.</summary>
internal sealed class Commands(
    ApiKeys keys,
    Tickets tickets,
    PendingLists lists,
    SessionViews views,
    Claims claims,
    Prints prints,
    Removal removal,
    Database database,
    ShopDirectory directory,
    DatabaseListener listener,
    TimeProvider clock) : IDisposable
{
    // A change that has begun is carried through though the socket has gone.
    private static readonly TimeSpan FinishLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan TurnLimit = TimeSpan.FromSeconds(15);

    // After a restart all sockets authenticate at once. Beyond half of the pool, with the one connection that reads their lists, they wait here, and not
    // in the pool: events, claims and leases need connections too, and whoever waits there is refused after seconds.
    private readonly SemaphoreSlim _turns = new(Math.Max(1, (database.PoolSize / 2) - 1));

    public async Task HandleAsync(ShopSocket socket, ReadOnlyMemory<byte> text, CancellationToken cancellationToken)
    {
        if (Parse(text.Span, JsonContext.Default.Incoming) is not { } message)
        {
            socket.Send(Error.InvalidFormat);
            return;
        }

        if (message.Type == "ping")
        {
            socket.Send(new Pong());
            return;
        }

        using var command = Telemetry.StartCommand(message.Type);
        try
        {
            await HandleAsync(socket, message, text, cancellationToken);
        }
        catch (Exception outage) when (Outage.Is(outage)
            || outage is OperationCanceledException && !cancellationToken.IsCancellationRequested) // a limit of our own: something stalls
        {
            command?.SetStatus(ActivityStatusCode.Error, "unavailable");
            socket.Send(message.Type switch
            {
                "claim_session" => Error.ClaimFailed(Error.Unavailable.Code),
                "complete_session" => Error.CompleteFailed(Error.Unavailable.Code),
                "report_print" => Error.ReportFailed(Error.Unavailable.Code),
                _ => Error.Unavailable,
            });
        }
    }

    public void Dispose() => _turns.Dispose();

    private static T? Parse<T>(ReadOnlySpan<byte> text, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(text, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private Task HandleAsync(ShopSocket socket, Incoming message, ReadOnlyMemory<byte> text, CancellationToken cancellationToken)
    {
        if (message.Type == "authenticate")
            return BeginAsync(socket, message, cancellationToken);
        if (socket.Key is not { } key)
        {
            socket.Send(Error.NotAuthenticated);
            return Task.CompletedTask;
        }

        switch (message.Type)
        {
            case "get_pending":
                return SendPendingAsync(socket, key, cancellationToken);
            case "claim_session":
                return ClaimAsync(socket, key, SessionName.Parse(message.SessionId ?? ""), cancellationToken);
            case "complete_session":
                return CompleteAsync(socket, key, SessionName.Parse(message.SessionId ?? ""));
            case "report_print":
                return ReportAsync(socket, key, message.FileId, text, cancellationToken);
            default:
                socket.Send(Error.UnknownType);
                return Task.CompletedTask;
        }
    }

    private async Task BeginAsync(ShopSocket socket, Incoming message, CancellationToken cancellationToken)
    {
        socket.IsAuthenticating = true;
        try
        {
            // Before the listener has its place in the events, one could fall between the pending list and its first read.
            await listener.WaitUntilInPlaceAsync(cancellationToken);
            await AuthenticateAsync(socket, message, cancellationToken);
        }
        finally
        {
            socket.IsAuthenticating = false;
        }
    }

    private async Task AuthenticateAsync(ShopSocket socket, Incoming message, CancellationToken cancellationToken)
    {
        var (key, wait) = await FindKeyAsync(socket, message, cancellationToken);
        if (wait is not null)
        {
            socket.Send(Error.TooManyWrongKeys);
            socket.Close(CloseReason.TooManyWrongKeys);
            return;
        }

        if (key is null)
        {
            Refuse(socket);
            return;
        }

        // Registered before the list is read: what happens in between comes as an event, after the list.
        var isNew = socket.Key?.Shop != key.Shop;
        socket.HoldEvents();
        if (isNew && !Register(socket, key))
        {
            socket.Close(CloseReason.TooManySockets);
            return;
        }

        socket.Key = key;
        try
        {
            if (await lists.ReadAsync(key, cancellationToken) is not { } pending)
            {
                Refuse(socket);
                return;
            }

            socket.ReleaseEvents(new Authenticated(new Shopkeeper(key.Shop, key.ShopName)), pending);
        }
        catch when (isNew)
        {
            // Not told "authenticated", so not to be treated as such.
            Unregister(socket);
            socket.DropEvents();
            throw;
        }
        catch
        {
            socket.ReleaseEvents();
            throw;
        }
    }

    private async Task<KeyAnswer> FindKeyAsync(ShopSocket socket, Incoming message, CancellationToken cancellationToken)
    {
        using (var limit = clock.Limit(TurnLimit, cancellationToken))
            await _turns.WaitAsync(limit.Token);
        try
        {
            // Nobody guesses a ticket: wrong ones are not counted.
            return message.Ticket is { } ticket
                ? new(await tickets.TakeAsync(ticket, cancellationToken), null)
                : await keys.FindAsync(message.ApiKey ?? "", socket.Client, cancellationToken);
        }
        finally
        {
            _turns.Release();
        }
    }

    private bool Register(ShopSocket socket, ShopKey key)
    {
        Unregister(socket);
        return directory.TryAdd(key.Shop, socket);
    }

    /// <summary>Takes a socket out of the directory; it has ended or speaks for another shop now.</summary>
    public void Unregister(ShopSocket socket)
    {
        if (socket.Key is { } key)
            directory.Remove(key.Shop, socket);
        socket.Key = null;
    }

    private async Task SendPendingAsync(ShopSocket socket, ShopKey key, CancellationToken cancellationToken)
    {
        // What has changed since the list that waits was read comes as events behind it.
        if (socket.HasPendingList)
            return;
        if (await lists.ReadAsync(key, cancellationToken) is { } pending)
            socket.Send(pending);
        else
            Refuse(socket);
    }

    private static void Refuse(ShopSocket socket) => socket.Close(CloseReason.BadKey, new AuthFailed("Invalid API key or ticket"));

    /// <summary>Answers; a key that has been revoked costs the socket, and nothing else is sent to it.</summary>
    private static void Answer(ShopSocket socket, Outcome outcome, Outgoing answer)
    {
        if (outcome == Outcome.KeyRevoked)
            socket.Close(CloseReason.BadKey, answer);
        else
            socket.Send(answer);
    }

    private async Task ClaimAsync(ShopSocket socket, ShopKey key, SessionName name, CancellationToken cancellationToken)
    {
        var (outcome, session) = await claims.ClaimAsync(key, name, cancellationToken);
        var details = outcome == Outcome.Done ? await views.DetailsAsync(session, cancellationToken) : null;
        var failure = outcome switch
        {
            Outcome.Done => Outcome.NotFound, // the session has been forgotten in between
            Outcome.NotClaimed => Outcome.ClaimedByAnother, // the claim that was in the way has been released in between
            _ => outcome,
        };
        Answer(socket, outcome, details is not null ? new SessionClaimed(details) : Error.ClaimFailed(CodeOf(failure)));
    }

    private async Task CompleteAsync(ShopSocket socket, ShopKey key, SessionName name)
    {
        using var finish = clock.Limit(FinishLimit);
        var (outcome, session) = await claims.CompleteAsync(key, name, finish.Token);
        if (outcome != Outcome.Done)
        {
            Answer(socket, outcome, Error.CompleteFailed(CodeOf(outcome)));
            return;
        }

        await removal.TryRemoveAsync(session, finish.Token);
        var details = await views.DetailsAsync(session, finish.Token);
        socket.Send(details is not null ? new SessionCompleted(details.SessionId) : Error.CompleteFailed(CodeOf(Outcome.NotFound)));
    }

    private async Task ReportAsync(ShopSocket socket, ShopKey key, string? fileId, ReadOnlyMemory<byte> text, CancellationToken cancellationToken)
    {
        if (Parse(text.Span, JsonContext.Default.PrintReport)?.Clean() is not var (report, fault))
        {
            socket.Send(Error.InvalidFormat);
            return;
        }

        if (report is null)
        {
            socket.Send(Error.ReportFailed("invalid_request", fault!));
            return;
        }

        var (outcome, print, invalid) = Guid.TryParse(fileId, out var file)
            ? await prints.ReportAsync(key, file, report, cancellationToken)
            : (Outcome.FileNotFound, null, null);
        Answer(socket, outcome, invalid is not null ? Error.ReportFailed("invalid_print_options", invalid.ToString())
            : print is not null ? new PrintReported(print)
            : Error.ReportFailed(CodeOf(outcome)));
    }

    // The codes of the HTTP calls.
    private static string CodeOf(Outcome outcome) => outcome switch
    {
        Outcome.NotFound => "session_not_found",
        Outcome.KeyRevoked => "api_key_invalid",
        Outcome.Closed => "session_closed",
        Outcome.ClaimedByAnother => "already_claimed",
        Outcome.NotClaimed => "not_claimed",
        Outcome.NotSubmitted => "not_submitted",
        Outcome.FileNotFound => "file_not_found",
        Outcome.FileDeleted => "file_deleted",
        Outcome.StillPrinting => "still_printing",
        Outcome.AlreadyPrinted => "already_printed",
        Outcome.TooManyPrints => "too_many_prints",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "No shopkeeper's command ends like this."),
    };
}
