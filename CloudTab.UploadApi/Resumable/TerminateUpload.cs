using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>Ends an upload, finished or not, and removes everything of it.</summary>
internal sealed class TerminateUpload(
    UploadLocks locks, CompleteUpload completeUpload, UploadingFiles uploadingFiles, StoredFiles storedFiles, Removal removal)
{
    /// <summary>Ends it, or takes back the file that it has become.</summary>
    /// <returns>Why not, or null.</returns>
    public async Task<Problem?> TerminateAsync(string shop, string uploadId, CancellationToken cancellationToken)
    {
        var (uploadLock, found) = await locks.AcquireAsync(shop, uploadId, offset: null, cancellationToken);
        if (uploadLock is not null)
        {
            await using (uploadLock)
                await completeUpload.GiveUpAsync(uploadLock);
            return null;
        }

        if (Problems.RefusalFor(found) is { } refused)
            return refused;
        var file = found!.File!.Value;
        if (found.IsPartial)
            await uploadingFiles.GiveUpAsync([file], cancellationToken);
        else if (await storedFiles.TakeBackAsync(shop, found.SessionId, file, cancellationToken) is { Outcome: not Outcome.Done and var outcome })
            return Problems.For(outcome);
        await removal.TryRemoveAsync(found.Session, cancellationToken);
        return null;
    }
}
