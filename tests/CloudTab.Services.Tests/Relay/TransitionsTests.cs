using System.Security.Cryptography;
using CloudTab.Relay;
using Dapper;

namespace CloudTab.Services.Tests;

/// <summary>Every change of the chart in docs/sessions.md, and every refused one: the row, its times, its events.</summary>
public sealed class TransitionsTests(RelayFixture fixture) : IClassFixture<RelayFixture>, IDisposable
{
    private readonly StateMachine _states = new(fixture);

    public void Dispose() => _states.Dispose();

    [Fact]
    public async Task A_new_session_is_open_and_raises_no_event()
    {
        var (_, opened) = await _states.InStateAsync("open");

        var row = await _states.SessionAsync(opened.Id);
        Assert.Equal(("open", 0, 0L), (row.Status, row.FileCount, row.TotalSize));
        Assert.Null(row.SubmittedAt);
        Assert.Empty(await _states.EventsAsync(opened.Id));
    }

    [Fact]
    public async Task A_closed_or_unknown_shop_opens_no_session()
    {
        var key = await _states.KeyAsync();
        await _states.ExecuteAsync("UPDATE shops SET accepts_uploads = false WHERE id = @Shop", new { key.Shop });

        Assert.Null(await _states.Sessions.OpenAsync(key.Shop, null, printOptions: null, Token));
        Assert.Null(await _states.Sessions.OpenAsync("nowhere", null, printOptions: null, Token));
    }

    [Fact]
    public async Task The_first_stored_file_submits_the_session()
    {
        var (_, opened) = await _states.InStateAsync("open");

        Assert.Equal(Outcome.Done, await _states.StoreAsync(opened.Id, await _states.BeginAsync(opened.Id)));

        var row = await _states.SessionAsync(opened.Id);
        Assert.Equal(("pending", 1, 3L), (row.Status, row.FileCount, row.TotalSize));
        Assert.NotNull(row.SubmittedAt);
        Assert.True(row.ExpiresAt >= opened.ExpiresAt);
        Assert.Equal(["stored"], await _states.FilesAsync(opened.Id));
        Assert.Equal(["new_session pending 1"], await _states.EventsAsync(opened.Id));
    }

    [Theory]
    [InlineData("pending")]
    [InlineData("processing")]
    public async Task A_further_file_changes_the_count_but_not_the_state(string state)
    {
        var (_, session) = await _states.InStateAsync(state);
        var before = await _states.SessionAsync(session.Id);

        Assert.Equal(Outcome.Done, await _states.StoreAsync(session.Id, await _states.BeginAsync(session.Id)));

        var row = await _states.SessionAsync(session.Id);
        Assert.Equal((state, 2, 6L), (row.Status, row.FileCount, row.TotalSize));
        Assert.Equal((before.SubmittedAt, before.ClaimedBy, before.ClaimedUntil), (row.SubmittedAt, row.ClaimedBy, row.ClaimedUntil));
        Assert.Equal($"session_updated {state} 2", (await _states.EventsAsync(session.Id))[^1]);
    }

    [Theory]
    [InlineData("completed")]
    [InlineData("cancelled")]
    [InlineData("expired")]
    public async Task An_ended_session_accepts_no_file(string state)
    {
        var (key, session) = await _states.InStateAsync("pending");
        var file = await _states.BeginAsync(session.Id);
        await EndAsync(session, state, key);
        var before = await _states.EventsAsync(session.Id);

        Assert.Equal(Outcome.Closed, await _states.StoreAsync(session.Id, file));
        Assert.Null(await _states.UploadingFiles.BeginAsync(session.Id, "late.txt", printOptions: null, Token));
        Assert.True((await _states.UploadingFiles.FindSessionAsync(key.Shop, session.SessionId, Token))?.Closed);

        var row = await _states.SessionAsync(session.Id);
        Assert.Equal((state, 1), (row.Status, row.FileCount));
        Assert.Equal(["deleting", "uploading"], await _states.FilesAsync(session.Id));
        Assert.Equal(before, await _states.EventsAsync(session.Id));
    }

