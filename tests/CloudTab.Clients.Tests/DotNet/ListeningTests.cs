using System.Net;
using System.Net.WebSockets;
using CloudTab.Client;

namespace CloudTab.Clients.Tests;

/// <summary>CloudTab.Client's socket.</summary>
[Collection(RelayCollection.Name)]
public sealed class ListeningTests(RunningRelay relay)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task A_shop_hears_of_what_waits_and_of_what_happens_from_then_on()
    {
        using var client = relay.Client();
        var waiting = await client.SubmittedAsync(ClientOf.Pdf(100), Token);
        await using var events = new Listener(client.Shop.ListenAsync(Token));

        var connected = await events.NextAsync<SocketConnected>();
        var pending = await events.NextAsync<PendingSessions>();
        var created = await client.SubmittedAsync(ClientOf.Pdf(1_000), Token);
        var announced = await events.NextAsync<SessionAnnounced>(session => session.SessionId == created.SessionId);
        await client.Shop.ClaimAsync(created.SessionId, Token);
        var claimed = await events.NextAsync<SessionUpdated>(session => session.SessionId == created.SessionId);
        await client.Shop.CompleteAsync(created.SessionId, Token);
        var completed = await events.NextAsync<SessionUpdated>(session => session.SessionId == created.SessionId && session.Status != SessionStatuses.Processing);

        Assert.Equal("default", connected.ShopId);
        Assert.Contains(pending.Sessions, session => session.SessionId == waiting.SessionId);
        Assert.Equal((created.PickupCode, 1, 1_000L), (announced.PickupCode, announced.FileCount, announced.TotalSize));
        Assert.Equal("letter.pdf", Assert.Single(announced.Files).Name);
        Assert.NotNull(announced.SubmittedAt);
        Assert.Equal(SessionStatuses.Processing, claimed.Status);
        Assert.Equal(SessionStatuses.Completed, completed.Status);
        Assert.True(announced.EventId < claimed.EventId && claimed.EventId < completed.EventId);
    }

    [Fact]
    public async Task Nothing_is_missed_while_the_notifier_is_started_again()
    {
        using var client = relay.Client();
        await using var events = new Listener(client.Shop.ListenAsync(Token));
        await events.NextAsync<PendingSessions>();
        var sent = new List<string>();

        var restarting = Task.WhenAll(relay.Processes.KillAndRestartAsync("notifier", 0, Token), relay.Processes.KillAndRestartAsync("notifier", 1, Token));
        while (!restarting.IsCompleted || sent.Count == 0)
            sent.Add((await client.SubmittedAsync(ClientOf.Pdf(100), Token)).SessionId);
        await restarting;
        sent.Add((await client.SubmittedAsync(ClientOf.Pdf(100), Token)).SessionId);

        var lost = await events.NextAsync<SocketLost>();
        await events.NextAsync<SocketConnected>();
        var heard = (await events.NextAsync<PendingSessions>()).Sessions.Select(session => session.SessionId).ToHashSet(StringComparer.Ordinal);
        while (!heard.IsSupersetOf(sent))
            heard.Add((await events.NextAsync<SessionAnnounced>()).SessionId);
        Assert.Null(lost.CloseCode); // It was killed, and said nothing.
    }

    [Fact]
    public async Task A_relay_that_stops_says_when_to_connect_again()
    {
        using var client = relay.Client();
        await using var events = new Listener(client.Shop.ListenAsync(Token));
        await events.NextAsync<PendingSessions>();

        await Task.WhenAll(relay.Processes.RestartAsync("notifier", 0, Token), relay.Processes.RestartAsync("notifier", 1, Token));

        var lost = await events.NextAsync<SocketLost>();
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, lost.CloseCode);
        // Whole milliseconds: the client's own pauses are not.
        Assert.Contains(lost.RetryIn.TotalMilliseconds, Enumerable.Range(250, 20).Select(milliseconds => (double)milliseconds));
        await events.NextAsync<PendingSessions>();
    }

    [Fact]
    public async Task A_pending_list_that_is_cut_is_read_to_its_end()
    {
        using var client = relay.Client();
        await PendingMoreThanOneMessageAsync(client);
        var all = await client.Shop.GetPendingAsync(Token).Select(session => session.SessionId).ToListAsync(Token);
        await using var events = new Listener(client.Shop.ListenAsync(Token));

        var pending = await events.NextAsync<PendingSessions>();

        Assert.InRange(all.Count, 101, int.MaxValue);
        Assert.Equal(all, pending.Sessions.Select(session => session.SessionId));
    }

    [Fact]
    public async Task A_wrong_key_ends_the_events()
    {
        using var client = relay.Client(key: "ctk_0123456789012345678901234567890123456789");

        var refused = await Assert.ThrowsAsync<CloudTabException>(async () => await client.Shop.ListenAsync(Token).FirstAsync(Token).AsTask().WaitAsync(Limit, Token));

        Assert.Equal((HttpStatusCode.Unauthorized, "api_key_invalid"), (refused.Status, refused.Code));
    }

    [Fact]
    public async Task A_key_that_is_revoked_ends_the_events()
    {
        using var owner = relay.Client();
        var key = await owner.Shop.CreateKeyAsync("Counter 3", cancellationToken: Token);
        using var client = relay.Client(key: key.Key);
        await using var events = new Listener(client.Shop.ListenAsync(Token));
        await events.NextAsync<PendingSessions>();

        await owner.Shop.RevokeKeyAsync(key.Id, Token);

        var refused = await Assert.ThrowsAsync<CloudTabException>(events.NextAsync<SocketLost>);
        Assert.Equal((HttpStatusCode.Unauthorized, "api_key_invalid"), (refused.Status, refused.Code));
    }

    /// <summary>Only the relay's own word ends the events.</summary>
    [Theory]
    [InlineData("/ws")]
    [InlineData("/api/shopkeeper/sessions/pending")]
    public async Task A_firewall_that_refuses_is_asked_again_after_a_longer_pause(string path)
    {
        using (var owner = relay.Client())
            await PendingMoreThanOneMessageAsync(owner);
        using var handler = new Firewall(path);
        using var client = relay.Client(handler: handler);
        await using var events = new Listener(client.Shop.ListenAsync(Token));

        var lost = await events.NextAsync<SocketLost>();
        Assert.InRange(lost.RetryIn, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10));
        Assert.Contains("403", lost.Reason, StringComparison.Ordinal);
        await events.NextAsync<PendingSessions>();
    }

    [Fact]
    public async Task A_reader_that_wants_no_more_closes_the_socket()
    {
        using var client = relay.Client();
        var key = await client.Shop.CreateKeyAsync("Counter 4", cancellationToken: Token);
        using var second = relay.Client(key: key.Key);

        await foreach (var next in second.Shop.ListenAsync(Token))
        {
            if (next is PendingSessions)
                break;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var reading = Task.Run(async () => await second.Shop.ListenAsync(stop.Token).CountAsync(stop.Token), Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(Limit, Token));
    }

    [Theory]
    [InlineData(null, null, 0, 250, 500)]
    [InlineData(null, null, 1, 250, 500)]
    [InlineData(null, null, 3, 1_000, 2_000)]
    [InlineData(null, null, 1_000, 15_000, 30_000)]
    [InlineData(1001, null, 0, 250, 500)]
    [InlineData(1001, 7_000, 0, 7_000, 7_000)]
    [InlineData(1001, 0, 3, 250, 500)]
    [InlineData(4429, null, 0, 5_000, 10_000)]
    [InlineData(4429, null, 20, 60_000, 120_000)]
    [InlineData(null, 86_400_000, 0, 600_000, 600_000)]
    public void The_next_socket_is_opened_after(int? code, int? asked, int failures, int least, int most)
    {
        var end = new SocketEnd
        {
            Code = (WebSocketCloseStatus?)code,
            RetryAfter = asked is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null,
        };

        Assert.InRange(end.Pause(failures).TotalMilliseconds, least, most);
    }

    // Then the rest of the list is read over HTTP.
    private static async Task PendingMoreThanOneMessageAsync(CloudTabClient client)
    {
        for (var i = await client.Shop.GetPendingAsync(Token).CountAsync(Token); i <= 100; i++)
            await client.SubmittedAsync(ClientOf.Pdf(50), Token);
    }

    /// <summary>Answers the first request for a path with 403.</summary>
    private sealed class Firewall(string path) : DelegatingHandler(new SocketsHttpHandler())
    {
        private int _refused;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            request.RequestUri!.AbsolutePath == path && Interlocked.Exchange(ref _refused, 1) == 0
                ? Task.FromResult(new HttpResponseMessage(HttpStatusCode.Forbidden) { RequestMessage = request })
                : base.SendAsync(request, cancellationToken);
    }
}
