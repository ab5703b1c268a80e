using System.Collections.Concurrent;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// Renews the leases of all files that this process is receiving, so that the Janitor does not take them for abandoned. One loop renews
/// them every third of UPLOAD_LEASE: a lease survives two rounds that fail. It also tells how much has come of those of forms: nobody else
/// knows, and a form may stay open for long.
/// </summary>
internal sealed class FileLeases(UploadingFiles uploadingFiles, Lifetimes lifetimes, TimeProvider clock, ILogger<FileLeases> logger)
    : BackgroundService
{
    private readonly ConcurrentDictionary<Guid, Func<long>?> _files = new();
    private bool _failing;

    /// <summary>Renews a file's lease from now on.</summary>
    /// <param name="come">How many bytes have come; null if that is recorded elsewhere, or none has.</param>
    public void Add(Guid file, Func<long>? come = null) => _files[file] = come;

    /// <summary>Stops renewing it.</summary>
    public void Remove(Guid file) => _files.TryRemove(file, out _);

    /// <summary>Renews all leases.</summary>
    /// <returns>How many there are.</returns>
    public async Task<int> RunOnceAsync(CancellationToken cancellationToken)
    {
        var files = _files.ToArray();
        if (files.Length > 0)
            await uploadingFiles.RenewAsync([.. files.Select(file => file.Key)], [.. files.Select(file => file.Value?.Invoke() ?? 0)], cancellationToken);
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
