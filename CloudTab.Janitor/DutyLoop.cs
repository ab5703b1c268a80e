using System.Diagnostics;
using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.Janitor;

/// <summary>
/// The loop around a duty: a round at once, then one every interval; a round is batches until one is not full. A failure never ends it,
/// since every outage of Postgres or S3 ends some time; one line in the log tells of each change of its health.
/// </summary>
internal sealed class DutyLoop(Duty duty, IOptions<JanitorOptions> options, Telemetry telemetry, TimeProvider clock, ILogger<DutyLoop> logger)
    : BackgroundService
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(50);

    private bool _interrupted;
    private bool _refused;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(duty.Interval, clock);
        do
        {
            await RunRoundAsync(stoppingToken);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken) && await PauseAsync(duty.Interval / 10, stoppingToken));
    }

    private async Task RunRoundAsync(CancellationToken stoppingToken)
    {
        var (done, refused) = (0, 0);
        try
        {
            for (var batches = 1; ; batches++)
            {
                var batch = await RunBatchAsync(stoppingToken);
                done += batch.Done;
                refused += batch.Refused;
                if (!batch.More || batches == options.Value.Batches)
                    break;
                await PauseAsync(LongestPause, stoppingToken);
            }

            Report(refused);
        }
        catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
        {
            telemetry.Failed(duty.Name);
            if (!_interrupted)
                logger.DutyInterrupted(duty.Name, failure);
            _interrupted = true;
        }

        if (done > 0)
            logger.DutyDone(duty.Name, done);
    }

    private async Task<Batch> RunBatchAsync(CancellationToken stoppingToken)
    {
        using var limit = clock.Limit(TimeSpan.FromMilliseconds(options.Value.BatchTimeout), stoppingToken);
        using var span = RelayTelemetry.StartLooking(Telemetry.Source, duty.Name);
        try
        {
            var batch = await duty.RunOnceAsync(limit.Token);
            if (batch.Done + batch.Refused > 0)
                RelayTelemetry.FoundWork();
            telemetry.Done(duty.Name, batch.Done);
            return batch;
        }
        catch (Exception failure)
        {
            RelayTelemetry.FoundWork(); // what fails is worth a trace too
            span?.SetStatus(ActivityStatusCode.Error, failure.GetType().FullName);
            throw;
        }
    }

    private void Report(int refused)
    {
        if (_interrupted)
            logger.DutyResumed(duty.Name);
        _interrupted = false;

        if (refused > 0 && !_refused)
            logger.DutyRefused(duty.Name, refused);
        _refused = refused > 0;
    }

    // Replicas that were started together would otherwise ask for the same rows at the same moments for ever.
    private async Task<bool> PauseAsync(TimeSpan longest, CancellationToken stoppingToken)
    {
        await Task.Delay(longest * Random.Shared.NextDouble(), clock, stoppingToken);
        return true;
    }
}
