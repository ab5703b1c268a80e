using System.IO.Pipelines;
using System.Net;
using System.Text.Json;
using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.UploadApi;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Time.Testing;

namespace CloudTab.Services.Tests;

/// <summary>What a customer's stream of events tells, and when it ends.</summary>
public sealed class EventStreamTests(UploadFixture relay) : IClassFixture<UploadFixture>
{
    private readonly HttpClient _client = relay.UploadApi();

    [Fact]
    public async Task A_stream_begins_with_the_session_as_the_status_call_tells_it_and_its_place()
    {
        var shop = await relay.ShopAsync();
        await relay.AnnounceAsync(shop.Id);
        var given = await relay.AnnounceAsync(shop.Id);

        await using var events = await OpenAsync(shop, given.SessionId);

        var told = await events.NextStatusAsync("pending");
        Assert.Equal((await _client.StatusAsync(given.SessionId, $"/s/{shop.Id}")).GetRawText(), told.GetRawText());
        await events.NextPlaceAsync(2, 1);
        Assert.Equal("no", events.Answer.Headers.GetValues("X-Accel-Buffering").Single());
        Assert.Equal("no-store", events.Answer.Headers.CacheControl?.ToString());
    }

    [Fact]
    public async Task Every_state_is_told_until_the_files_are_gone_and_then_the_stream_ends()
    {
        var shop = await relay.ShopAsync();
        var sessionId = await _client.CreateAsync($"/s/{shop.Id}");
        await using var events = await OpenAsync(shop, sessionId);
        await events.NextStatusAsync("open");

        using var uploaded = await _client.UploadToAsync($"/s/{shop.Id}", sessionId, Sample.Pdf());
        Assert.Equal(1, (await events.NextStatusAsync("pending")).GetProperty("fileCount").GetInt32());
        await events.NextPlaceAsync(1, 0);
        using var more = await _client.UploadToAsync($"/s/{shop.Id}", sessionId, Sample.Text());
        Assert.Equal(2, (await events.NextStatusAsync("pending")).GetProperty("fileCount").GetInt32());
        await PostAsShopAsync(shop, sessionId, "claim");
        await events.NextStatusAsync("processing");
        await PostAsShopAsync(shop, sessionId, "release");
        await events.NextStatusAsync("pending");
        await PostAsShopAsync(shop, sessionId, "claim");
        await events.NextStatusAsync("processing");
        await PostAsShopAsync(shop, sessionId, "complete");
        var completed = await events.NextStatusAsync("completed");
        Assert.Equal(["deleted", "deleted"], completed.GetProperty("files").EnumerateArray().Select(file => file.Text("status")));
        await events.LastAsync("completed");
    }

