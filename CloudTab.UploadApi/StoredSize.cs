using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// The bytes of all shops' files together, and whether they have reached MAX_STORED_SIZE: then no upload begins and none goes on, before the store is full.
/// They are summed up every few seconds, since an exact sum would make all uploads of all shops wait for each other; up to once a minute if that takes
/// long, as it does with many shops.
/// </summary>
internal sealed class StoredSize(Database database, IOptions<UploadOptions> options, TimeProvider clock, ILogger<StoredSize> logger) : BackgroundService
{
    // So the sums take a hundredth of a core at most.
    private const int LeastPauseOverTime = 100;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestInterval = TimeSpan.FromMinutes(1);

    private long _bytes;
    private long _announced;
    private bool _failing;

    /// <summary>Whether there is no room for more bytes.</summary>
    public bool IsFull => Volatile.Read(ref _bytes) >= options.Value.MaxStoredSize;

    /// <summary>Whether a direct upload of so many bytes may begin: all that are announced may take half of the room.</summary>
    public bool MayAnnounce(long bytes) => Volatile.Read(ref _announced) + bytes <= options.Value.MaxStoredSize / 2;

    /// <summary>
    /// Sums up what is stored, what has come of uploads that have begun, and what of both waits to be deleted. Nobody counts what S3 has got
    /// of a direct upload: it is taken to be there.
    /// </summary>
    public async Task RunOnceAsync(CancellationToken cancellationToken)
    {
        const string sql = """
            SELECT (
                (SELECT coalesce(sum(stored), 0) FROM outstanding)
                + (SELECT coalesce(sum(size), 0) FROM files WHERE status = 'deleting')
                + (SELECT coalesce(sum(size), 0) FROM files WHERE status = 'uploading') -- those of forms
                + announced + come
            )::bigint AS Bytes, announced AS Announced
            FROM (
                SELECT coalesce(sum(length) FILTER (WHERE direct), 0)::bigint AS announced, coalesce(sum(received) FILTER (WHERE NOT direct), 0)::bigint AS come
                FROM files JOIN uploads ON uploads.file = files.id, LATERAL (SELECT part_sha256 IS NOT NULL AND multipart_id IS NOT NULL AS direct) AS kind
                WHERE files.status = 'uploading' OR files.status = 'deleting' AND files.size IS NULL
            ) AS unfinished
            """;
        var sums = await database.QuerySingleOrDefaultAsync<Sums>(sql, parameters: null, cancellationToken);
        Volatile.Write(ref _bytes, sums!.Bytes);
        Volatile.Write(ref _announced, sums.Announced);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            var pause = Interval;
            try
            {
                var began = clock.GetTimestamp();
                await RunOnceAsync(stoppingToken);
                var taken = LeastPauseOverTime * clock.GetElapsedTime(began);
                pause = taken < Interval ? Interval : taken > LongestInterval ? LongestInterval : taken;
                _failing = false;
            }
            catch (Exception outage) when (!stoppingToken.IsCancellationRequested)
            {
                // The last sum holds: a store does not fill by an outage.
                if (!_failing)
                    logger.StoredSizeUnknown(outage);
                _failing = true;
            }

            await Task.Delay(pause, clock, stoppingToken);
        }
    }

    private sealed record Sums(long Bytes, long Announced);
}
