using System.Net;
using System.Runtime.ExceptionServices;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// The files of one request: all of them get stored, or none. Bytes go to S3 first, each file under a row that is `uploading`; then one
/// statement stores all rows. Disposing it before that removes everything: rows, objects, parts. Dispose it before the answer, so
/// that a client which is told of a failure can rely on it.
/// </summary>
internal sealed class FormUpload(
    UploadingFiles uploadingFiles,
    StoredFiles storedFiles,
    ObjectStore store,
    FileLeases leases,
    FileTypes types,
    ReceiveBytes receiveBytes,
    FinishFile finishFile,
    StoredSize storedSize,
    CreationRateLimit rateLimit,
    IOptions<UploadOptions> options,
    TimeProvider clock,
    ILogger<FormUpload> logger) : IAsyncDisposable
{
    // Files are stored even if the client leaves now, or the host stops: this has a time of its own.
    private static readonly TimeSpan StoreLimit = TimeSpan.FromSeconds(20);

    // What a form's body has besides its files, generously: only a body that announces more than its session can hold is refused unread.
    private const long MostFraming = 1 << 20;

    private readonly List<UploadingFile> _begun = [];
    private readonly List<JudgedFile> _judged = [];
    private Guid _session;

    /// <summary>The files that were stored.</summary>
    public IReadOnlyList<UploadedFile> Stored { get; private set; } = [];

    /// <summary>Receives one file: checks it while it passes, and makes its object durable.</summary>
    /// <param name="session">The session that it is for.</param>
    /// <param name="sent">The file as the form has it.</param>
    /// <param name="printOptions">How it is to be printed; null: like the session's files.</param>
    /// <param name="client">The address that sends it.</param>
    /// <param name="bodySize">Bytes of the request's body, if the client announced them.</param>
    /// <returns>Why it is refused, or null.</returns>
    public async Task<Problem?> AddAsync(
        UploadSession session, FormFile sent, PrintOptions? printOptions, IPAddress client, long? bodySize, CancellationToken cancellationToken)
    {
        var limits = options.Value.For(session.ShopLimits);
        if (session.FileCount + _begun.Count >= limits.Files || session.Begun + _begun.Count >= UploadCreation.MostOf(limits.Files))
            return Problems.TooManyFiles;
        if (bodySize - MostFraming > limits.SessionSize - session.TotalSize)
            return Problems.SessionTooLarge;
        if (storedSize.IsFull)
            return Problems.StorageFull;
        if (sent.Head.IsEmpty)
            return Problems.EmptyFile;
        var name = FileNames.Clean(sent.Name);
        using var inspection = new FileInspection(types, name, sent.DeclaredType, client, cancellationToken);
        if (!inspection.Begin(sent.Head.Span))
            return Problems.TypeNotAccepted;
        if (_begun.Count > 0 && !rateLimit.TryBeginFile(client))
            return Problems.TooManyUploads;
        if (await uploadingFiles.BeginAsync(session.Id, name, printOptions, cancellationToken) is not { } file)
            return Problems.SessionClosed;
        _session = session.Id;
        _begun.Add(file);
        leases.Add(file.Id);

        using var span = Telemetry.StartFile(file.Id);
        var began = clock.GetTimestamp();
        var (limit, surplus) = RoomIn(session, limits);
        await using var upload = store.BeginUpload(file.ObjectKey, client, Math.Min(bodySize ?? limit, limit));
        leases.Add(file.Id, () => upload.Size);
        var received = await receiveBytes.CopyAsync(new(sent.ReadAsync, null, client, cancellationToken), upload, inspection, limit, uploadLock: null, cancellationToken);
        if (received.Cut is { } cut)
        {
            if (upload.Reclaimed.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                return Problems.TooSlow;
            ExceptionDispatchInfo.Throw(cut);
        }

        if (received.HasSurplus)
            return surplus;
        if (!received.IsAccepted)
            return Problems.TypeNotAccepted;
        await upload.CompleteAsync(cancellationToken);
        // A PDF's pages are counted while the next file comes in.
        var (judged, refused) = await finishFile.JudgeAsync(
            file, upload.Size, inspection, declaredSha256: null, clock.GetElapsedTime(began), cancellationToken);
        if (judged is not null)
            _judged.Add(judged);
        return refused;
    }

    /// <summary>Stores the files that were added, and submits the session.</summary>
    /// <returns>Why not, or null.</returns>
    public async Task<Problem?> StoreAsync(UploadSession session, CancellationToken cancellationToken)
    {
        if (_judged.Count == 0)
            return Problems.NoFiles;
        var limits = options.Value.For(session.ShopLimits).OfSession;
        var (refused, stored) = await finishFile.StoreAsync(session.Id, _judged, files =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            return StoreAsync(session.Id, files, limits);
        });
        if (refused is not null)
            return refused;
        Stored = stored;
        RemoveLeases();
        _begun.Clear();
        return null;
    }

    /// <summary>Removes what was not stored: only the objects of rows that can no longer be stored are deleted. The rest is left to the Janitor.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_begun.Count == 0)
            return;
        try
        {
            await finishFile.GiveUpAsync(_session, [.. _begun.Select(file => file.Id)]);
        }
        catch (Exception outage) when (Outage.IsOrRefusal(outage) || outage is OperationCanceledException)
        {
            logger.CleanUpPostponed(_begun.Count, outage);
        }
        finally
        {
            RemoveLeases();
            _begun.Clear();
        }
    }

    private async Task<Outcome> StoreAsync(Guid session, IReadOnlyList<UploadedFile> files, SessionLimits limits)
    {
        using var limit = clock.Limit(StoreLimit);
        try
        {
            return await storedFiles.StoreAsync(session, files, limits, limit.Token);
        }
        catch (Exception outage) when (Outage.Is(outage))
        {
            // If the connection breaks during the commit we cannot know whether the files were stored. Trying to mark the rows settles it.
            // Answering 503 instead would make the client upload everything again.
            if ((await uploadingFiles.GiveUpAsync([.. files.Select(file => file.Id)], limit.Token)).Count > 0)
                throw;
            return Outcome.Done;
        }
    }

    /// <summary>How large the next file may become, and why it is refused if it is larger.</summary>
    private (long Limit, Problem Surplus) RoomIn(UploadSession session, UploadLimits limits)
    {
        var complete = _judged.Sum(judged => judged.File.Size);
        var inSession = limits.SessionSize - session.TotalSize - complete;
        var inShop = limits.Outstanding - session.Outstanding - complete;
        if (limits.FileSize <= Math.Min(inSession, inShop))
            return (limits.FileSize, Problems.FileTooLarge);
        return inSession <= inShop ? (inSession, Problems.SessionTooLarge) : (inShop, Problems.ShopFull);
    }

    private void RemoveLeases()
    {
        foreach (var file in _begun)
            leases.Remove(file.Id);
    }
}