    [Fact]
    public async Task A_customer_who_withdraws_in_one_page_is_told_in_another()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id);
        await using var first = await OpenAsync(shop, given.SessionId);
        await using var second = await OpenAsync(shop, given.SessionId);

        using var withdrawn = await _client.DeleteAsync($"/s/{shop.Id}/api/customer/sessions/{given.SessionId}", Token);

        foreach (var events in (EventClient[])[first, second])
        {
            await events.NextStatusAsync("pending");
            await events.NextPlaceAsync(1, 0);
            await events.LastAsync("cancelled");
        }
    }

    [Fact]
    public async Task All_that_wait_are_told_when_one_before_them_is_finished_and_nothing_else()
    {
        const int Waiting = 10;
        var shop = await relay.ShopAsync();
        var first = await relay.AnnounceAsync(shop.Id);
        var waiting = new List<EventClient>();
        for (var i = 0; i < Waiting; i++)
        {
            waiting.Add(await OpenAsync(shop, (await relay.AnnounceAsync(shop.Id)).SessionId));
            await waiting[i].NextStatusAsync("pending");
            await waiting[i].NextPlaceAsync(i + 2, i + 1);
        }

        await PostAsShopAsync(shop, first.SessionId, "claim");
        await PostAsShopAsync(shop, first.SessionId, "complete");

        for (var i = 0; i < Waiting; i++)
        {
            await waiting[i].NextPlaceAsync(i + 2, i);
            await waiting[i].DisposeAsync();
        }
    }

    [Fact]
    public async Task A_client_that_connects_again_is_told_only_what_it_does_not_know()
    {
        var shop = await relay.ShopAsync();
        var first = await relay.AnnounceAsync(shop.Id);
        var given = await relay.AnnounceAsync(shop.Id);
        string known;
        await using (var before = await OpenAsync(shop, given.SessionId))
        {
            await before.NextStatusAsync("pending");
            await before.NextPlaceAsync(2, 1);
            known = before.LastEventId;
        }

        await using (var again = await OpenAsync(shop, given.SessionId, known))
        {
            using var withdrawn = await _client.DeleteAsync($"/s/{shop.Id}/api/customer/sessions/{first.SessionId}", Token);
            await again.NextPlaceAsync(2, 0);
        }

        // It missed that.
        await using (var late = await OpenAsync(shop, given.SessionId, known))
        {
            await late.NextPlaceAsync(2, 0);
            known = late.LastEventId;
        }

        await PostAsShopAsync(shop, given.SessionId, "claim");
        await using (var later = await OpenAsync(shop, given.SessionId, known))
        {
            await later.NextStatusAsync("processing");
            await PostAsShopAsync(shop, given.SessionId, "complete");
            await later.NextStatusAsync("completed");
            known = later.LastEventId;
        }

        await using (var last = await OpenAsync(shop, given.SessionId, known))
        {
            await last.LastAsync("completed");
            known = last.LastEventId;
        }

        using var over = await EventClient.AskAsync(_client, EventClient.AddressOf(given.SessionId, $"/s/{shop.Id}"), known);
        Assert.Equal(HttpStatusCode.NoContent, over.StatusCode);
    }

    [Theory]
    [InlineData("")]
    [InlineData("7")]
    [InlineData("0123456789abcdef.deleted")]
    [InlineData("0123456789abcdef.2-1.3")]
    [InlineData(".99999999999999999999--1")]
    public async Task A_client_with_an_id_that_says_nothing_true_is_told_everything(string lastEventId)
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);

        await using var events = await OpenAsync(shop, given.SessionId, lastEventId);

        await events.NextStatusAsync("pending");
        await events.NextPlaceAsync(1, 0);
    }

    [Fact]
    public async Task A_client_that_knows_everything_gets_a_comment_every_15_seconds_and_nothing_else()
    {
        var clock = new FakeTimeProvider();
        var stream = new SessionStream(new KnownState("state", new QueuePlace(1, 0)), clock, stopping: default);
        stream.Deliver(State("state") with { Queue = new QueuePlace(1, 0) });
        var (pipe, context) = Response();
        using var reader = new StreamReader(pipe.Reader.AsStream());
        var running = stream.RunAsync(context.Response, Token);
        Assert.Matches("^retry: [0-9]+$", await LineAsync());
        Assert.Equal("", await LineAsync());

        for (var beats = 0; beats < 3; beats++)
        {
            clock.Advance(TimeSpan.FromSeconds(14.9));
            stream.Beat();
            clock.Advance(TimeSpan.FromSeconds(0.1));
            stream.Beat();
            stream.Beat();
            Assert.Equal((":", ""), (await LineAsync(), await LineAsync()));
        }

        stream.End();
        await running;
        await pipe.Writer.CompleteAsync();
        Assert.Equal("", await reader.ReadToEndAsync(Token));

        Task<string?> LineAsync() => reader.ReadLineAsync(Token).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Token);
    }

    [Theory]
    [InlineData("00000000000000000000000000")]
    [InlineData("x")]
    public async Task A_stream_of_an_unknown_session_is_404(string sessionId)
    {
        using var answer = await EventClient.AskAsync(_client, EventClient.AddressOf(sessionId));

        await answer.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
    }

    [Fact]
    public async Task A_session_is_watched_in_its_own_shop_only()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.AnnounceAsync(shop.Id);

        using var answer = await EventClient.AskAsync(_client, EventClient.AddressOf(given.SessionId));

        await answer.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
    }

    [Fact]
    public async Task A_session_that_expires_is_told_to_be_expired_and_then_gone()
    {
        var shop = await relay.ShopAsync();
        using var states = new StateMachine(relay);
        var given = await relay.SubmitAsync(shop.Id);
        await using var events = await OpenAsync(shop, given.SessionId);
        await events.NextStatusAsync("pending");
        await events.NextPlaceAsync(1, 0);

        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() WHERE id = @Id", given);
        await StateMachine.AllAsync(states.Get<MarkDue>().ExpireSessionsAsync);

        // A stream looks at the clock too: it may be told before its files are marked.
        while ((await events.NextStatusAsync("expired")).GetProperty("files")[0].Text("status") != "deleted")
        {
        }

        await events.LastAsync("expired");
    }

    [Fact]
    public async Task Without_any_event_a_new_file_a_session_past_its_time_and_one_that_was_purged_are_noticed()
    {
        var (filling, passing, purged) = (await _client.CreateAsync(), await _client.CreateAsync(), await _client.CreateAsync());
        var all = new List<EventClient>();
        foreach (var session in (string[])[filling, passing, purged])
        {
            all.Add(await EventClient.OpenAsync(_client, EventClient.AddressOf(session)));
            await all[^1].NextStatusAsync("open");
        }

        await UploadClient.Of(Way.Tus, _client).SentAsync(filling, Sample.Pdf());
        await relay.ExecuteAsync("UPDATE sessions SET expires_at = now() WHERE session_id = @passing", new { passing });
        await relay.ExecuteAsync("DELETE FROM sessions WHERE session_id = @purged", new { purged });

        Assert.Equal(1, (await all[0].NextStatusAsync("open")).GetProperty("fileCount").GetInt32());
        await all[1].NextStatusAsync("expired");
        await all[2].EndsAsync();
        foreach (var events in all)
            await events.DisposeAsync();
    }

    [Fact]
    public async Task A_session_that_a_coming_file_prolongs_is_told_again()
    {
        var shop = await relay.ShopAsync();
        using var states = new StateMachine(relay);
        var session = await states.OpenAsync(shop.Id);
        await using var events = await OpenAsync(shop, session.SessionId);
        var before = await events.NextStatusAsync("open");

        await states.BeginAsync(session.Id);
        await using var another = await OpenAsync(shop, session.SessionId); // for which the session is looked up

        var prolonged = await events.NextAsync("status");
        Assert.Equal("open", prolonged.Text("status"));
        Assert.True(prolonged.GetProperty("expiresAt").GetDateTime() > before.GetProperty("expiresAt").GetDateTime());
    }

    [Fact]
    public async Task Of_the_states_that_come_while_a_client_does_not_read_only_the_newest_is_sent()
    {
        var stream = new SessionStream(KnownState.Nothing, TimeProvider.System, stopping: default);
        stream.Deliver(State("first"));
        for (var i = 0; i < 1_000; i++)
        {
            stream.Deliver(State($"state {i}"));
            stream.Deliver(SessionState.OfPlace(new QueuePlace(1, i)));
        }

        stream.End();
        var (pipe, context) = Response();
        await stream.RunAsync(context.Response, Token);
        await pipe.Writer.CompleteAsync();
        using var reader = new StreamReader(pipe.Reader.AsStream());
        var text = await reader.ReadToEndAsync(Token);

        Assert.Matches("^retry: [0-9]+\n\nevent: status\nid: state 999\\.\ndata: \"state 999\"\n\nevent: queue\nid: state 999\\.1-999\ndata: {\"token\":1,\"before\":999}\n\n$", text);
    }

    private static SessionState State(string text) => new(text, JsonSerializer.SerializeToUtf8Bytes(text), null, null, IsGone: false);

    /// <summary>An answer, and what comes of it.</summary>
    private static (Pipe Pipe, HttpContext Context) Response()
    {
        var pipe = new Pipe();
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(pipe.Writer.AsStream()));
        return (pipe, context);
    }

    private Task<EventClient> OpenAsync(TestShop shop, string sessionId, string? lastEventId = null) =>
        EventClient.OpenAsync(_client, EventClient.AddressOf(sessionId, $"/s/{shop.Id}"), lastEventId);

    private async Task PostAsShopAsync(TestShop shop, string session, string verb)
    {
        using var client = relay.ShopApi(shop.Key);
        using var answer = await client.PostAsync($"/api/shopkeeper/sessions/{session}/{verb}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }
}
