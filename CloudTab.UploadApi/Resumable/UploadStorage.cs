using System.IO.Pipelines;
using CloudTab.Relay;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// Resumable uploads, as protocols see them: begin one, ask how far it is, add to it, make one out of others, end it. State is in
/// Postgres and bytes are in S3, so that any replica goes on where another one stopped. Protocols translate: nothing here knows a
/// header.
/// </summary>
internal sealed class UploadStorage(
    ResumableUploads resumables,
    Uploads uploads,
    UploadHolds holds,
    Continuation continuation,
    Completion completion,
    Removal removal,
    ObjectStore store,
    IOptions<UploadOptions> options,
    TimeProvider clock)
{
    private static readonly TimeSpan TakeLimit = TimeSpan.FromSeconds(20);

    // Large reads, and no more of them: S3's stream is handed on in pieces of this size.
    private static readonly StreamPipeReaderOptions PartialsReading = new(bufferSize: 256 << 10, minimumReadSize: 64 << 10, leaveOpen: true);

    /// <summary>Begins an upload, with its first bytes where they come along.</summary>
    public Task<UploadAttempt> CreateAsync(
        string shop, string sessionId, NewUpload wanted, UploadBody? first, CancellationToken cancellationToken) =>
        CreateAsync(shop, sessionId, wanted, first, options.Value.Limits, cancellationToken);

    /// <summary>Makes one file out of partial uploads of the same session, which are used up by that.</summary>
    /// <param name="parts">Upload ids of the partial uploads, in their order; one may come several times.</param>
    public async Task<UploadAttempt> ConcatenateAsync(
        string shop, string sessionId, NewUpload wanted, IReadOnlyList<string> parts, CancellationToken cancellationToken)
    {
        var all = await resumables.FindAllAsync(shop, sessionId, cancellationToken);
        foreach (var earlier in all.Where(upload => upload.Concat == wanted.Concat && !upload.IsGone))
        {
            // The same request again: its answer was lost, or the process that worked on it.
            if (earlier.IsComplete)
                return earlier;
            await TerminateAsync(shop, earlier.UploadId, cancellationToken);
        }

        var partials = new List<ResumableUpload>();
        foreach (var part in parts)
        {
            var found = all.Find(upload => upload.UploadId == part);
            if (WhyNot(found) is { } refused)
                return refused;
            if (found is not { IsPartial: true, IsComplete: true })
                return Problems.NotConcatenable;
            partials.Add(found);
        }

        var length = partials.Sum(partial => partial.Received);
        await using var content = new PartialsStream(store, partials);
        var body = new UploadBody(PipeReader.Create(content, PartialsReading), length) { Consumed = [.. partials.Select(partial => partial.File!.Value).Distinct()] };
        // The partial uploads still count, but they go when the file comes.
        var limits = options.Value.Limits;
        limits = limits with { Bytes = limits.Bytes + partials.Distinct().Sum(partial => partial.Received) };
        return await CreateAsync(shop, sessionId, wanted with { Length = length }, body, limits, cancellationToken);
    }

    /// <summary>
    /// How far an upload is. Whoever adds to it is asked to store what it has first, so that what this tells is what the next request
    /// may go on from. An upload whose bytes are all there, but whose process died before it was stored, is completed now.
    /// </summary>
    public async Task<UploadAttempt> FindAsync(string shop, string uploadId, CancellationToken cancellationToken)
    {
        var found = await holds.WaitUntilFreeAsync(shop, uploadId, cancellationToken);
        if (WhyNot(found) is { } refused)
            return refused;
        return found!.IsComplete || found.Received != found.Length
            ? found
            : await AppendAsync(shop, uploadId, UploadBody.None, cancellationToken);
    }

    /// <summary>Adds the bytes of one request to an upload, and stores the file when they were the last.</summary>
    public async Task<UploadAttempt> AppendAsync(string shop, string uploadId, UploadBody body, CancellationToken cancellationToken)
    {
        // Not the client's token: one that has left may have sent bytes before, and they are kept.
        using var limit = new CancellationTokenSource(TakeLimit, clock);
        var (hold, found) = await holds.TakeAsync(shop, uploadId, limit.Token);
        if (hold is null)
            return WhyNot(found) is { } refused ? refused : Conflict(found!, body) ?? found!;
        await using (hold)
        {
            try
            {
                return Conflict(hold.Upload, body) ?? await continuation.AddAsync(hold, body);
            }
            catch (UploadLostException)
            {
                hold.End();
            }
        }

        // Somebody else has it by now, or it is gone: what became of it is the answer.
        var lost = await holds.WaitUntilFreeAsync(shop, uploadId, cancellationToken);
        if (WhyNot(lost) is { } gone)
            return gone;
        return lost!.IsComplete ? lost : Problems.UploadInterrupted;
    }

    /// <summary>Ends an upload, finished or not: everything of it is removed.</summary>
    /// <returns>Why not, or null.</returns>
    public async Task<Problem?> TerminateAsync(string shop, string uploadId, CancellationToken cancellationToken)
    {
        var (hold, found) = await holds.TakeAsync(shop, uploadId, cancellationToken);
        if (hold is not null)
        {
            await using (hold)
                await completion.GiveUpAsync(hold);
            return null;
        }

        if (WhyNot(found) is { } refused)
            return refused;
        var file = found!.File!.Value;
        if (found.IsPartial)
            await uploads.GiveUpAsync([file], cancellationToken);
        else if (await uploads.TakeBackAsync(shop, found.SessionId, file, cancellationToken) is { Outcome: not Outcome.Done and var outcome })
            return Problems.For(outcome);
        await removal.TryRemoveAsync(found.Session, cancellationToken);
        return null;
    }

    private async Task<UploadAttempt> CreateAsync(
        string shop, string sessionId, NewUpload wanted, UploadBody? first, SessionLimits limits, CancellationToken cancellationToken)
    {
        if (wanted.Length > options.Value.MaxFileSize)
            return Problems.FileTooLarge;
        var holder = first is null ? (Guid?)null : holds.Holder;
        var (outcome, created) = await resumables.CreateAsync(shop, sessionId, wanted, limits, holder, cancellationToken);
        if (created is null)
            return Problems.For(outcome);
        if (first is null)
            return created;

        await using var hold = holds.Begin(created);
        var isTold = false;
        try
        {
            var attempt = await continuation.AddAsync(hold, first);
            // What was parked, because this host stops, can be continued: the client is told where.
            isTold = attempt.Upload is { } kept && (kept.IsComplete || !kept.IsFinal);
            return isTold ? attempt.Upload! : attempt;
        }
        catch (UploadLostException)
        {
            return Problems.UploadInterrupted;
        }
        finally
        {
            // Nobody will hear where it is, so nobody could go on with it.
            if (!isTold)
                await completion.GiveUpAsync(hold);
        }
    }

    /// <summary>Why nothing can be told of an upload, or done with it; null where it can.</summary>
    internal static Problem? WhyNot(ResumableUpload? found) => found switch
    {
        null => Problems.UploadNotFound,
        { IsGone: true } => Problems.UploadGone,
        { IsHeld: true, IsComplete: false } => Problems.UploadLocked,
        _ => null,
    };

    /// <summary>What speaks against adding this to an upload as it is.</summary>
    private UploadAttempt? Conflict(ResumableUpload upload, UploadBody body)
    {
        var length = upload.Length ?? body.Length;
        var refused = upload switch
        {
            { IsFinal: true } => Problems.FinalUpload,
            { IsDirect: true } => Problems.DirectUpload,
            _ when body.Length is { } told && (told != length || told < upload.Received) => Problems.OtherLength,
            _ when length > options.Value.MaxFileSize => Problems.FileTooLarge,
            _ when body.Offset is { } offset && offset != upload.Received => Problems.OffsetConflict,
            _ when body.Size is { } size && upload.Received + size > (length ?? options.Value.MaxFileSize) =>
                length is null ? Problems.FileTooLarge : Problems.UploadTooLong,
            _ => null,
        };
        return refused is null ? null : new(upload, refused);
    }
}
