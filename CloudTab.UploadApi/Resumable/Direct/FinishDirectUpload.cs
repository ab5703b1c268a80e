using System.Net;
using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>Finishes an upload whose bytes went to S3 past this service: only now they are inspected.</summary>
internal sealed class FinishDirectUpload(
    Uploads uploads, UploadLocks locks, CompleteUpload completeUpload, FindUpload findUpload, DirectParts parts, ByteRateLimit rateLimit, TimeProvider clock)
{
    private static readonly TimeSpan AssembleLimit = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Stores the file once all its parts are there and it is what was announced. Otherwise the answer lists those that are missing, with
    /// new links: so a client that was away continues. Finishing again changes nothing.
    /// </summary>
    public async Task<DirectAttempt> FinishAsync(RequestedUpload requested, CancellationToken cancellationToken)
    {
        var (shop, uploadId) = (requested.Shop.Id, requested.Id);
        // Checked before the lock is acquired: that would interrupt an upload of another protocol.
        if (await uploads.FindAsync(shop, uploadId, cancellationToken) is null or { IsDirect: false })
            return Problems.UploadNotFound;
        var (uploadLock, found) = await locks.AcquireAsync(shop, uploadId, offset: null, cancellationToken);
        if (uploadLock is null)
            return Problems.RefusalFor(found) is { } refused ? refused : await StoredAsync(found!, cancellationToken);
        await using (uploadLock)
        {
            try
            {
                return await FinishAsync(shop, uploadLock, requested.Client, cancellationToken);
            }
            catch (Exception lost) when (lost is UploadLostException || lost is OperationCanceledException && uploadLock.Lost.IsCancellationRequested)
            {
                // The answer waits until the lock is released.
            }
        }

        // Another request finishes it by now, or it is gone: the answer is what became of it.
        var left = await locks.WaitUntilFreeAsync(shop, uploadId, cancellationToken);
        if (Problems.RefusalFor(left) is { } gone)
            return gone;
        return left!.IsComplete ? await StoredAsync(left, cancellationToken) : Problems.Unavailable;
    }

    private async Task<DirectAttempt> FinishAsync(string shop, UploadLock uploadLock, IPAddress client, CancellationToken cancellationToken)
    {
        using var limit = clock.Limit(AssembleLimit, uploadLock.Lost);
        switch (await parts.AssembleAsync(uploadLock.Upload, limit.Token))
        {
            case null:
                await completeUpload.GiveUpAsync(uploadLock);
                return Problems.UploadGone;
            case { Missing: { Count: > 0 } missing }:
                return new(uploadLock.Upload, Problems.PartsMissing) { Missing = await parts.PresignAsync(uploadLock.Upload, missing) };
            // To announce it was charged, and is good for reading it once. An earlier request has read it, and could not store it.
            case { WasThere: true } when !rateLimit.TryCharge(client, shop, uploadLock.Upload.Length!.Value):
                return Problems.TooManyBytes;
            case { WasThere: false }:
                rateLimit.ChargeFound(shop, uploadLock.Upload.Length!.Value);
                break;
        }

        var attempt = await completeUpload.CompleteAsync(uploadLock, sending: null, inspection: null, RequestBody.Empty(client, cancellationToken));
        return attempt.Refused is { } refused ? refused : await StoredAsync(attempt.Upload!, cancellationToken);
    }

    private async Task<DirectAttempt> StoredAsync(Upload upload, CancellationToken cancellationToken)
    {
        var file = await findUpload.FindFileAsync(upload, cancellationToken);
        return file is null ? Problems.UploadGone : new DirectAttempt(upload, null) { Stored = file };
    }
}
