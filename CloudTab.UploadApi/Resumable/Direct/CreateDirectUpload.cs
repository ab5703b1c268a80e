using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>
/// Creates an upload whose bytes go to S3 past this service. Its row is like that of any resumable upload, and so are its lock, its end
/// and its expiry.
/// </summary>
internal sealed class CreateDirectUpload(
    CreateUpload createUpload, UploadLocks locks, CompleteUpload completeUpload, DirectParts parts, TimeProvider clock)
{
    private static readonly TimeSpan BeginLimit = TimeSpan.FromSeconds(30);

    /// <summary>Creates an upload, with links for all its parts.</summary>
    public async Task<DirectAttempt> CreateAsync(string shop, string sessionId, NewUpload wanted, CancellationToken cancellationToken)
    {
        var (created, refused) = await createUpload.RegisterAsync(shop, sessionId, wanted, announced: null, consumed: 0, locks.Holder, cancellationToken);
        if (created is null)
            return refused!;

        await using var uploadLock = locks.Register(created);
        var clientKnowsLocation = false;
        try
        {
            // Not the client's token: even if it leaves now, we have to learn the id of the multipart upload, to abort it.
            using var limit = clock.Limit(BeginLimit);
            var multipartId = await parts.BeginAsync(created.ObjectKey, limit.Token);
            await uploadLock.ReleaseAsync(created.Progress with { MultipartId = multipartId }, limit.Token);
            var upload = uploadLock.Upload;
            var links = await parts.PresignAsync(upload, DirectParts.PartsOf(upload));
            clientKnowsLocation = true;
            return new(upload, null) { Missing = links };
        }
        catch (UploadLostException)
        {
            return Problems.Unavailable;
        }
        finally
        {
            if (!clientKnowsLocation)
                await completeUpload.GiveUpAsync(uploadLock);
        }
    }
}
