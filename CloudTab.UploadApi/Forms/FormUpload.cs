using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// The files of one request on their way in: all of them get stored, or none. Bytes go to S3 first, each file under a row that is
/// `uploading`; then one statement stores all rows. Disposing it before that takes everything back: rows, objects, parts. Dispose
/// it before the answer, so that a client which hears of a failure can rely on it.
/// </summary>
internal sealed class FormUpload(
    UploadingFiles uploadingFiles,
    StoredFiles storedFiles,
    ObjectStore store,
    FileLeases leases,
    FileTypes types,
    PdfPages pdfPages,
    IOptions<UploadOptions> options,
    TimeProvider clock,
    Telemetry telemetry,
    ILogger<FormUpload> logger) : IAsyncDisposable
{
    // These run when the client may be gone, and while the host stops: they have a time of their own.
    private static readonly TimeSpan StoreLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan CleanUpLimit = TimeSpan.FromSeconds(10);

    private readonly List<UploadingFile> _begun = [];
    private readonly List<UploadedFile> _complete = [];
    private readonly Dictionary<Guid, Task<PdfFacts?>> _reading = [];

    /// <summary>The files whose bytes are complete.</summary>
    public IReadOnlyList<UploadedFile> Complete => _complete;

    /// <summary>Receives one file: checks it while it passes, and makes its object durable.</summary>
    /// <param name="session">The session that it is for.</param>
    /// <param name="part">The form's field that holds it.</param>
    /// <param name="bodySize">Bytes of the request's body, where the client announced them.</param>
    /// <returns>Why it is refused, or null.</returns>
    public async Task<Problem?> AddAsync(UploadSession session, FormPart part, long? bodySize, CancellationToken cancellationToken)
    {
        var limits = options.Value.For(session.ShopLimits);
        if (session.FileCount + _begun.Count >= limits.Files)
            return Problems.TooManyFiles;
        if (part.Head.IsEmpty)
            return Problems.EmptyFile;
        var name = FileNames.Clean(part.FileName ?? "");
        using var inspection = new FileInspection(types, name, part.DeclaredType);
        if (!inspection.Begin(part.Head.Span))
            return Problems.TypeNotAccepted;
        if (await uploadingFiles.BeginAsync(session.Id, name, cancellationToken) is not { } file)
            return Problems.SessionClosed;
        _begun.Add(file);
        leases.Add(file.Id);

        using var span = Telemetry.StartFile(file.Id);
        var began = clock.GetTimestamp();
        // One byte more than allowed, so that there is always room to see that a file has more.
        var most = Math.Min(bodySize ?? long.MaxValue, limits.FileSize + 1);
        await using var upload = store.BeginUpload(file.ObjectKey, most);
        if (await CopyAsync(part, upload, inspection, RoomIn(session, limits), cancellationToken) is { } refused)
            return refused;

        await upload.CompleteAsync(cancellationToken);
        if (await inspection.ConcludeAsync(file.ObjectKey, upload.Size, cancellationToken) is not { } verdict)
            return Problems.TypeNotAccepted;
        _complete.Add(new UploadedFile(file.Id, file.Name, verdict.Type, upload.Size, verdict.Sha256));
        // While the next file comes in.
        if (verdict.Type == MediaTypes.Pdf)
            _reading.Add(file.Id, pdfPages.CountAsync(file, upload.Size, cancellationToken));
        telemetry.FileReceived(upload.Size, verdict.Type, clock.GetElapsedTime(began));
        return null;
    }

    /// <summary>Stores the files that were added, and submits the session.</summary>
    /// <returns>Why not, or null.</returns>
    public async Task<Problem?> StoreAsync(UploadSession session, CancellationToken cancellationToken)
    {
        if (_complete.Count == 0)
            return Problems.NoFiles;
        await FinishReadingAsync();
        cancellationToken.ThrowIfCancellationRequested();
        using var limit = clock.Limit(StoreLimit);
        var outcome = await StoreCompleteAsync(session, limit.Token);
        if (outcome != Outcome.Done)
            return Problems.For(outcome);

        RemoveLeases(_begun);
        _begun.Clear();
        logger.FilesStored(_complete.Count, _complete.Sum(file => file.Size), session.Id);
        return null;
    }

    /// <summary>
    /// Takes back what was not stored: only the objects of rows that can no longer be stored are deleted. What cannot be reached now is
    /// left to the Janitor.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (_begun.Count == 0)
            return;
        UploadingFile[] begun = [.. _begun];
        _begun.Clear();
        using var limit = clock.Limit(CleanUpLimit);
        try
        {
            var marked = await uploadingFiles.GiveUpAsync([.. begun.Select(file => file.Id)], limit.Token);
            if (marked.Count == 0)
                return;
            await store.DeleteAsync([.. begun.Where(file => marked.Contains(file.Id)).Select(file => file.ObjectKey)], limit.Token);
            await uploadingFiles.DiscardAsync([.. marked], limit.Token);
        }
        catch (Exception outage) when (Outage.IsOrRefusal(outage) || outage is OperationCanceledException)
        {
            logger.CleanUpPostponed(begun.Length, outage);
        }
        finally
        {
            RemoveLeases(begun);
        }
    }

    // Where a broken connection leaves unknown whether they were stored, marking the rows decides it. Who is told to try again would send
    // them once more.
    private async Task<Outcome> StoreCompleteAsync(UploadSession session, CancellationToken cancellationToken)
    {
        try
        {
            return await storedFiles.StoreAsync(session.Id, _complete, options.Value.For(session.ShopLimits).OfSession, cancellationToken);
        }
        catch (Exception outage) when (Outage.Is(outage))
        {
            if ((await uploadingFiles.GiveUpAsync([.. _complete.Select(file => file.Id)], cancellationToken)).Count > 0)
                throw;
            return Outcome.Done;
        }
    }

    /// <summary>Adds what is known of PDFs: before they are stored, so that it needs no repair where this process dies in between.</summary>
    private async Task FinishReadingAsync()
    {
        for (var i = 0; i < _complete.Count; i++)
        {
            if (_reading.TryGetValue(_complete[i].Id, out var reading) && await reading is { } facts)
                _complete[i] = _complete[i] with { Pages = facts.Pages, Locked = facts.Locked };
        }
    }

    private static async Task<Problem?> CopyAsync(FormPart part, ObjectUpload upload, FileInspection inspection, Room room, CancellationToken cancellationToken)
    {
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, upload.Reclaimed);
        try
        {
            return await CopyUntilAsync(part, upload, inspection, room, reading.Token, cancellationToken);
        }
        catch (OperationCanceledException) when (upload.Reclaimed.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return Problems.TooSlow;
        }
    }

    /// <param name="reading">Ends the wait for bytes and for memory, not for S3.</param>
    private static async Task<Problem?> CopyUntilAsync(
        FormPart part, ObjectUpload upload, FileInspection inspection, Room room, CancellationToken reading, CancellationToken cancellationToken)
    {
        while (true)
        {
            var memory = await upload.GetMemoryAsync(reading);
            var count = await part.ReadAsync(memory, reading);
            if (count == 0)
                return null;
            if (!inspection.Add(memory.Span[..count]))
                return Problems.TypeNotAccepted;
            if (room.Refuse(upload.Size + count) is { } refused)
                return refused;
            await upload.AdvanceAsync(count, cancellationToken);
        }
    }

    private Room RoomIn(UploadSession session, UploadLimits limits)
    {
        var complete = _complete.Sum(file => file.Size);
        return new(limits.FileSize, limits.SessionSize - session.TotalSize - complete, limits.Outstanding - session.Outstanding - complete);
    }

    private void RemoveLeases(IEnumerable<UploadingFile> files)
    {
        foreach (var file in files)
            leases.Remove(file.Id);
    }

    /// <summary>How large a file may become before it passes a limit.</summary>
    private sealed record Room(long InFile, long InSession, long InShop)
    {
        public Problem? Refuse(long size) =>
            size > InFile ? Problems.FileTooLarge : size > InSession ? Problems.SessionTooLarge : size > InShop ? Problems.ShopFull : null;
    }
}