    [Fact]
    public async Task A_file_beyond_a_limit_is_refused_and_the_limit_itself_is_not()
    {
        var (_, session) = await _states.InStateAsync("open");
        Assert.Equal(Outcome.Done, await _states.StoreAsync(session.Id, await _states.BeginAsync(session.Id), mostFiles: 1, mostBytes: 3));

        var second = await _states.BeginAsync(session.Id);
        Assert.Equal(Outcome.TooManyFiles, await _states.StoreAsync(session.Id, second, mostFiles: 1));
        Assert.Equal(Outcome.TooLarge, await _states.StoreAsync(session.Id, second, mostBytes: 5));
        Assert.Equal(Outcome.Done, await _states.StoreAsync(session.Id, second, mostFiles: 2, mostBytes: 6));
        Assert.Equal(2, (await _states.EventsAsync(session.Id)).Count);
    }

    [Fact]
    public async Task A_file_whose_lease_was_lost_is_not_stored()
    {
        var (_, session) = await _states.InStateAsync("open");
        var file = await _states.BeginAsync(session.Id);
        await _states.ExecuteAsync("UPDATE files SET lease_until = @past WHERE id = @Id", new { past = DateTime.UnixEpoch, file.Id });
        await _states.UploadingFiles.AbandonAsync(1_000, Token);

        Assert.Equal(Outcome.LeaseLost, await _states.StoreAsync(session.Id, file));

        Assert.Equal("open", (await _states.SessionAsync(session.Id)).Status);
        Assert.Empty(await _states.EventsAsync(session.Id));
    }

    [Fact]
    public async Task Submitting_needs_a_file_and_raises_one_event()
    {
        var (key, session) = await _states.InStateAsync("open");
        Assert.Equal(Outcome.NoFiles, await _states.Sessions.SubmitAsync(key.Shop, session.SessionId, Token));

        // As after a resumable upload, which does not submit.
        await _states.ExecuteAsync("UPDATE sessions SET file_count = 1, total_size = 3 WHERE id = @Id", new { session.Id });
        Assert.Equal(Outcome.Done, await _states.Sessions.SubmitAsync(key.Shop, session.SessionId, Token));
        var submitted = await _states.SessionAsync(session.Id);
        Assert.Equal("pending", submitted.Status);
        Assert.NotNull(submitted.SubmittedAt);

        Assert.Equal(Outcome.Done, await _states.Sessions.SubmitAsync(key.Shop, session.SessionId, Token));
        Assert.Equal(submitted.SubmittedAt, (await _states.SessionAsync(session.Id)).SubmittedAt);
        Assert.Equal(["new_session pending 1"], await _states.EventsAsync(session.Id));
    }

