using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// Adds the bytes of one request to an upload, and stores the file if they were the last. State is in Postgres and bytes are in S3, so
/// that any replica can continue where another one stopped.
/// </summary>
internal sealed class AppendToUpload(
    UploadLocks locks, ReceiveBytes receiveBytes, CompleteUpload completeUpload, IOptions<UploadOptions> options, TimeProvider clock)
{
    private static readonly TimeSpan AcquireLimit = TimeSpan.FromSeconds(20);

    // With UploadBody.MustFit an upload cannot recover from these.
    private static readonly Problem?[] Misfits = [Problems.UploadTooLong, Problems.FileTooLarge, Problems.EmptyFile];

    /// <summary>Acquires the upload and adds the bytes, unless they do not belong there.</summary>
    public async Task<UploadAttempt> AppendAsync(string shop, string uploadId, UploadBody body, CancellationToken cancellationToken)
    {
        // Not the client's token: it may have left after it sent bytes, and those are kept.
        using var limit = new CancellationTokenSource(AcquireLimit, clock);
        var (uploadLock, found) = await locks.AcquireAsync(shop, uploadId, body.Offset, limit.Token);
        if (uploadLock is null && found is { IsGone: false, IsComplete: false } && found.Received > body.Offset)
            return Problems.OffsetConflict;
        if (uploadLock is null)
            return Problems.RefusalFor(found) is { } refused ? refused : new UploadAttempt(found, ConflictWith(found!, body));
        await using (uploadLock)
        {
            try
            {
                return await AppendAsync(uploadLock, body);
            }
            catch (UploadLostException)
            {
                uploadLock.End();
            }
        }

        // Another request has it by now, or it is gone: the answer is what became of it.
        var lost = await locks.WaitUntilFreeAsync(shop, uploadId, cancellationToken);
        if (Problems.RefusalFor(lost) is { } gone)
            return gone;
        return lost!.IsComplete ? lost : Problems.UploadInterrupted;
    }

    private async Task<UploadAttempt> AppendAsync(UploadLock uploadLock, UploadBody body)
    {
        if (ConflictWith(uploadLock.Upload, body) is not { } conflict)
            return await receiveBytes.AddAsync(uploadLock, body);
        var neverFits = conflict == Problems.SessionTooLarge;
        if (neverFits || body.MustFit && Misfits.Contains(conflict))
            await completeUpload.GiveUpAsync(uploadLock);
        return new(neverFits ? null : uploadLock.Upload, conflict);
    }

    private Problem? ConflictWith(Upload upload, UploadBody body) => body.ConflictWith(upload, options.Value.For(upload.ShopLimits));
}
