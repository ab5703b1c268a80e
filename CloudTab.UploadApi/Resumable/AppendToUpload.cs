using System.Runtime.ExceptionServices;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// Adds the bytes of one request to an upload, and stores the file if they were the last. Whole parts are recorded as they become
/// durable; when the request ends, even because it was cut or another one asks for the upload, the rest is parked. So every byte that
/// arrived is kept, and nothing here ends because the client has left. With a checksum nothing is recorded until all bytes of the
/// request have come and the checksum is right.
/// </summary>
internal sealed class AppendToUpload(
    UploadLocks locks,
    ReceiveBytes receiveBytes,
    CompleteUpload completeUpload,
    ObjectStore store,
    StoredSize storedSize,
    ByteRateLimit rateLimit,
    FileTypes types,
    IOptions<UploadOptions> options,
    TimeProvider clock)
{
    /// <summary>How long it waits for a lock.</summary>
    public static readonly TimeSpan AcquireLimit = TimeSpan.FromSeconds(20);

    // Bytes are parked when the client may be gone, and while the host stops: this has a time of its own.
    private static readonly TimeSpan ParkLimit = TimeSpan.FromSeconds(30);

    // If the body must fit, an upload cannot recover from these.
    private static readonly Problem?[] Misfits = [Problems.UploadTooLong, Problems.FileTooLarge, Problems.EmptyFile];

    /// <summary>Acquires an upload and adds bytes to it, unless they do not belong there.</summary>
    public async Task<UploadAttempt> AppendAsync(string shop, string uploadId, RequestBody body, CancellationToken cancellationToken)
    {
        // Not the client's token: it may have left after it sent bytes, and those are kept.
        using var limit = clock.Limit(AcquireLimit);
        var (uploadLock, found) = await locks.AcquireAsync(shop, uploadId, body.Offset, limit.Token);
        if (uploadLock is null && found is { IsGone: false, IsComplete: false } && found.Received > body.Offset)
            return new(found, Problems.OffsetConflict);
        if (uploadLock is null)
            return Problems.RefusalFor(found) is { } refused ? refused : new UploadAttempt(found, ConflictWith(found!, body));
        await using (uploadLock)
        {
            try
            {
                return await AppendAsync(shop, uploadLock, body);
            }
            catch (UploadLostException)
            {
                // The answer waits until the lock is released.
            }
        }

        // Another request has it by now, or it is gone: the answer is what became of it.
        var lost = await locks.WaitUntilFreeAsync(shop, uploadId, cancellationToken);
        if (Problems.RefusalFor(lost) is { } gone)
            return gone;
        return lost!.IsComplete ? lost : Problems.UploadInterrupted;
    }

    /// <summary>Adds bytes to an upload that is locked for them, and completes it if they were the last. The lock is released.</summary>
    /// <exception cref="UploadLostException">The lock was revoked, or the upload is gone.</exception>
    /// <exception cref="BadHttpRequestException">The client broke off; what came is kept.</exception>
    public async Task<UploadAttempt> AddAsync(UploadLock uploadLock, RequestBody body)
    {
        try
        {
            return await ReceiveAsync(uploadLock, body);
        }
        catch (OperationCanceledException) when (uploadLock.Lost.IsCancellationRequested)
        {
            throw new UploadLostException();
        }
        catch (Exception gone) when (ObjectStore.IsGone(gone))
        {
            // Its parts or tails were removed: with the session, by the process that holds the lock now, or by S3 itself. In the last
            // case it can never be finished.
            using var limit = clock.Limit(AcquireLimit);
            await locks.RunOnceAsync(limit.Token);
            if (uploadLock.Lost.IsCancellationRequested)
                throw new UploadLostException();
            await completeUpload.GiveUpAsync(uploadLock);
            return Problems.UploadGone;
        }
    }

    private async Task<UploadAttempt> AppendAsync(string shop, UploadLock uploadLock, RequestBody body)
    {
        if (ConflictWith(uploadLock.Upload, body) is not { } conflict)
            return RefusalNow(shop, uploadLock.Upload, body) is { } refused ? new(uploadLock.Upload, refused) : await AddAsync(uploadLock, body);
        var neverFits = conflict == Problems.SessionTooLarge;
        if (neverFits || body.MustFit && Misfits.Contains(conflict))
            await completeUpload.GiveUpAsync(uploadLock);
        return new(neverFits ? null : uploadLock.Upload, conflict);
    }

    /// <summary>Why nothing can be done with an upload now, or null. The upload is kept.</summary>
    private Problem? RefusalNow(string shop, Upload upload, RequestBody body)
    {
        if (NoRoomFor(upload, body) is { } full)
            return full;
        // Nothing comes, whether or not the request says so, but all of it is read back, and perhaps scanned: as if it had come again.
        return upload.Received != upload.Length || rateLimit.TryCharge(body.Client, shop, upload.Received) ? null : Problems.TooManyBytes;
    }

    /// <summary>
    /// Why there is no room for the bytes of a request now, or null. The upload is kept: there is room again once shops have printed. Requests
    /// that come at the same moment do not see each other, and each may find the same room: beyond the limits comes no more than what is on its way.
    /// </summary>
    private Problem? NoRoomFor(Upload upload, RequestBody body)
    {
        // One byte at least, if neither the request nor the upload says how many come.
        var most = body.Size ?? (upload.Length ?? body.Length) - upload.Received ?? 1;
        if (most == 0)
            return null;
        if (upload.Outstanding + most > options.Value.For(upload.ShopLimits).Outstanding)
            return Problems.ShopFull;
        return storedSize.IsFull ? Problems.StorageFull : null;
    }

    private Problem? ConflictWith(Upload upload, RequestBody body) => body.ConflictWith(upload, options.Value.For(upload.ShopLimits));

    private async Task<UploadAttempt> ReceiveAsync(UploadLock uploadLock, RequestBody body)
    {
        if (uploadLock.Upload.Length is null && body.LengthFrom(uploadLock.Upload.Received) is { } length)
            await uploadLock.SetLengthAsync(length, uploadLock.Lost);
        var upload = uploadLock.Upload;
        using var span = Telemetry.StartFile(upload.File!.Value);
        var limits = options.Value.For(upload.ShopLimits);
        var limit = upload.Length ?? Math.Min(limits.FileSize, limits.SessionSize - upload.Claimed);
        var end = Math.Min(limit, upload.Received + (body.Size ?? limit));
        await using var sending = store.ResumeUpload(upload, body.Client, end);
        sending.Journal = body.Checksum is null ? uploadLock.RecordAsync : null;
        using var inspection = upload.IsPartial || upload.PartETags.Length > 0 ? null : new FileInspection(types, upload.Name, upload.DeclaredType, body.Client, body.Left);

        var received = await receiveBytes.CopyAsync(body, sending, inspection, end, uploadLock, uploadLock.Lost);
        if (received.HasSurplus)
        {
            if (upload.Length is null)
                return await GiveUpAsync(uploadLock, sending, Problems.FileTooLarge);
            return body.MustFit ? await GiveUpAsync(uploadLock, sending, Problems.UploadTooLong) : Problems.UploadTooLong;
        }

        if (body.IsLast && sending.Size == 0 && received is { IsAccepted: true, Cut: null })
            return await GiveUpAsync(uploadLock, sending, Problems.EmptyFile);
        if (body.Checksum is not null)
        {
            // tus, Checksum: "Once the entire request has been received, the Server MUST verify the uploaded chunk"; otherwise it "MUST
            // be discarded, and the upload and its offset MUST NOT be updated".
            if ((received.Cut is null ? body.Checksum.Verify() : Explain(uploadLock, sending, received.Cut)) is { } unverified)
                return unverified;
            sending.Journal = uploadLock.RecordAsync;
        }

        if (!received.IsAccepted)
            return await GiveUpAsync(uploadLock, sending, Problems.TypeNotAccepted);
        var isWhole = body.IsLast && received.Cut is null;
        if (isWhole && upload.Length is null)
            await uploadLock.SetLengthAsync(sending.Size, uploadLock.Lost);
        // If its tail could not be loaded, the bytes of a complete upload are not all here.
        if (sending.IsLoaded && sending.Size == uploadLock.Upload.Length)
            return await completeUpload.CompleteAsync(uploadLock, sending, inspection, body);
        await ParkAsync(uploadLock, sending);
        if (received.Cut is not null)
            return new(uploadLock.Upload, Explain(uploadLock, sending, received.Cut));
        return new(uploadLock.Upload, isWhole ? Problems.OtherLength : null);
    }

    private async Task<Problem> GiveUpAsync(UploadLock uploadLock, ObjectUpload sending, Problem reason)
    {
        await sending.DisposeAsync(); // nothing of it is on its way any more
        await completeUpload.GiveUpAsync(uploadLock);
        return reason;
    }

    private async Task ParkAsync(UploadLock uploadLock, ObjectUpload sending)
    {
        using var limit = clock.Limit(ParkLimit);
        // Even if the lock was revoked: only the record tells whether what was put has to be deleted again.
        var parked = await sending.ParkAsync(limit.Token);
        await uploadLock.ReleaseAsync(parked, limit.Token);
    }

    /// <summary>What to tell a client whose request was not read to its end.</summary>
    private static Problem Explain(UploadLock uploadLock, ObjectUpload sending, Exception cut)
    {
        if (sending.Reclaimed.IsCancellationRequested)
            return Problems.TooSlow;
        if (uploadLock.Interrupted.IsCancellationRequested)
            return uploadLock.ReleaseRequested ? Problems.UploadInterrupted : Problems.Unavailable;
        // A client that is too slow is told so, with the status that Kestrel chose; most have left.
        if (cut is BadHttpRequestException)
            ExceptionDispatchInfo.Throw(cut);
        throw new BadHttpRequestException("The body broke off.", cut);
    }
}