    [Theory]
    [InlineData("submit", "processing", nameof(Outcome.Done))]
    [InlineData("submit", "completed", nameof(Outcome.Done))]
    [InlineData("submit", "cancelled", nameof(Outcome.Closed))]
    [InlineData("submit", "expired", nameof(Outcome.Closed))]
    [InlineData("claim", "open", nameof(Outcome.NotSubmitted))]
    [InlineData("claim", "completed", nameof(Outcome.Closed))]
    [InlineData("claim", "cancelled", nameof(Outcome.Closed))]
    [InlineData("claim", "expired", nameof(Outcome.Closed))]
    [InlineData("release", "open", nameof(Outcome.NotSubmitted))]
    [InlineData("release", "completed", nameof(Outcome.Closed))]
    [InlineData("release", "cancelled", nameof(Outcome.Closed))]
    [InlineData("release", "expired", nameof(Outcome.Closed))]
    [InlineData("complete", "open", nameof(Outcome.NotSubmitted))]
    [InlineData("complete", "pending", nameof(Outcome.NotClaimed))]
    [InlineData("complete", "cancelled", nameof(Outcome.Closed))]
    [InlineData("complete", "expired", nameof(Outcome.Closed))]
    [InlineData("cancel unclaimed", "processing", nameof(Outcome.ClaimedByAnother))]
    [InlineData("cancel", "completed", nameof(Outcome.Closed))]
    [InlineData("cancel", "expired", nameof(Outcome.Closed))]
    public async Task A_change_that_the_chart_does_not_have_changes_nothing(string verb, string state, string outcome)
    {
        var (key, session) = await _states.InStateAsync(state);
        var before = await _states.EventsAsync(session.Id);
        var name = SessionName.Parse(session.SessionId);

        var (answered, id) = verb switch
        {
            "submit" => (await _states.Sessions.SubmitAsync(key.Shop, session.SessionId, Token), session.Id),
            "claim" => await _states.Claims.ClaimAsync(key, name, Token),
            "release" => await _states.Claims.ReleaseAsync(key, name, Token),
            "complete" => await _states.Claims.CompleteAsync(key, name, Token),
            _ => ((await _states.Sessions.CancelAsync(key.Shop, session.SessionId, Token, onlyUnclaimed: verb == "cancel unclaimed")).Outcome, session.Id),
        };

        Assert.Equal((Enum.Parse<Outcome>(outcome), session.Id), (answered, id));
        Assert.Equal(state, (await _states.SessionAsync(session.Id)).Status);
        Assert.Equal(before, await _states.EventsAsync(session.Id));
    }

    [Fact]
    public async Task A_claim_belongs_to_its_key_until_it_is_released()
    {
        var shop = await fixture.ShopAsync();
        var (mine, other) = (await _states.KeyAsync(shop), await _states.KeyAsync(shop, another: true));
        var session = await _states.InStateAsync("pending", mine);
        var name = SessionName.Parse(session.PickupCode.ToLowerInvariant());

        Assert.Equal((Outcome.Done, session.Id), await _states.Claims.ClaimAsync(mine, name, Token));
        var claimed = await _states.SessionAsync(session.Id);
        Assert.Equal(("processing", mine.Id), (claimed.Status, claimed.ClaimedBy));
        Assert.NotNull(claimed.ClaimedUntil);

        Assert.Equal(Outcome.ClaimedByAnother, (await _states.Claims.ClaimAsync(other, name, Token)).Outcome);
        Assert.Equal(Outcome.ClaimedByAnother, (await _states.Claims.ReleaseAsync(other, name, Token)).Outcome);
        Assert.Equal(Outcome.ClaimedByAnother, (await _states.Claims.CompleteAsync(other, name, Token)).Outcome);

        _states.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(Outcome.Done, (await _states.Claims.ClaimAsync(mine, name, Token)).Outcome);
        Assert.True((await _states.SessionAsync(session.Id)).ClaimedUntil > claimed.ClaimedUntil);

        Assert.Equal(Outcome.Done, (await _states.Claims.ReleaseAsync(mine, name, Token)).Outcome);
        Assert.Equal(Outcome.Done, (await _states.Claims.ReleaseAsync(mine, name, Token)).Outcome);
        var released = await _states.SessionAsync(session.Id);
        Assert.Equal(("pending", null, null), (released.Status, released.ClaimedBy, released.ClaimedUntil));
        Assert.Equal(
            ["new_session pending 1", "session_updated processing 1", "session_updated pending 1"], await _states.EventsAsync(session.Id));
    }

    [Fact]
    public async Task A_lapsed_claim_can_be_taken_over_before_the_Janitor_runs()
    {
        var shop = await fixture.ShopAsync();
        var (mine, other) = (await _states.KeyAsync(shop), await _states.KeyAsync(shop, another: true));
        var session = await _states.InStateAsync("processing", mine);
        var name = SessionName.Parse(session.SessionId);
        await LapseAsync(session);

        Assert.Equal(Outcome.Done, (await _states.Claims.ClaimAsync(other, name, Token)).Outcome);

        Assert.Equal(other.Id, (await _states.SessionAsync(session.Id)).ClaimedBy);
        Assert.Equal(2, (await _states.EventsAsync(session.Id)).Count(e => e == "session_updated processing 1"));
        Assert.Equal(Outcome.ClaimedByAnother, (await _states.Claims.CompleteAsync(mine, name, Token)).Outcome);
    }

