using System.Collections.Concurrent;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// Keeps the files that this process is receiving from being taken for abandoned: one loop renews all of them, at a third of
/// UPLOAD_LEASE. A round that fails is repeated by the next, and the lease survives two of them.
/// </summary>
internal sealed class FileLeases(UploadingFiles uploadingFiles, Lifetimes lifetimes, TimeProvider clock, ILogger<FileLeases> logger)
    : BackgroundService
{
    private readonly ConcurrentDictionary<Guid, bool> _files = new();
    private bool _failing;

    /// <summary>Renews a file's lease from now on.</summary>
    public void Add(Guid file) => _files.TryAdd(file, true);

    /// <summary>Renews it no more.</summary>
    public void Remove(Guid file) => _files.TryRemove(file, out _);

    /// <summary>Renews the leases of all files on their way in.</summary>
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
