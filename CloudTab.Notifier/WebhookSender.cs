using System.Threading.Channels;
using CloudTab.Relay;

namespace CloudTab.Notifier;

/// <summary>
/// Posts events to shops' webhooks: the same JSON as the sockets' frames. Which webhook has not accepted which event is in Postgres, so what a
/// replica that was killed had not sent, or had sent and not recorded, another one sends once the lease has ended. Each webhook has a task of
/// its own while there is something to send; those whose last attempt failed have places of their own, so that receivers that do not answer
/// delay no other.
/// </summary>
internal sealed class WebhookSender(
    WebhookDeliveries deliveries,
    WebhookClient client,
    Telemetry telemetry,
    TimeProvider clock,
    IHostApplicationLifetime lifetime,
    ILogger<WebhookSender> logger) : BackgroundService
{
    // An attempt takes some 20 KB. Receivers that cease to answer hold one of the many places once, for as long as an attempt may take.
    private const int MostWorking = 500;
    private const int MostFailing = 50;
    private const int MostOfOneLook = 50;

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan FarewellLimit = TimeSpan.FromSeconds(2);

    // Capacity one: any number of wake-ups before the next look are one.
    private readonly Channel<bool> _wakeups = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly HashSet<Task> _working = [];
    private readonly HashSet<Task> _failing = [];
    private bool _isInterrupted;

    /// <summary>There may be something to send. It never blocks.</summary>
    public void Wake() => _wakeups.Writer.TryWrite(true);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The host stops its services after Kestrel, whose requests may take all of the time: no attempt begins meanwhile.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        try
        {
            while (true)
            {
                await TryAsync(() => StartDueAsync(stopping.Token), stopping.Token);
                // Each look is a statement, however many events there are.
                await Task.Delay(Pause, clock, stopping.Token);
                await WaitAsync(stopping.Token);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // What has begun is waited for.
        }
        finally
        {
            await Task.WhenAll([.. _working, .. _failing]);
        }
    }

    private async Task StartDueAsync(CancellationToken stoppingToken)
    {
        await StartDueAsync(_working, MostWorking, failing: false, stoppingToken);
        await StartDueAsync(_failing, MostFailing, failing: true, stoppingToken);
    }

    private async Task StartDueAsync(HashSet<Task> running, int most, bool failing, CancellationToken stoppingToken)
    {
        running.RemoveWhere(task => task.IsCompleted);
        var free = Math.Min(most - running.Count, MostOfOneLook);
        if (free == 0)
            return;
        var due = await deliveries.AcquireAsync(failing, free, stoppingToken);
        foreach (var held in due)
            running.Add(SendAsync(held, stoppingToken));
        if (due.Count == MostOfOneLook)
            Wake();
    }

    /// <summary>Sends what is due for a webhook, until nothing is, an attempt fails or the lease is nearly over.</summary>
    private async Task SendAsync(HeldWebhook held, CancellationToken stoppingToken)
    {
        var sent = false;
        var isRecorded = await TryAsync(
            async () =>
            {
                while (await deliveries.NextAsync(held, stoppingToken) is { } next)
                {
                    sent = true;
                    if (!await TrySendAsync(held, next, stoppingToken))
                        return;
                }
            },
            stoppingToken);

        // What the failure of an attempt has recorded stays: the lease is then another one.
        using var limit = clock.Limit(FarewellLimit);
        await TryAsync(() => deliveries.ReleaseAsync(held, limit.Token), limit.Token);
        // Something may have been written, or be left, that nobody looked for while the webhook was held. What could not be recorded would be sent
        // again at once: that waits for the next poll.
        if (sent && isRecorded)
            Wake();
    }

    /// <returns>Whether the next one can be sent.</returns>
    private async Task<bool> TrySendAsync(HeldWebhook held, Delivery next, CancellationToken stoppingToken)
    {
        // An attempt is carried through and recorded though the host stops, or another replica would repeat what was received. What is left of the
        // lease is enough for it, and so is the time that a stop has (SHUTDOWN_TIMEOUT), unless an operator gives it less than that.
        using var limit = clock.Limit(WebhookDeliveries.LongestAttempt);
        if (await deliveries.ReadAsync(next, stoppingToken) is not { } read)
        {
            await deliveries.DropAsync(next, stoppingToken);
            return true;
        }

        var began = clock.GetTimestamp();
        using var attempt = Telemetry.StartAttempt(read, next);
        var answer = await PostAsync(held, next, read, limit.Token);
        telemetry.RecordAttempt(attempt, answer);
        switch (answer.Outcome)
        {
            case WebhookOutcome.Accepted:
                await deliveries.AcceptedAsync(next, limit.Token);
                telemetry.RecordAccepted(read, began);
                if (next.Failures > 0)
                    logger.WebhookRecovered(held.Id, held.Shop);
                return true;
            case WebhookOutcome.Gone:
                await deliveries.DisableAsync(next, answer.Reason, limit.Token);
                logger.WebhookDisabled(held.Id, held.Shop);
                return false;
            default:
                await deliveries.FailedAsync(held, next, answer.Reason, limit.Token);
                if (next.Failures == 0)
                    logger.WebhookFailed(held.Id, held.Shop, answer.Reason);
                return false;
        }
    }

    /// <summary>Posts an event. Neither Postgres nor S3 is asked: what fails would fail again at once, so it is a failed attempt, and its event waits.</summary>
    private async Task<WebhookAnswer> PostAsync(HeldWebhook held, Delivery next, SessionEvent read, CancellationToken cancellationToken)
    {
        try
        {
            return await client.PostAsync(next.Url, next.MessageId, next.Target.Secrets, Frame.TextOf(read), cancellationToken);
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
        {
            logger.WebhookFaulted(fault, held.Id, held.Shop);
            return new(WebhookOutcome.Unanswered, $"a fault of the relay: {fault.GetType().Name}");
        }
    }

    /// <summary>A failure, of Postgres above all, ends nothing: what is recorded there is looked for again, and leases end by themselves.</summary>
    /// <returns>Whether the work was done.</returns>
    private async Task<bool> TryAsync(Func<Task> work, CancellationToken cancellationToken)
    {
        try
        {
            await work();
            if (_isInterrupted)
                logger.WebhooksResumed();
            _isInterrupted = false;
            return true;
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception failure)
        {
            if (!_isInterrupted)
                logger.WebhooksInterrupted(failure);
            _isInterrupted = true;
            return false;
        }
    }

    private async Task WaitAsync(CancellationToken stoppingToken)
    {
        using var poll = clock.Limit(PollInterval * (0.5 + Random.Shared.NextDouble()), stoppingToken);
        try
        {
            await _wakeups.Reader.ReadAsync(poll.Token);
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            // Time to look anyway.
        }
    }
}