    [Fact]
    public async Task A_download_renews_its_own_claim_only()
    {
        var shop = await fixture.ShopAsync();
        var (mine, other) = (await _states.KeyAsync(shop), await _states.KeyAsync(shop, another: true));
        var session = await _states.InStateAsync("processing", mine);
        var before = await _states.SessionAsync(session.Id);
        _states.Clock.Advance(TimeSpan.FromSeconds(1));

        await _states.Claims.RenewAsync(other, session.Id, Guid.Empty, Token);
        Assert.Equal(before.ClaimedUntil, (await _states.SessionAsync(session.Id)).ClaimedUntil);
        await _states.Claims.RenewAsync(mine, session.Id, Guid.Empty, Token);
        Assert.True((await _states.SessionAsync(session.Id)).ClaimedUntil > before.ClaimedUntil);
    }

    [Fact]
    public async Task A_session_returns_to_pending_when_its_claim_lapses()
    {
        var key = await _states.KeyAsync();
        var (lapsed, held) = (await _states.InStateAsync("processing", key), await _states.InStateAsync("processing", key));
        await LapseAsync(lapsed);

        await _states.Expiry.LapseClaimsAsync(1_000, Token);
        await _states.Expiry.LapseClaimsAsync(1_000, Token);

        var row = await _states.SessionAsync(lapsed.Id);
        Assert.Equal(("pending", null, null), (row.Status, row.ClaimedBy, row.ClaimedUntil));
        Assert.Equal(
            ["new_session pending 1", "session_updated processing 1", "session_updated pending 1"], await _states.EventsAsync(lapsed.Id));
        Assert.Equal("processing", (await _states.SessionAsync(held.Id)).Status);
    }

    [Fact]
    public async Task Completing_ends_the_session_once_and_marks_its_files()
    {
        var (key, session) = await _states.InStateAsync("processing");
        var name = SessionName.Parse(session.SessionId);

        Assert.Equal((Outcome.Done, session.Id), await _states.Claims.CompleteAsync(key, name, Token));
        var completed = await _states.SessionAsync(session.Id);
        Assert.Equal((Outcome.Done, session.Id), await _states.Claims.CompleteAsync(key, name, Token));

        Assert.Equal(("completed", key.Id, null, 1), (completed.Status, completed.ClaimedBy, completed.ClaimedUntil, completed.FileCount));
        Assert.NotNull(completed.EndedAt);
        Assert.Equal(completed, await _states.SessionAsync(session.Id));
        Assert.Equal(["deleting"], await _states.FilesAsync(session.Id));
        Assert.Equal(
            ["new_session pending 1", "session_updated processing 1", "session_updated completed 1"], await _states.EventsAsync(session.Id));
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("renewal")]
    [InlineData("download")]
    [InlineData("claim")]
    public async Task A_file_added_while_a_session_is_claimed_is_announced_anew_unless_its_holder_has_seen_it(string seenBy)
    {
        var (key, session) = await _states.InStateAsync("processing");
        var name = SessionName.Parse(session.SessionId);
        var late = await _states.BeginAsync(session.Id);
        Assert.Equal(Outcome.Done, await _states.StoreAsync(session.Id, late));
        if (seenBy == "renewal")
            Assert.Equal(Outcome.Done, (await _states.Claims.RenewAsync(key, name, Token)).Outcome);
        if (seenBy == "download")
            await _states.Claims.RenewAsync(key, session.Id, late.Id, Token);
        if (seenBy == "claim")
            Assert.Equal(Outcome.Done, (await _states.Claims.ClaimAsync(key, name, Token)).Outcome);

        Assert.Equal((Outcome.Done, session.Id), await _states.Claims.CompleteAsync(key, name, Token));
        Assert.Equal((Outcome.Done, session.Id), await _states.Claims.CompleteAsync(key, name, Token));

        var row = await _states.SessionAsync(session.Id);
        var events = await _states.EventsAsync(session.Id);
        if (seenBy is "download" or "claim")
        {
            Assert.Equal("completed", row.Status);
            Assert.Equal(["deleting", "deleting"], await _states.FilesAsync(session.Id));
            Assert.Equal("session_updated completed 2", events[^1]);
            return;
        }

        Assert.Equal(("pending", 1, 3L, null), (row.Status, row.FileCount, row.TotalSize, row.EndedAt));
        Assert.Equal(["deleting", "stored"], await _states.FilesAsync(session.Id));
        Assert.Equal("new_session pending 1", events[^1]);
        Assert.Equal(2, events.Count(one => one == "new_session pending 1"));

        Assert.Equal(Outcome.Done, (await _states.Claims.ClaimAsync(key, name, Token)).Outcome);
        Assert.Equal(Outcome.Done, (await _states.Claims.CompleteAsync(key, name, Token)).Outcome);
        Assert.Equal("completed", (await _states.SessionAsync(session.Id)).Status);
        Assert.Equal(["deleting", "deleting"], await _states.FilesAsync(session.Id));
    }

