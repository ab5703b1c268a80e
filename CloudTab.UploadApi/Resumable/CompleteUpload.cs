using System.Buffers;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// The end of a resumable upload: all its bytes have come, and it becomes a file of its session; or it is given up. Bytes that one
/// request brought were inspected as they passed. An upload that was interrupted is read back from S3 once, since neither a hash nor a
/// check can be taken along to another replica.
/// </summary>
internal sealed class CompleteUpload(
    StoredFiles storedFiles,
    Uploads uploads,
    ObjectStore store,
    FileTypes types,
    Removal removal,
    FinishFile finishFile,
    IOptions<UploadOptions> options,
    TimeProvider clock,
    ILogger<CompleteUpload> logger)
{
    private const int ReadBuffer = 256 << 10;

    // The client may leave meanwhile: it finds the file complete when it comes back. Reading 5 GiB back may take longer, so the time
    // begins anew whenever bytes come.
    private static readonly TimeSpan CompletionLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan RecordLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DeletionLimit = TimeSpan.FromSeconds(10);

    /// <summary>Completes an upload whose bytes are all there. The lock is released.</summary>
    /// <param name="sending">Its object, or null if that is complete in S3.</param>
    /// <param name="inspection">What has seen all its bytes, or null if nothing has.</param>
    /// <param name="body">What brought its last bytes, or asks for it.</param>
    /// <exception cref="TimeoutException">The file could not be looked into in time. The upload has all its bytes, and can be completed later.</exception>
    public async Task<UploadAttempt> CompleteAsync(UploadLock uploadLock, ObjectUpload? sending, FileInspection? inspection, RequestBody body)
    {
        using var limit = clock.Limit(CompletionLimit, uploadLock.Lost);
        if (sending is not null)
            await sending.CompleteAsync(limit.Token);
        var recorded = uploadLock.Upload;
        var upload = recorded with { ObjectKey = sending?.Key ?? recorded.ObjectKey };
        var size = sending?.Size ?? upload.Length!.Value;
        try
        {
            if (await StoreAsync(uploadLock, upload, size, inspection, body, limit) is { } refused)
            {
                await GiveUpAsync(uploadLock);
                return refused;
            }
        }
        catch (Exception lost) when (lost is UploadLostException || uploadLock.Lost.IsCancellationRequested)
        {
            // Nobody else knows of an object that has a key of this holder's own.
            if (upload.ObjectKey != recorded.ObjectKey)
                await TryDeleteAsync(upload, token => store.DeleteAsync([upload.ObjectKey], token));
            throw;
        }
        catch when (sending?.Whole is { } whole && uploadLock.IsRenewed)
        {
            await KeepAsync(uploadLock, whole);
            throw;
        }

        uploadLock.End();
        if (upload.WasInterrupted)
            await TryDeleteAsync(upload, token => store.DeletePiecesAsync(upload.ObjectKey, kept: [upload.ObjectKey], token));
        if (body.Consumed.Count > 0)
            await removal.TryRemoveAsync(upload.Session, limit.Token);
        return uploadLock.Upload with { Received = size, IsComplete = true };
    }

    /// <summary>Gives up an upload that can never be finished, or that the client no longer wants: everything of it is removed.</summary>
    public async Task GiveUpAsync(UploadLock uploadLock)
    {
        uploadLock.StopRenewing();
        await finishFile.GiveUpAsync(uploadLock.Upload.Session, uploadLock.Upload.File!.Value);
        uploadLock.End();
    }

    /// <returns>Why it is refused, or null.</returns>
    private async Task<Problem?> StoreAsync(
        UploadLock uploadLock, Upload upload, long size, FileInspection? inspection, RequestBody body, CancellationTokenSource limit)
    {
        if (upload.IsPartial)
        {
            await CompletePartialAsync(uploadLock, upload, limit.Token);
            return null;
        }

        if (inspection is not null)
            return await StoreAsync(uploadLock, upload, size, inspection, body.Consumed, limit);
        using var readBack = new FileInspection(types, upload.Name, upload.DeclaredType, body.Client, body.Left);
        await ReadBackAsync(upload, size, readBack, limit, limit.Token);
        return await StoreAsync(uploadLock, upload, size, readBack, body.Consumed, limit);
    }

    private async Task CompletePartialAsync(UploadLock uploadLock, Upload upload, CancellationToken cancellationToken)
    {
        uploadLock.StopRenewing();
        if (!await uploads.CompletePartialAsync(upload, cancellationToken))
            throw new UploadLostException();
    }

    /// <returns>Why it is refused, or null.</returns>
    private async Task<Problem?> StoreAsync(
        UploadLock uploadLock, Upload upload, long size, FileInspection inspection, IReadOnlyList<Upload> consumed, CancellationTokenSource limit)
    {
        // What waits for others is not to go off the time for storing the file.
        limit.CancelAfter(FileTypes.ConcludeLimit + CompletionLimit);
        var file = new UploadingFile(upload.File!.Value, upload.Name, upload.ObjectKey, upload.PrintOptions);
        var duration = clock.Now().UtcDateTime - upload.CreatedAt;
        var (judged, refused) = await finishFile.JudgeAsync(file, size, inspection, upload.DeclaredSha256, duration, limit.Token);
        if (judged is null)
            return refused;
        (refused, _) = await finishFile.StoreAsync(upload.Session, [judged], async files =>
        {
            uploadLock.StopRenewing();
            var limits = options.Value.For(upload.ShopLimits).OfSession;
            var partials = consumed.Select(partial => partial.File!.Value).ToArray();
            var outcome = await storedFiles.StoreResumedAsync(upload, files[0], partials, limits, limit.Token);
            return outcome == Outcome.LeaseLost ? throw new UploadLostException() : outcome;
        });
        return refused;
    }

    /// <summary>Shows an inspection the object, until it is clear that the file is not accepted.</summary>
    private async Task ReadBackAsync(
        Upload upload, long size, FileInspection inspection, CancellationTokenSource limit, CancellationToken cancellationToken)
    {
        using var found = await store.GetAsync(upload.ObjectKey, range: null, cancellationToken)
            ?? throw new UploadLostException();
        using var buffer = MemoryPool<byte>.Shared.Rent(ReadBuffer);
        var read = 0L;
        while (await found.ReadAsync(buffer.Memory, cancellationToken) is > 0 and var count)
        {
            limit.CancelAfter(CompletionLimit);
            read += count;
            if (!inspection.Add(buffer.Memory.Span[..count]))
                return;
        }

        if (read != size)
            throw new HttpRequestException("S3 gave back something else than what was sent.");
    }

    /// <summary>Records that all bytes are there, so that the client need not send them again.</summary>
    private async Task KeepAsync(UploadLock uploadLock, ObjectProgress whole)
    {
        using var limit = clock.Limit(RecordLimit, uploadLock.Lost);
        try
        {
            await uploadLock.RecordAsync(whole, limit.Token);
        }
        catch (Exception outage) when (Outage.Is(outage) || outage is OperationCanceledException)
        {
            // Then the client does: the upload is where it was.
        }
    }

    // The lock may be lost by now, so this has a time of its own.
    private async Task TryDeleteAsync(Upload upload, Func<CancellationToken, Task> delete)
    {
        using var limit = clock.Limit(DeletionLimit);
        try
        {
            await delete(limit.Token);
        }
        catch (Exception outage) when (Outage.IsOrRefusal(outage) || outage is OperationCanceledException)
        {
            logger.TailNotDeleted(upload.Id, outage);
        }
    }
}
