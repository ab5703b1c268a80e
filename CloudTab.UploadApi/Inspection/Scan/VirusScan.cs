using System.Net;
using System.Net.Sockets;
using CloudTab.Relay;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// Shows clamd the files that are durable and accepted, before their session and their shop know of them. A file is read back from S3 for
/// it: while it comes in, a slow phone would hold one of clamd's few threads for minutes, and bytes of direct uploads never pass here.
/// </summary>
internal sealed class VirusScan(ObjectStore store, IOptions<ScanOptions> options, TimeProvider clock, Telemetry telemetry, ILogger<VirusScan> logger)
    : IHealthCheck, IDisposable
{
    // clamd has 10 threads unless it is told otherwise. Two replicas leave it some, and each file costs a buffer here.
    private const int Connections = 4;

    private readonly SemaphoreSlim _free = new(Connections, Connections);
    private readonly TimeSpan _limit = TimeSpan.FromMilliseconds(options.Value.TimeLimit);
    private bool _isAway;

    /// <summary>Scans a file within the time limit.</summary>
    /// <returns>One of <see cref="Scan"/>; null if files must be scanned, and clamd cannot scan this one.</returns>
    /// <exception cref="ScannerAwayException">Files must be scanned, and clamd does not answer.</exception>
    public async Task<string?> ScanAsync(UploadingFile file, CancellationToken cancellationToken)
    {
        if (options.Value.Endpoint is not { } endpoint)
            return Scan.Unscanned;
        using var span = Telemetry.StartScan(file.Id);
        var answer = await AskAsync(endpoint, file, cancellationToken);
        var scan = answer is null ? Scan.Unscanned : VerdictOf(answer);
        telemetry.FileScanned(scan);
        if (answer is not null)
            Tell(file, scan, answer);
        if (scan != Scan.Unscanned || !options.Value.Required)
            return scan;
        return answer is null ? throw new ScannerAwayException() : null;
    }

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (!options.Value.Required)
            return HealthCheckResult.Healthy();
        try
        {
            return await Clamd.PingAsync(options.Value.Endpoint!, clock, cancellationToken)
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("clamd answers something else");
        }
        catch (Exception away) when (away is IOException or SocketException or InvalidDataException or OperationCanceledException)
        {
            return HealthCheckResult.Unhealthy("clamd does not answer", away);
        }
    }

    public void Dispose() => _free.Dispose();

    /// <returns>clamd's answer; null if there is none within the time limit, or no file any more.</returns>
    private async Task<string?> AskAsync(DnsEndPoint endpoint, UploadingFile file, CancellationToken cancellationToken)
    {
        using var limit = clock.Limit(_limit, cancellationToken);
        try
        {
            await _free.WaitAsync(limit.Token);
            try
            {
                using var content = await store.GetAsync(file.ObjectKey, range: null, limit.Token);
                // Another file of its form was refused meanwhile, and with it this one.
                if (content is null)
                    return null;
                return await Clamd.ScanAsync(endpoint, content, clock, limit.Token);
            }
            finally
            {
                _free.Release();
            }
        }
        catch (Exception failed) when (failed is IOException or SocketException or InvalidDataException || Outage.IsOrRefusal(failed)
            || failed is OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            if (!_isAway)
                logger.NotScanned(file.Id, failed);
            _isAway = true;
            return null;
        }
    }

    private void Tell(UploadingFile file, string scan, string answer)
    {
        if (_isAway)
            logger.ScanningAgain();
        _isAway = false;
        if (scan == Scan.Infected)
            logger.FileInfected(file.Id, answer);
        // It is there, and cannot scan this file. An operator has to hear of each.
        if (scan == Scan.Unscanned)
            logger.NotScannable(file.Id, answer);
    }

    /// <returns>One of <see cref="Scan"/>: `unscanned` if the answer is no verdict.</returns>
    private static string VerdictOf(string answer) => answer switch
    {
        "stream: OK" => Scan.Clean,
        // With AlertExceedsMax, what is larger or deeper than clamd's limits "is found". Without it clamd calls that clean.
        _ when answer.Contains("Heuristics.Limits.Exceeded", StringComparison.Ordinal) => Scan.Unscanned,
        _ when answer.EndsWith(" FOUND", StringComparison.Ordinal) => Scan.Infected,
        _ => Scan.Unscanned,
    };
}