    [Fact]
    public async Task A_file_stored_while_complete_waits_for_it_is_not_swallowed()
    {
        var (key, session) = await _states.InStateAsync("processing");
        var late = await _states.BeginAsync(session.Id);
        await using var connection = await fixture.Source.OpenConnectionAsync(Token);
        await using var storing = await connection.BeginTransactionAsync(Token);
        await connection.ExecuteAsync(
            """
            UPDATE sessions SET file_count = 2, total_size = 6 WHERE id = @session;
            UPDATE files
            SET status = 'stored', lease_until = NULL, stored_at = now(), type = 'text/plain', size = 3, sha256 = sha256('abc'), position = 2,
                added_in_claim = (SELECT claims FROM sessions WHERE id = @session)
            WHERE id = @file
            """,
            new { session = session.Id, file = late.Id });

        var completing = _states.Claims.CompleteAsync(key, SessionName.Parse(session.SessionId), Token);
        await UntilAsync(async () => await fixture.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%done_claim%')"));
        await storing.CommitAsync(Token);

        Assert.Equal(Outcome.Done, (await completing).Outcome);
        Assert.Equal("pending", (await _states.SessionAsync(session.Id)).Status);
        Assert.Equal(["deleting", "stored"], await _states.FilesAsync(session.Id));
    }

    [Fact]
    public async Task Closing_a_shop_and_storing_a_file_never_wait_for_each_other()
    {
        var (key, session) = await _states.InStateAsync("open");
        var file = await _states.BeginAsync(session.Id);
        await using var connection = await fixture.Source.OpenConnectionAsync(Token);
        await using var holding = await connection.BeginTransactionAsync(Token);
        await connection.ExecuteAsync("SELECT FROM shops WHERE id = @Shop FOR NO KEY UPDATE", key);

        var closing = _states.Get<ShopSettings>().CloseAsync(key.Shop, suspends: false, Token);
        await fixture.UntilSomebodyWaitsForAsync(connection);
        var storing = _states.Get<StoredFiles>().StoreAsync(
            session.Id, [new UploadedFile(file.Id, file.Name, "text/plain", 3, SHA256.HashData("abc"u8))], new SessionLimits(50, 1 << 20, 1 << 20), Token);
        await UntilAsync(async () => storing.IsCompleted || await fixture.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%shop_has_room%')"));
        await holding.RollbackAsync(Token);

        Assert.True(await closing);
        Assert.Equal(Outcome.Done, await storing);
    }

    [Fact]
    public async Task A_session_does_not_expire_while_it_is_claimed()
    {
        var (key, session) = await _states.InStateAsync("pending");
        var end = (await _states.SessionAsync(session.Id)).ExpiresAt;
        await _states.ExecuteAsync("UPDATE sessions SET expires_at = @soon WHERE id = @Id", new { soon = _states.Clock.GetUtcNow().UtcDateTime.AddMinutes(5), session.Id });
        var name = SessionName.Parse(session.SessionId);

        for (var renewal = 0; renewal < 4; renewal++)
        {
            Assert.Equal(Outcome.Done, (await _states.Claims.ClaimAsync(key, name, Token)).Outcome);
            _states.Clock.Advance(TimeSpan.FromMinutes(9));
            await _states.Expiry.ExpireSessionsAsync(1_000, Token);
        }

        var row = await _states.SessionAsync(session.Id);
        Assert.Equal("processing", row.Status);
        Assert.True(row.ExpiresAt > end);
        Assert.Equal(Outcome.Done, (await _states.Claims.CompleteAsync(key, name, Token)).Outcome);
    }

    [Theory]
    [InlineData("UPDATE api_keys SET revoked_at = now() WHERE id = @Id")]
    [InlineData("UPDATE shops SET suspended_at = now() WHERE id = @Shop")]
    public async Task Commands_of_a_revoked_key_or_a_suspended_shop_fail_at_once(string sql)
    {
        var (key, session) = await _states.InStateAsync("processing");
        var pending = SessionName.Parse((await _states.InStateAsync("pending", key)).SessionId);
        var claimed = SessionName.Parse(session.SessionId);
        await _states.ExecuteAsync(sql, new { key.Id, key.Shop });

        Assert.Equal(Outcome.KeyRevoked, (await _states.Claims.ClaimAsync(key, pending, Token)).Outcome);
        Assert.Equal(Outcome.KeyRevoked, (await _states.Claims.ClaimAsync(key, claimed, Token)).Outcome);
        Assert.Equal(Outcome.KeyRevoked, (await _states.Claims.ReleaseAsync(key, claimed, Token)).Outcome);
        Assert.Equal(Outcome.KeyRevoked, (await _states.Claims.CompleteAsync(key, claimed, Token)).Outcome);
        Assert.Null(await _states.Get<SessionViews>().PendingAsync(key, 100, after: null, Token));
        Assert.Equal("processing", (await _states.SessionAsync(session.Id)).Status);
    }

    [Theory]
    [InlineData("open", 0)]
    [InlineData("pending", 1)]
    [InlineData("processing", 1)]
    public async Task Every_live_session_can_be_cancelled_once(string state, int files)
    {
        var (key, session) = await _states.InStateAsync(state);

        Assert.Equal((Outcome.Done, session.Id), await _states.Sessions.CancelAsync(key.Shop, session.SessionId, Token));
        var cancelled = await _states.SessionAsync(session.Id);
        Assert.Equal((Outcome.Done, session.Id), await _states.Sessions.CancelAsync(key.Shop, session.SessionId, Token));

        Assert.Equal(("cancelled", null, files), (cancelled.Status, cancelled.ClaimedUntil, cancelled.FileCount));
        Assert.NotNull(cancelled.EndedAt);
        Assert.Equal(cancelled, await _states.SessionAsync(session.Id));
        Assert.Equal(Enumerable.Repeat("deleting", files), await _states.FilesAsync(session.Id));
        Assert.Single(await _states.EventsAsync(session.Id), $"session_updated cancelled {files}");
    }

    [Theory]
    [InlineData("open", 0)]
    [InlineData("pending", 1)]
    [InlineData("processing", 1)]
    public async Task Every_live_session_expires_once(string state, int files)
    {
        var key = await _states.KeyAsync();
        var (due, young) = (await _states.InStateAsync(state, key), await _states.InStateAsync(state, key));
        await _states.PassAsync(due);

        await _states.Expiry.ExpireSessionsAsync(1_000, Token);
        var expired = await _states.SessionAsync(due.Id);
        await _states.Expiry.ExpireSessionsAsync(1_000, Token);

        Assert.Equal(("expired", null, files), (expired.Status, expired.ClaimedUntil, expired.FileCount));
        Assert.NotNull(expired.EndedAt);
        Assert.Equal(expired, await _states.SessionAsync(due.Id));
        Assert.Equal(Enumerable.Repeat("deleting", files), await _states.FilesAsync(due.Id));
        Assert.Single(await _states.EventsAsync(due.Id), $"session_updated expired {files}");
        Assert.Equal(state, (await _states.SessionAsync(young.Id)).Status);
    }

    [Theory]
    [InlineData("open")]
    [InlineData("pending")]
    public async Task A_session_past_its_expiry_counts_as_expired_before_the_Janitor_runs(string state)
    {
        var (key, session) = await _states.InStateAsync(state);
        var file = await _states.BeginAsync(session.Id);
        await _states.PassAsync(session);

        Assert.Equal(Outcome.Closed, await _states.StoreAsync(session.Id, file));
        Assert.Equal(Outcome.Closed, await _states.Sessions.SubmitAsync(key.Shop, session.SessionId, Token));
        Assert.Equal(Outcome.Closed, (await _states.Sessions.CancelAsync(key.Shop, session.SessionId, Token)).Outcome);
        Assert.Equal(Outcome.Closed, (await _states.Claims.ClaimAsync(key, SessionName.Parse(session.SessionId), Token)).Outcome);
    }

    [Fact]
    public async Task Another_shops_session_and_an_unknown_one_are_not_found()
    {
        var (key, other) = (await _states.KeyAsync(), await _states.KeyAsync());
        var session = await _states.InStateAsync("processing", key);

        foreach (var name in (SessionName[])[SessionName.Parse(session.SessionId), SessionName.Parse(session.PickupCode), SessionName.Parse("x")])
        {
            Assert.Equal(Outcome.NotFound, (await _states.Claims.ClaimAsync(other, name, Token)).Outcome);
            Assert.Equal(Outcome.NotFound, (await _states.Claims.ReleaseAsync(other, name, Token)).Outcome);
            Assert.Equal(Outcome.NotFound, (await _states.Claims.CompleteAsync(other, name, Token)).Outcome);
        }

        Assert.Equal(Outcome.NotFound, (await _states.Sessions.CancelAsync(other.Shop, session.SessionId, Token)).Outcome);
        Assert.Equal(Outcome.NotFound, await _states.Sessions.SubmitAsync(other.Shop, session.SessionId, Token));
        Assert.Null(await _states.UploadingFiles.FindSessionAsync(other.Shop, session.SessionId, Token));
        Assert.Equal(Outcome.NotFound, await _states.Sessions.SubmitAsync(key.Shop, SessionId.Create(), Token));
        Assert.Equal("processing", (await _states.SessionAsync(session.Id)).Status);
    }

    [Fact]
    public async Task A_session_is_discarded_only_while_it_is_empty()
    {
        var key = await _states.KeyAsync();
        var (empty, full) = (await _states.OpenAsync(key.Shop), await _states.InStateAsync("pending", key));

        await _states.Sessions.ForgetAsync(empty.Id, Token);
        await _states.Sessions.ForgetAsync(full.Id, Token);

        Assert.Equal(0, await fixture.ScalarAsync<long>("SELECT count(*) FROM sessions WHERE id = @Id", new { empty.Id }));
        Assert.Equal("pending", (await _states.SessionAsync(full.Id)).Status);
    }

    [Fact]
    public async Task Exactly_one_of_many_simultaneous_claims_wins()
    {
        var shop = await fixture.ShopAsync();
        var keys = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _states.KeyAsync(shop, another: true)));
        for (var round = 0; round < 10; round++)
        {
            var session = await _states.InStateAsync("pending", keys[0]);
            var name = SessionName.Parse(session.SessionId);

            var outcomes = await Task.WhenAll(keys.Select(key => _states.Claims.ClaimAsync(key, name, Token)));

            var winner = Assert.Single(keys.Zip(outcomes), pair => pair.Second.Outcome == Outcome.Done).First;
            Assert.Equal(keys.Length - 1, outcomes.Count(one => one.Outcome == Outcome.ClaimedByAnother));
            Assert.Equal(winner.Id, (await _states.SessionAsync(session.Id)).ClaimedBy);
            Assert.Equal(2, (await _states.EventsAsync(session.Id)).Count);
        }
    }

