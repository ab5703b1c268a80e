using System.Collections.Concurrent;
using System.ComponentModel;
using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// Counts the pages of PDFs that are in S3, and finds those that need a password. A PDF is as complex as a program, and anybody may have
/// written it: so it is parsed in a process of its own (<see cref="PdfProcess"/>), few at a time, with limits on the memory, the bytes
/// read and the time. If a limit is passed, the process is killed and the file stays uncounted, which changes nothing else.
/// </summary>
internal sealed class PdfPages(ObjectStore store, IOptions<PdfOptions> options, TimeProvider clock, Telemetry telemetry, ILogger<PdfPages> logger) : IDisposable
{
    private readonly SemaphoreSlim _free = new(options.Value.Processes, options.Value.Processes);
    private readonly ConcurrentBag<PdfProcess> _idle = [];
    private readonly TimeSpan _limit = TimeSpan.FromMilliseconds(options.Value.TimeLimit);
    private bool _saidUnconfined;

    /// <summary>Counts the pages within the time limit, which includes the wait for a process: the shop is told of the file no later than that.</summary>
    /// <returns>What was found out, or null if nothing was.</returns>
    public async Task<PdfFacts?> CountAsync(UploadingFile file, long size, CancellationToken cancellationToken)
    {
        using var span = Telemetry.StartPdf(file.Id);
        using var limit = clock.Limit(_limit, cancellationToken);
        try
        {
            await _free.WaitAsync(limit.Token);
            try
            {
                return Record(await ReadAsync(file, size, limit.Token));
            }
            finally
            {
                _free.Release();
            }
        }
        catch (Exception failed) when (failed is OperationCanceledException or IOException or InvalidDataException or Win32Exception
            || Outage.IsOrRefusal(failed))
        {
            if (failed is FileNotFoundException)
                logger.PdfReaderIncomplete(file.Id);
            else if (!cancellationToken.IsCancellationRequested)
                logger.PagesNotCounted(file.Id, failed.GetType().Name);
            return Record(null);
        }
    }

    public void Dispose()
    {
        foreach (var process in _idle)
            process.Dispose();
        _free.Dispose();
    }

    private async Task<PdfFacts?> ReadAsync(UploadingFile file, long size, CancellationToken cancellationToken)
    {
        var process = _idle.TryTake(out var idle) ? idle : PdfProcess.Start(_limit);
        try
        {
            if (!await process.Started.WaitAsync(cancellationToken) && !Interlocked.Exchange(ref _saidUnconfined, true))
                logger.PdfsReadUnconfined();
            return await process.CountAsync(store, file.ObjectKey, size, cancellationToken);
        }
        finally
        {
            Replace(process);
        }
    }

    private void Replace(PdfProcess process)
    {
        if (process.IsUsable)
        {
            _idle.Add(process);
            return;
        }

        // Started at once, so that the next PDF does not wait for it.
        process.Dispose();
        _idle.Add(PdfProcess.Start(_limit));
    }

    private PdfFacts? Record(PdfFacts? facts)
    {
        telemetry.PdfRead(facts);
        return facts;
    }
}

/// <summary>What is known of a PDF: its pages, or that it cannot be opened without a password.</summary>
internal sealed record PdfFacts(int? Pages, bool Locked)
{
    /// <summary>What the program that reads PDFs says. It may have been taken over by a PDF: null if it says nothing, or something impossible.</summary>
    public static PdfFacts? From(PdfMessage message, long value) => message switch
    {
        PdfMessage.Pages when value is >= 0 and <= int.MaxValue => new((int)value, false),
        PdfMessage.Locked => new(null, true),
        _ => null,
    };
}
