using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>Creates an upload, and adds the bytes that came with the request that creates it.</summary>
internal sealed class CreateUpload(
    UploadingFiles uploadingFiles,
    UploadCreation creation,
    Uploads uploads,
    UploadLocks locks,
    AppendToUpload appendToUpload,
    CompleteUpload completeUpload,
    StoredSize storedSize,
    IOptions<UploadOptions> options,
    TimeProvider clock)
{
    private static readonly TimeSpan FindLimit = TimeSpan.FromSeconds(20);

    /// <summary>Creates an upload.</summary>
    /// <param name="first">Its first bytes, or null if the request has none.</param>
    public async Task<UploadAttempt> CreateAsync(
        string shop, string sessionId, NewUpload wanted, RequestBody? first, CancellationToken cancellationToken)
    {
        var holder = first is null ? (Guid?)null : locks.Holder;
        var consumed = first?.Consumed.Sum(partial => partial.Received) ?? 0;
        var (created, refused) = await RegisterAsync(shop, sessionId, wanted, first?.Size, consumed, holder, cancellationToken);
        if (created is null)
            return refused!;
        if (first is null)
            return created;

        await using var uploadLock = locks.Register(created);
        var clientKnowsLocation = false;
        try
        {
            clientKnowsLocation = first.Announce is not null && await first.Announce(created, cancellationToken);
            var attempt = await appendToUpload.AddAsync(uploadLock, first);
            // An upload that was parked, because this host stops, can be continued: the client is told where.
            clientKnowsLocation |= attempt.Upload is { } kept && (kept.IsComplete || !kept.IsFinal);
            return clientKnowsLocation ? attempt : attempt with { Upload = null };
        }
        catch (UploadLostException)
        {
            return Problems.UploadInterrupted;
        }
        catch (Exception outage) when (!clientKnowsLocation && Outage.Is(outage))
        {
            // If the connection breaks during the commit we cannot know whether the file was stored. Giving the upload up settles it.
            // Answering 503 instead would make the client send a second one.
            await completeUpload.GiveUpAsync(uploadLock);
            using var limit = clock.Limit(FindLimit);
            if (await uploads.FindAsync(shop, created.UploadId, limit.Token) is not { IsComplete: true } stored)
                throw;
            clientKnowsLocation = true;
            return stored;
        }
        finally
        {
            // The client will not learn where the upload is, so it cannot continue it.
            if (!clientKnowsLocation)
                await completeUpload.GiveUpAsync(uploadLock);
        }
    }

    /// <summary>Records an upload that its session and its shop have room for.</summary>
    /// <param name="announced">Bytes that come along with the request, if that is known.</param>
    /// <param name="consumed">Bytes of partial uploads that are removed once this one is stored.</param>
    /// <param name="holder">The process that locks it at once, or null.</param>
    /// <returns>The upload, or why there is none.</returns>
    public async Task<(Upload? Created, Problem? Refused)> RegisterAsync(
        string shop, string sessionId, NewUpload wanted, long? announced, long consumed, Guid? holder, CancellationToken cancellationToken)
    {
        if (await uploadingFiles.FindSessionAsync(shop, sessionId, cancellationToken) is not { } session)
            return (null, Problems.SessionNotFound);
        if (session.Closed)
            return (null, Problems.SessionClosed);
        var limits = options.Value.For(session.ShopLimits);
        if ((wanted.Length ?? announced) > limits.FileSize)
            return (null, Problems.FileTooLarge);
        if (session.Outstanding - consumed + (wanted.Length ?? announced ?? 1) > limits.Outstanding)
            return (null, Problems.ShopFull);
        if (storedSize.IsFull)
            return (null, Problems.StorageFull);
        // To announce costs nothing, and nobody sees what comes of it: half of the room is for bytes that do come.
        if (wanted.PartSha256 is not null && session.Unfinished + wanted.Length > limits.Outstanding / 2)
            return (null, Problems.ShopFull);
        if (wanted.PartSha256 is not null && !storedSize.MayAnnounce(wanted.Length!.Value))
            return (null, Problems.StorageFull);
        var (printOptions, fault) = wanted.PrintOptions?.Apply(session.PrintOptions, session.Offer) ?? default;
        if (fault is not null)
            return (null, Problems.InvalidPrintOptions(fault));
        var ofSession = limits.OfSession with { Bytes = limits.SessionSize + consumed };
        var (outcome, created) = await creation.CreateAsync(shop, sessionId, wanted, printOptions, ofSession, holder, cancellationToken);
        return (created, created is null ? Problems.For(outcome) : null);
    }
}