    [Theory]
    [InlineData("cancelled")]
    [InlineData("completed")]
    public async Task A_file_stored_while_its_session_is_ending_is_deleted_with_it(string end)
    {
        var (key, session) = await _states.InStateAsync("processing");
        var file = await _states.BeginAsync(session.Id);

        // The upload locks the session's row, as StoreAsync does until it commits.
        await using var upload = await fixture.Source.OpenConnectionAsync(Token);
        await using var transaction = await upload.BeginTransactionAsync(Token);
        await upload.ExecuteAsync("UPDATE sessions SET file_count = 2, total_size = 6 WHERE id = @Id", new { session.Id }, transaction);
        var ending = EndAsync(session, end, key);
        await fixture.UntilSomebodyWaitsForAsync(upload);
        await upload.ExecuteAsync(
            """
            UPDATE files SET status = 'stored', lease_until = NULL, stored_at = now(), type = 'text/plain', size = 3, sha256 = sha256('abc'), position = 2
            WHERE id = @Id
            """,
            new { file.Id },
            transaction);
        await transaction.CommitAsync(Token);
        await ending;

        Assert.Equal((end, 2), ((await _states.SessionAsync(session.Id)).Status, (await _states.SessionAsync(session.Id)).FileCount));
        Assert.Equal(["deleting", "deleting"], await _states.FilesAsync(session.Id));
    }

