using System.Collections.Concurrent;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// Renews the leases of all files that this process is receiving, so that the Janitor does not take them for abandoned. One loop renews
/// them every third of UPLOAD_LEASE: a lease survives two rounds that fail.
/// </summary>
internal sealed class FileLeases(UploadingFiles uploadingFiles, Lifetimes lifetimes, TimeProvider clock, ILogger<FileLeases> logger)
    : BackgroundService
{
    private readonly ConcurrentDictionary<Guid, bool> _files = new();
    private bool _failing;

    /// <summary>Renews a file's lease from now on.</summary>
    public void Add(Guid file) => _files.TryAdd(file, true);

    /// <summary>Stops renewing it.</summary>
    public void Remove(Guid file) => _files.TryRemove(file, out _);

    /// <summary>Renews all leases.</summary>
    /// <returns>How many there are.</returns>
    public async Task<int> RunOnceAsync(CancellationToken cancellationToken)
    {
        var files = _files.Keys.ToArray();
        if (files.Length > 0)
            await uploadingFiles.RenewAsync(files, cancellationToken);
        return files.Length;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(lifetimes.OfUploadLease / 3, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RunOnceAsync(stoppingToken);
                if (_failing)
                    logger.LeasesRenewedAgain();
                _failing = false;
            }
            catch (Exception outage) when (!stoppingToken.IsCancellationRequested)
            {
                if (!_failing)
                    logger.LeasesNotRenewed(_files.Count, outage);
                _failing = true;
            }
        }
    }
}
