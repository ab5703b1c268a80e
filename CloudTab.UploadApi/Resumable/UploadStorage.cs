using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// Resumable uploads, as protocols see them: begin one, ask how far it is, add to it, make one out of others, end it. State is in
/// Postgres and bytes are in S3, so that any replica goes on where another one stopped. Protocols translate: nothing here knows a
/// header.
/// </summary>
internal sealed class UploadStorage(
    Uploads uploads,
    UploadCreation creation,
    UploadingFiles uploadingFiles,
    StoredFiles storedFiles,
    UploadLocks locks,
    ReceiveBytes receiveBytes,
    CompleteUpload completeUpload,
    Removal removal,
    ObjectStore store,
    IOptions<UploadOptions> options,
    TimeProvider clock)
{
    // What an upload cannot recover from, where its protocol says so (UploadBody.MustFit).
    private static readonly Problem?[] Misfits = [Problems.UploadTooLong, Problems.FileTooLarge, Problems.EmptyFile];

    private static readonly TimeSpan AcquireLimit = TimeSpan.FromSeconds(20);

    /// <summary>Begins an upload, with its first bytes where they come along.</summary>
    public Task<UploadAttempt> CreateAsync(
        string shop, string sessionId, NewUpload wanted, UploadBody? first, CancellationToken cancellationToken) =>
        CreateAsync(shop, sessionId, wanted, first, consumed: 0, cancellationToken);

    /// <summary>Makes one file out of partial uploads of the same session, which are used up by that.</summary>
    /// <param name="parts">Upload ids of the partial uploads, in their order; one may come several times.</param>
    public async Task<UploadAttempt> ConcatenateAsync(
        string shop, string sessionId, NewUpload wanted, IReadOnlyList<string> parts, CancellationToken cancellationToken)
    {
        var all = await uploads.FindAllAsync(shop, sessionId, cancellationToken);
        // The same request again: its answer was lost, or the process that worked on it.
        foreach (var earlier in all.Where(upload => upload.Concat == wanted.Concat && !upload.IsGone))
        {
            var (uploadLock, found) = earlier.IsComplete ? (null, earlier) : await locks.AcquireAsync(shop, earlier.UploadId, offset: null, cancellationToken);
            if (uploadLock is not null)
            {
                await using (uploadLock)
                    await completeUpload.GiveUpAsync(uploadLock);
            }
            else if (found is { IsGone: false })
            {
                return Problems.RefusalFor(found) is { } locked ? locked : found;
            }
        }

        var partials = new List<Upload>();
        foreach (var part in parts)
        {
            var found = all.Find(upload => upload.UploadId == part);
            if (Problems.RefusalFor(found) is { } refused)
                return refused;
            if (found is not { IsPartial: true, IsComplete: true })
                return Problems.NotConcatenable;
            partials.Add(found);
        }

        var length = partials.Sum(partial => partial.Received);
        await using var content = new PartialsStream(store, partials);
        var body = new UploadBody(content, length) { Consumed = [.. partials.Select(partial => partial.File!.Value).Distinct()] };
        // The partial uploads still count, but they go when the file comes.
        var consumed = partials.Distinct().Sum(partial => partial.Received);
        return await CreateAsync(shop, sessionId, wanted with { Length = length }, body, consumed, cancellationToken);
    }

    /// <summary>
    /// How far an upload is. Whoever adds to it is asked to store what it has first, so that what this tells is what the next request
    /// may go on from. An upload whose bytes are all there, but whose process died before it was stored, is completed now; one that is
    /// made of others is when its creation is repeated; those others are asked for before that, and still tell that they had all bytes.
    /// </summary>
    public async Task<UploadAttempt> FindAsync(string shop, string uploadId, CancellationToken cancellationToken)
    {
        var found = await locks.WaitUntilFreeAsync(shop, uploadId, cancellationToken);
        if (found is { IsUsedUp: true })
            return found;
        if (Problems.RefusalFor(found) is { } refused)
            return refused;
        if (found!.IsComplete || found.IsFinal || found.Received != found.Length)
            return found;
        var completed = await AppendAsync(shop, uploadId, UploadBody.None, cancellationToken);
        // Who is told that an upload cannot be asked for begins another one. Of all refusals only 423 means: ask again.
        return completed.Refused == Problems.UploadInterrupted ? Problems.UploadLocked : completed;
    }

    /// <summary>Adds the bytes of one request to an upload, and stores the file when they were the last.</summary>
    public async Task<UploadAttempt> AppendAsync(string shop, string uploadId, UploadBody body, CancellationToken cancellationToken)
    {
        // Not the client's token: one that has left may have sent bytes before, and they are kept.
        using var limit = clock.Limit(AcquireLimit);
        var (uploadLock, found) = await locks.AcquireAsync(shop, uploadId, body.Offset, limit.Token);
        if (uploadLock is null && found is { IsGone: false, IsComplete: false } && found.Received > body.Offset)
            return Problems.OffsetConflict;
        if (uploadLock is null)
            return Problems.RefusalFor(found) is { } refused ? refused : Conflict(found!, body) ?? found!;
        await using (uploadLock)
        {
            try
            {
                if (Conflict(uploadLock.Upload, body) is not { } conflict)
                    return await receiveBytes.AddAsync(uploadLock, body);
                if (conflict.Refused == Problems.SessionTooLarge)
                {
                    await completeUpload.GiveUpAsync(uploadLock);
                    return Problems.SessionTooLarge;
                }

                if (body.MustFit && Misfits.Contains(conflict.Refused))
                    await completeUpload.GiveUpAsync(uploadLock);
                return conflict;
            }
            catch (UploadLostException)
            {
                uploadLock.End();
            }
        }

        // Somebody else has it by now, or it is gone: what became of it is the answer.
        var lost = await locks.WaitUntilFreeAsync(shop, uploadId, cancellationToken);
        if (Problems.RefusalFor(lost) is { } gone)
            return gone;
        return lost!.IsComplete ? lost : Problems.UploadInterrupted;
    }

    /// <summary>Ends an upload, finished or not: everything of it is removed.</summary>
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

    /// <summary>Registers an upload that may be begun.</summary>
    /// <param name="consumed">Bytes of partial uploads that go when this one comes.</param>
    /// <param name="holder">The process that locks it at once, or null.</param>
    /// <returns>The upload, or why there is none.</returns>
    public async Task<(Upload? Created, Problem? Refused)> BeginAsync(
        string shop, string sessionId, NewUpload wanted, long consumed, Guid? holder, CancellationToken cancellationToken)
    {
        if (await uploadingFiles.FindSessionAsync(shop, sessionId, cancellationToken) is not { } session)
            return (null, Problems.SessionNotFound);
        var all = options.Value.For(session.ShopLimits);
        if (wanted.Length > all.FileSize)
            return (null, Problems.FileTooLarge);
        if (session.Outstanding - consumed + (wanted.Length ?? 1) > all.Outstanding)
            return (null, Problems.ShopFull);
        var limits = all.OfSession with { Bytes = all.SessionSize + consumed };
        var (outcome, created) = await creation.CreateAsync(shop, sessionId, wanted, limits, holder, cancellationToken);
        return (created, created is null ? Problems.For(outcome) : null);
    }

    private async Task<UploadAttempt> CreateAsync(
        string shop, string sessionId, NewUpload wanted, UploadBody? first, long consumed, CancellationToken cancellationToken)
    {
        var holder = first is null ? (Guid?)null : locks.Holder;
        var (created, refused) = await BeginAsync(shop, sessionId, wanted, consumed, holder, cancellationToken);
        if (created is null)
            return refused!;
        if (first is null)
            return created;

        await using var uploadLock = locks.Register(created);
        var clientKnowsLocation = false;
        try
        {
            clientKnowsLocation = first.Announce is not null && await first.Announce(created, cancellationToken);
            var attempt = await receiveBytes.AddAsync(uploadLock, first);
            // What was parked, because this host stops, can be continued: the client is told where.
            clientKnowsLocation |= attempt.Upload is { } kept && (kept.IsComplete || !kept.IsFinal);
            return clientKnowsLocation ? attempt : attempt with { Upload = null };
        }
        catch (UploadLostException)
        {
            return Problems.UploadInterrupted;
        }
        catch (Exception outage) when (!clientKnowsLocation && Outage.Is(outage))
        {
            // What was lost may be the answer of the statement that stored the file: giving it up decides that. Who is told to try again
            // would send another one.
            await completeUpload.GiveUpAsync(uploadLock);
            using var limit = clock.Limit(AcquireLimit);
            if (await uploads.FindAsync(shop, created.UploadId, limit.Token) is not { IsComplete: true } stored)
                throw;
            clientKnowsLocation = true;
            return stored;
        }
        finally
        {
            // Nobody will hear where it is, so nobody could go on with it.
            if (!clientKnowsLocation)
                await completeUpload.GiveUpAsync(uploadLock);
        }
    }

    /// <summary>What speaks against adding this to an upload as it is.</summary>
    private UploadAttempt? Conflict(Upload upload, UploadBody body)
    {
        var limits = options.Value.For(upload.ShopLimits);
        var most = limits.FileSize;
        var length = upload.Length ?? body.LengthFrom(upload.Received);
        var refused = upload switch
        {
            { IsFinal: true } => Problems.FinalUpload,
            { IsDirect: true } => Problems.DirectUpload,
            _ when body.Offset is { } offset && offset != upload.Received => Problems.OffsetConflict,
            _ when body.Length is { } told && (told != length || told < upload.Received) => Problems.OtherLength,
            _ when body.IsLast && body.Size is { } rest && upload.Received + rest != length => Problems.OtherLength,
            _ when length > most => Problems.FileTooLarge,
            _ when length == 0 => Problems.EmptyFile,
            _ when (length ?? upload.Received + (body.Size ?? 1)) > limits.SessionSize - upload.Claimed => Problems.SessionTooLarge,
            _ when body.Size is { } size && upload.Received + size > (length ?? most) =>
                length is null ? Problems.FileTooLarge : Problems.UploadTooLong,
            _ => null,
        };
        return refused is null ? null : new(upload, refused);
    }
}