    [Fact]
    public async Task Racing_uploads_cancels_and_claims_leave_no_stored_file_in_an_ended_session()
    {
        var shop = await fixture.ShopAsync();
        var key = await _states.KeyAsync(shop);
        await Parallel.ForEachAsync(Enumerable.Range(0, 60), new ParallelOptions { MaxDegreeOfParallelism = 6, CancellationToken = Token }, async (_, token) =>
        {
            var session = await _states.InStateAsync("pending", key);
            var files = await Task.WhenAll(_states.BeginAsync(session.Id), _states.BeginAsync(session.Id));
            var name = SessionName.Parse(session.SessionId);
            await Task.WhenAll(
                _states.StoreAsync(session.Id, files[0]),
                _states.StoreAsync(session.Id, files[1]),
                _states.UploadingFiles.RenewAsync([files[0].Id, files[1].Id], [], token),
                _states.Claims.ClaimAsync(key, name, token),
                _states.Sessions.CancelAsync(key.Shop, session.SessionId, token));
        });

        var left = """
            SELECT count(*) FROM sessions JOIN files ON files.session = sessions.id
            WHERE sessions.shop_id = @Id AND sessions.ended_at IS NOT NULL AND files.status = 'stored'
            """;
        Assert.Equal(0, await fixture.ScalarAsync<long>(left, new { shop.Id }));
        Assert.Equal(60, await fixture.ScalarAsync<long>("SELECT count(*) FROM sessions WHERE shop_id = @Id AND status = 'cancelled'", new { shop.Id }));
    }

    private async Task EndAsync(OpenedSession session, string end, ShopKey key)
    {
        if (end == "cancelled")
        {
            Assert.Equal(Outcome.Done, (await _states.Sessions.CancelAsync(key.Shop, session.SessionId, Token)).Outcome);
        }
        else if (end == "completed")
        {
            await _states.Claims.ClaimAsync(key, SessionName.Parse(session.SessionId), Token);
            Assert.Equal(Outcome.Done, (await _states.Claims.CompleteAsync(key, SessionName.Parse(session.SessionId), Token)).Outcome);
        }
        else
        {
            await _states.PassAsync(session);
            await _states.Expiry.ExpireSessionsAsync(1_000, Token);
        }
    }

    private Task<int> LapseAsync(OpenedSession session) =>
        _states.ExecuteAsync("UPDATE sessions SET claimed_until = @now WHERE id = @Id", new { now = _states.Clock.GetUtcNow().UtcDateTime, session.Id });
}
