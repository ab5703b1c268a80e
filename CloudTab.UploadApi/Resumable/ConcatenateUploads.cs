using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>Makes one file out of partial uploads of the same session, and uses them up.</summary>
internal sealed class ConcatenateUploads(
    Uploads uploads, UploadLocks locks, CreateUpload createUpload, CompleteUpload completeUpload, ObjectStore store, ByteRateLimit rateLimit)
{
    /// <summary>Creates the upload that is made of others, and stores its file.</summary>
    /// <param name="parts">Upload ids of the partial uploads, in their order.</param>
    public async Task<UploadAttempt> ConcatenateAsync(
        RequestedSession session, NewUpload wanted, IReadOnlyList<string> parts, CancellationToken cancellationToken)
    {
        var shop = session.Shop.Id;
        var found = await uploads.FindConcatenationAsync(shop, session.Id, parts, wanted.Concat!, cancellationToken);
        foreach (var earlier in found.Where(upload => upload.Concat == wanted.Concat && !upload.IsGone))
        {
            if (await AnswerAgainAsync(shop, earlier, cancellationToken) is { } answer)
                return answer;
        }

        var partials = new List<Upload>();
        foreach (var part in parts)
        {
            var partial = found.Find(upload => upload.UploadId == part);
            if (Problems.RefusalFor(partial) is { } refused)
                return refused;
            if (partial is not { IsPartial: true, IsComplete: true })
                return Problems.NotConcatenable;
            partials.Add(partial);
        }

        var length = partials.Sum(partial => partial.Received);
        // They pass through the service once more, as if the client had sent them again.
        using var content = new PartialsReader(store, partials, count => rateLimit.Charge(session.Client, shop, count));
        var body = new RequestBody(content.ReadAsync, length, session.Client, cancellationToken) { Consumed = partials };
        return await createUpload.CreateAsync(shop, session.Id, wanted with { Length = length }, body, cancellationToken);
    }

    /// <summary>
    /// The client repeats its request, because the answer was lost or the process that worked on it died. What was completed is the
    /// answer again; what was not is given up.
    /// </summary>
    /// <returns>Null if the upload is to be created anew.</returns>
    private async Task<UploadAttempt?> AnswerAgainAsync(string shop, Upload earlier, CancellationToken cancellationToken)
    {
        var (uploadLock, found) = earlier.IsComplete
            ? (null, earlier)
            : await locks.AcquireAsync(shop, earlier.UploadId, offset: null, cancellationToken);
        if (uploadLock is not null)
        {
            await using (uploadLock)
                await completeUpload.GiveUpAsync(uploadLock);
            return null;
        }

        if (found is not { IsGone: false })
            return null;
        return Problems.RefusalFor(found) is { } locked ? locked : found;
    }
}
