using System.Xml.Linq;

namespace CloudTab.LocalS3;

/// <summary>Applies every bucket's lifecycle rules, at start and each hour.</summary>
internal sealed class LifecycleSweep(BucketStore store, TimeProvider time, ILogger<LifecycleSweep> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromHours(1);

    public LifecycleResult RunOnce(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var (expired, aborted) = (0, 0);
        foreach (var bucket in store.All)
        {
            if (bucket.Settings.Lifecycle is not { } xml)
                continue;
            foreach (var rule in LifecycleRule.Parse(XElement.Parse(xml)).Where(rule => rule.IsEnabled))
            {
                expired += Expire(bucket, rule, now, cancellationToken);
                aborted += Abort(bucket, rule, now);
            }
        }

        return new LifecycleResult(expired, aborted);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        do
        {
            try
            {
                // Off the caller's thread: the host's start waits for a service's first await.
                var result = await Task.Run(() => RunOnce(stoppingToken), stoppingToken);
                if (result.Expired > 0 || result.Aborted > 0)
                    logger.LifecycleApplied(result.Expired, result.Aborted);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                logger.LifecycleFailed(exception);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private static int Expire(Bucket bucket, LifecycleRule rule, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var expired = 0;
        var from = rule.Prefix;
        while (bucket.FirstFrom(from) is { } entry && entry.Key.StartsWith(rule.Prefix, StringComparison.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (rule.Expires(entry, now) && bucket.DeleteUnchanged(entry))
                expired++;
            from = entry.Key + '\0';
        }

        return expired;
    }

    private static int Abort(Bucket bucket, LifecycleRule rule, DateTimeOffset now)
    {
        var stale = bucket.Uploads.Values.Where(upload => rule.Aborts(upload, now)).ToList();
        stale.ForEach(upload => upload.End(bucket));
        return stale.Count;
    }
}

/// <summary>What one sweep removed.</summary>
internal sealed record LifecycleResult(int Expired, int Aborted);
