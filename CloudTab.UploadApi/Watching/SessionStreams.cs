using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// The open streams of this replica, and the loop that tells them what has changed. It reads events to learn which sessions and which
/// shops' queues changed, and then only those that are watched: however many streams are open, a round is a few statements. All are
/// looked at every few seconds besides, since not everything that a customer sees raises an event: a session that is not submitted, the
/// time of its end, files that are gone. While nobody watches nothing is read.
/// </summary>
internal sealed class SessionStreams(
    EventReader reader,
    EventLoop loop,
    CustomerViews views,
    QueuePlaces places,
    Database database,
    IOptions<WatchOptions> options,
    IOptions<JsonOptions> json,
    IHostEnvironment environment,
    IHostApplicationLifetime lifetime,
    Telemetry telemetry,
    TimeProvider clock) : BackgroundService
{
    private const int DefaultPerAddress = 1_000;

    // Sessions that one statement reads.
    private const int BatchSize = 500;

    // A busy shop's queue changes many times in a second, and each change is told to all that stand in it.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(15);

    // After this time the first client of a replica that stops connects again, and then one in each of these; but not sooner than after a broken line.
    private const int FirstReturn = 1_000;
    private const int BetweenReturns = 2;
    private const int ShortestSpread = 2_000;

    private static readonly TimeSpan TurnLimit = TimeSpan.FromSeconds(15);

    // How often it is looked which streams have been silent for long enough.
    private static readonly TimeSpan BeatLook = TimeSpan.FromSeconds(1);

    private readonly ConnectionLimit _limit = new(
        options.Value.MaxStreamsPerAddress ?? (environment.IsDevelopment() ? int.MaxValue : DefaultPerAddress), options.Value.MaxStreams);

    // After a restart all customers open their streams again. Beyond a quarter of the pool they wait here, and not in the pool, where what uploads and
    // status calls need would be refused after seconds.
    private readonly SemaphoreSlim _turns = new(Math.Max(1, database.PoolSize / 4));

    private readonly JsonSerializerOptions _json = json.Value.SerializerOptions;
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Watched> _sessions = [];
    private readonly HashSet<string> _changedShops = new(StringComparer.Ordinal);
    private long _refreshed = clock.GetTimestamp();
    private int _restarts;

    /// <summary>The session of a stream that is to be opened; null if the shop has no such session.</summary>
    /// <exception cref="TimeoutException">Too many others are opened.</exception>
    public async Task<FoundSession?> FindAsync(RequestedSession requested, CancellationToken cancellationToken)
    {
        if (!await _turns.WaitAsync(TurnLimit, cancellationToken))
            throw new TimeoutException("Too many streams of events are opened at once.");
        try
        {
            return await views.FindAsync(requested, cancellationToken);
        }
        finally
        {
            _turns.Release();
        }
    }

    /// <summary>Answers with a stream, to its end.</summary>
    /// <returns>Why there is none, or null.</returns>
    public Task<Problem?> RunAsync(HttpContext context, IPAddress client, FoundSession found, KnownState known)
    {
        if (_limit.TryOpen(client) is { } reached)
            return Task.FromResult<Problem?>(reached == ReachedLimit.PerAddress ? Problems.TooManyStreams : Problems.TooManyStreamsInAll);
        telemetry.StreamsChanged(1);
        var stream = new SessionStream(known, clock, lifetime.ApplicationStopping);
        // Before the stream is known to the loop, whose next states are newer than this one.
        stream.Deliver(SessionState.Of(found, _json));
        Add(found, stream);
        // It may have come when all others had been ended.
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            stream.End();
        return RunAsync(context, client, found.Id, stream);
    }

    // What a stream has been told first is not kept for as long as it is open.
    private async Task<Problem?> RunAsync(HttpContext context, IPAddress client, Guid session, SessionStream stream)
    {
        try
        {
            await stream.RunAsync(context.Response, context.RequestAborted);
            return null;
        }
        finally
        {
            Remove(session, stream);
            telemetry.StreamsChanged(-1);
            _limit.Close(client);
        }
    }

    /// <summary>Reads what has changed, and tells it.</summary>
    internal async Task RunOnceAsync(CancellationToken cancellationToken)
    {
        var watched = Snapshot();
        if (watched.Length == 0)
        {
            reader.Forget();
            return;
        }

        // Before anything is looked up: what changes later is in the next read.
        do
        {
            foreach (var change in await reader.ReadChangesAsync(cancellationToken))
                Mark(change);
        }
        while (reader.HasMore);
        MarkAllIfDue(watched);

        var due = watched.Where(session => session.IsDue || session.IsEnding).ToHashSet();
        foreach (var batch in due.Chunk(BatchSize))
            await TellAsync(batch, cancellationToken);
        await TellPlacesAsync(watched.Where(session => _changedShops.Contains(session.Shop) && !due.Contains(session)), cancellationToken);
        _changedShops.Clear();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _turns.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Kestrel waits for its open requests when it stops, so streams must end first.
        using var stopping = lifetime.ApplicationStopping.Register(() =>
        {
            var spread = Math.Max(ShortestSpread, BetweenReturns * Snapshot().Sum(session => session.Streams.Length));
            ForEach(stream => stream.End(FirstReturn + Random.Shared.Next(spread)));
        });
        await Task.WhenAll(loop.RunAsync(RunOnceAsync, Pause, stoppingToken), BeatAsync(stoppingToken));
    }

    private async Task BeatAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(BeatLook, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            ForEach(stream => stream.Beat());
    }

    private void ForEach(Action<SessionStream> act)
    {
        foreach (var session in Snapshot())
        {
            foreach (var stream in session.Streams)
                act(stream);
        }
    }

    private void Add(FoundSession found, SessionStream stream)
    {
        lock (_gate)
        {
            if (!_sessions.TryGetValue(found.Id, out var session))
                _sessions[found.Id] = session = new(found.Id, found.Shop);
            session.Streams = session.Streams.Add(stream);
            // It was read before it was watched, and may have changed in between.
            session.IsDue = true;
        }

        loop.Wake();
    }

    private void Remove(Guid id, SessionStream stream)
    {
        lock (_gate)
        {
            if (!_sessions.TryGetValue(id, out var session))
                return;
            session.Streams = session.Streams.Remove(stream);
            if (session.Streams.IsEmpty)
                _sessions.Remove(id);
        }
    }

    private Watched[] Snapshot()
    {
        lock (_gate)
            return [.. _sessions.Values];
    }

    private void Mark(ChangedSession change)
    {
        _changedShops.Add(change.Shop);
        lock (_gate)
        {
            if (_sessions.TryGetValue(change.Session, out var session))
                session.IsDue = true;
        }
    }

    private void MarkAllIfDue(Watched[] watched)
    {
        if (reader.Restarts == _restarts && clock.GetElapsedTime(_refreshed) < RefreshInterval)
            return;
        (_restarts, _refreshed) = (reader.Restarts, clock.GetTimestamp());
        foreach (var session in watched)
            session.IsDue = true;
    }

    private async Task TellAsync(Watched[] batch, CancellationToken cancellationToken)
    {
        var streams = BeginLook(batch);
        try
        {
            var found = (await views.FindAsync([.. batch.Select(session => session.Id)], cancellationToken)).ToDictionary(session => session.Id);
            foreach (var (session, its) in batch.Zip(streams))
            {
                if (found.TryGetValue(session.Id, out var now))
                    session.Tell(its, now, _json);
                else
                    Watched.End(its);
            }
        }
        catch
        {
            foreach (var session in batch)
                session.IsDue = true;
            throw;
        }
    }

    /// <summary>
    /// The streams of these sessions before they are looked up: only those are told. One that comes meanwhile may have begun with a newer
    /// state, and its session is due again.
    /// </summary>
    private ImmutableArray<SessionStream>[] BeginLook(Watched[] batch)
    {
        lock (_gate)
        {
            foreach (var session in batch)
                session.IsDue = false;
            return [.. batch.Select(session => session.Streams)];
        }
    }

    /// <summary>The places of sessions that stand in a queue that has changed. The state of a session tells its own.</summary>
    private async Task TellPlacesAsync(IEnumerable<Watched> sessions, CancellationToken cancellationToken)
    {
        foreach (var batch in sessions.Chunk(BatchSize))
        {
            ImmutableArray<SessionStream>[] streams = [.. batch.Select(session => session.Streams)];
            var found = await places.FindAsync([.. batch.Select(session => session.Id)], cancellationToken);
            foreach (var (session, its) in batch.Zip(streams))
                Watched.Tell(its, found.GetValueOrDefault(session.Id));
        }
    }

    /// <summary>A session that somebody watches.</summary>
    private sealed class Watched(Guid id, string shop)
    {
        private volatile bool _isDue;

        public Guid Id => id;

        public string Shop => shop;

        public ImmutableArray<SessionStream> Streams { get; set; } = [];

        /// <summary>Whether it may have changed since it was looked up.</summary>
        public bool IsDue
        {
            get => _isDue;
            set => _isDue = value;
        }

        /// <summary>Whether it has ended and its files are still being deleted, which no event tells.</summary>
        public bool IsEnding { get; private set; }

        public void Tell(ImmutableArray<SessionStream> streams, FoundSession found, JsonSerializerOptions json)
        {
            IsEnding = found.HasEnded && !found.IsGone;
            var state = SessionState.Of(found, json);
            foreach (var stream in streams)
                stream.Deliver(state);
        }

        public static void Tell(ImmutableArray<SessionStream> streams, QueuePlace? place)
        {
            var state = SessionState.OfPlace(place);
            foreach (var stream in streams)
                stream.Deliver(state);
        }

        public static void End(ImmutableArray<SessionStream> streams)
        {
            foreach (var stream in streams)
                stream.End();
        }
    }
}
