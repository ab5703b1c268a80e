using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>
/// Uploads whose bytes nobody here sees before they are all there: begin one, and finish it. They are rows as resumable uploads are, and
/// held, ended and expired like them.
/// </summary>
internal sealed class DirectStorage(
    CreateUpload createUpload,
    FindUpload findUpload,
    UploadLocks locks,
    CompleteUpload completeUpload,
    Uploads uploads,
    DirectParts parts,
    TimeProvider clock)
{
    private static readonly TimeSpan BeginLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AssembleLimit = TimeSpan.FromMinutes(5);

    /// <summary>Begins an upload; all its parts are to be sent.</summary>
    public async Task<DirectAttempt> CreateAsync(string shop, string sessionId, NewUpload wanted, CancellationToken cancellationToken)
    {
        var (created, refused) = await createUpload.RegisterAsync(shop, sessionId, wanted, consumed: 0, locks.Holder, cancellationToken);
        if (created is null)
            return refused!;

        await using var uploadLock = locks.Register(created);
        var clientKnowsLocation = false;
        try
        {
            // Not the client's token: one that leaves now must not keep us from learning what has to be aborted.
            using var limit = clock.Limit(BeginLimit);
            var multipartId = await parts.BeginAsync(created.ObjectKey, limit.Token);
            await uploadLock.ReleaseAsync(created.Progress with { MultipartId = multipartId }, limit.Token);
            var links = await LinksAsync(uploadLock.Upload, DirectParts.PartsOf(uploadLock.Upload));
            clientKnowsLocation = true;
            return new(uploadLock.Upload, null) { Missing = links };
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

    /// <summary>
    /// Stores the file once all its parts are there and it is what was announced; otherwise tells which are missing, with new links: that
    /// is also how a client goes on that was away. Finishing again changes nothing.
    /// </summary>
    public async Task<DirectAttempt> FinishAsync(string shop, string uploadId, CancellationToken cancellationToken)
    {
        // Looked at before it is taken: an upload of another protocol would be interrupted.
        if (await uploads.FindAsync(shop, uploadId, cancellationToken) is null or { IsDirect: false })
            return Problems.UploadNotFound;
        var (uploadLock, found) = await locks.AcquireAsync(shop, uploadId, offset: null, cancellationToken);
        if (uploadLock is null)
            return Problems.RefusalFor(found) is { } refused ? refused : await StoredAsync(found!, cancellationToken);
        await using (uploadLock)
        {
            try
            {
                return await FinishAsync(uploadLock, cancellationToken);
            }
            catch (Exception lost) when (lost is UploadLostException || lost is OperationCanceledException && uploadLock.Lost.IsCancellationRequested)
            {
                uploadLock.End();
            }
        }

        // Somebody else finishes it by now, or it is gone: what became of it is the answer.
        var left = await locks.WaitUntilFreeAsync(shop, uploadId, cancellationToken);
        if (Problems.RefusalFor(left) is { } gone)
            return gone;
        return left!.IsComplete ? await StoredAsync(left, cancellationToken) : Problems.Unavailable;
    }

    private async Task<DirectAttempt> FinishAsync(UploadLock uploadLock, CancellationToken cancellationToken)
    {
        using var limit = clock.Limit(AssembleLimit, uploadLock.Lost);
        switch (await parts.AssembleAsync(uploadLock.Upload, limit.Token))
        {
            case null:
                await completeUpload.GiveUpAsync(uploadLock);
                return Problems.UploadGone;
            case { Count: > 0 } missing:
                return new(uploadLock.Upload, Problems.PartsMissing) { Missing = await LinksAsync(uploadLock.Upload, missing) };
        }

        var attempt = await completeUpload.CompleteAsync(uploadLock, sending: null, inspection: null, consumed: []);
        return attempt.Refused is { } refused ? refused : await StoredAsync(attempt.Upload!, cancellationToken);
    }

    private async Task<DirectAttempt> StoredAsync(Upload upload, CancellationToken cancellationToken)
    {
        var file = await findUpload.FindFileAsync(upload, cancellationToken);
        return file is null ? Problems.UploadGone : new DirectAttempt(upload, null) { Stored = file };
    }

    private async Task<List<PartLink>> LinksAsync(Upload upload, IReadOnlyList<DirectPart> wanted)
    {
        var links = new List<PartLink>(wanted.Count);
        foreach (var part in wanted)
            links.Add(await parts.PresignAsync(upload, part));
        return links;
    }
}

/// <summary>How an attempt to begin or finish a direct upload ended.</summary>
/// <param name="Upload">The upload as it is recorded now, or null where there is none to tell of.</param>
/// <param name="Refused">Why it was refused, or null.</param>
internal sealed record DirectAttempt(Upload? Upload, Problem? Refused)
{
    /// <summary>Links for the parts that are not there.</summary>
    public IReadOnlyList<PartLink> Missing { get; init; } = [];

    /// <summary>The file that the upload has become.</summary>
    public UploadedFile? Stored { get; init; }

    public static implicit operator DirectAttempt(Problem refused) => new(null, refused);
}
