using System.Buffers;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// The end of a resumable upload: all its bytes have come, and it becomes a file of its session; or it is given up. What one request
/// brought whole was looked at as it passed; what was interrupted is read back from S3 once, since neither a hash nor a check can be
/// taken along to another replica.
/// </summary>
internal sealed class CompleteUpload(
    UploadingFiles uploadingFiles,
    StoredFiles storedFiles,
    Uploads uploads,
    ObjectStore store,
    FileTypes types,
    Removal removal,
    PdfPages pdfPages,
    IOptions<UploadOptions> options,
    TimeProvider clock,
    Telemetry telemetry,
    ILogger<CompleteUpload> logger)
{
    private const int ReadBuffer = 256 << 10;

    // The client may leave meanwhile: it finds the file complete when it comes back. Reading 5 GiB back may take longer; while bytes come,
    // the time begins anew.
    private static readonly TimeSpan CompletionLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan CleanUpLimit = TimeSpan.FromSeconds(10);

    /// <summary>Completes an upload whose bytes are all there.</summary>
    /// <param name="uploadLock">The upload, which is let go of.</param>
    /// <param name="sending">Its object.</param>
    /// <param name="inspection">What has seen all its bytes, or null where nothing has.</param>
    /// <param name="consumed">Files of partial uploads that it was made of.</param>
    public async Task<UploadAttempt> CompleteAsync(
        UploadLock uploadLock, ObjectUpload sending, FileInspection? inspection, IReadOnlyList<Guid> consumed)
    {
        using var limit = clock.Limit(CompletionLimit, uploadLock.Lost);
        await sending.CompleteAsync(limit.Token);
        return uploadLock.Upload.IsPartial
            ? await CompletePartialAsync(uploadLock, sending.Size, limit.Token)
            : await StoreAsync(uploadLock, sending.Size, inspection, consumed, () => limit.CancelAfter(CompletionLimit), limit.Token);
    }

    /// <summary>Completes an upload whose object is there, and of which nothing here has seen a byte.</summary>
    public async Task<UploadAttempt> CompleteUnseenAsync(UploadLock uploadLock)
    {
        using var limit = clock.Limit(CompletionLimit, uploadLock.Lost);
        return await StoreAsync(uploadLock, uploadLock.Upload.Length!.Value, inspection: null, consumed: [], () => limit.CancelAfter(CompletionLimit), limit.Token);
    }

    /// <summary>Gives an upload up that can never be finished, or that nobody wants: everything of it is removed.</summary>
    public async Task GiveUpAsync(UploadLock uploadLock)
    {
        using var limit = clock.Limit(CleanUpLimit);
        uploadLock.StopRenewing();
        await uploadingFiles.GiveUpAsync([uploadLock.Upload.File!.Value], limit.Token);
        uploadLock.End();
        await removal.TryRemoveAsync(uploadLock.Upload.Session, limit.Token);
    }

    private async Task<UploadAttempt> CompletePartialAsync(UploadLock uploadLock, long size, CancellationToken cancellationToken)
    {
        uploadLock.StopRenewing();
        if (!await uploads.CompletePartialAsync(uploadLock.Upload, cancellationToken))
            throw new UploadLostException();
        uploadLock.End();
        await DeleteTailsAsync(uploadLock.Upload, cancellationToken);
        return uploadLock.Upload with { Received = size, IsComplete = true };
    }

    /// <param name="progressed">Called whenever bytes have been read back.</param>
    private async Task<UploadAttempt> StoreAsync(
        UploadLock uploadLock, long size, FileInspection? inspection, IReadOnlyList<Guid> consumed, Action progressed, CancellationToken cancellationToken)
    {
        var upload = uploadLock.Upload;
        var verdict = inspection is null
            ? await ReadBackAsync(upload, size, progressed, cancellationToken)
            : await inspection.ConcludeAsync(upload.ObjectKey, size, cancellationToken);
        if (Judge(upload, verdict) is { } refused)
        {
            await GiveUpAsync(uploadLock);
            return refused;
        }

        var facts = verdict!.Type == MediaTypes.Pdf
            ? await pdfPages.CountAsync(new(upload.File!.Value, upload.Name, upload.ObjectKey), size, cancellationToken)
            : null;
        var file = new UploadedFile(upload.File!.Value, upload.Name, verdict.Type, size, verdict.Sha256, facts?.Pages, facts?.Locked);
        uploadLock.StopRenewing();
        var outcome = await storedFiles.StoreResumedAsync(upload, file, consumed, options.Value.For(upload.ShopLimits).OfSession, cancellationToken);
        if (outcome == Outcome.LeaseLost)
            throw new UploadLostException();
        if (outcome != Outcome.Done)
        {
            await GiveUpAsync(uploadLock);
            return Problems.For(outcome);
        }

        uploadLock.End();
        telemetry.FileReceived(size, verdict.Type, clock.GetUtcNow().UtcDateTime - upload.CreatedAt);
        logger.FilesStored(1, size, upload.Session);
        await DeleteTailsAsync(upload, cancellationToken);
        if (consumed.Count > 0)
            await removal.TryRemoveAsync(upload.Session, cancellationToken);
        return upload with { Received = size, IsComplete = true };
    }

    private static Problem? Judge(Upload upload, Verdict? verdict)
    {
        if (verdict is null)
            return Problems.TypeNotAccepted;
        return upload.DeclaredSha256 is { } declared && !declared.AsSpan().SequenceEqual(verdict.Sha256) ? Problems.WrongContent : null;
    }

    private async Task<Verdict?> ReadBackAsync(Upload upload, long size, Action progressed, CancellationToken cancellationToken)
    {
        using var inspection = new FileInspection(types, upload.Name, upload.DeclaredType);
        using var found = await store.GetAsync(upload.ObjectKey, range: null, cancellationToken)
            ?? throw new UploadLostException();
        using var buffer = MemoryPool<byte>.Shared.Rent(ReadBuffer);
        var read = 0L;
        while (await found.ReadAsync(buffer.Memory, cancellationToken) is > 0 and var count)
        {
            progressed();
            read += count;
            if (!inspection.Add(buffer.Memory.Span[..count]))
                return null;
        }

        if (read != size)
            throw new HttpRequestException("S3 gave back something else than what was sent.");
        return await inspection.ConcludeAsync(upload.ObjectKey, size, cancellationToken);
    }

    private async Task DeleteTailsAsync(Upload upload, CancellationToken cancellationToken)
    {
        if (!upload.WasInterrupted)
            return;
        try
        {
            await store.DeleteTailsAsync(upload.ObjectKey, cancellationToken);
        }
        catch (Exception outage) when (Outage.IsOrRefusal(outage) || outage is OperationCanceledException)
        {
            logger.TailNotDeleted(upload.Id, outage);
        }
    }
}
