using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>
/// The end of a file, however its bytes came: it is judged, scanned, its pages are counted, and it is stored, measured and logged; or it is
/// given up, and everything of it is removed.
/// </summary>
internal sealed class FinishFile(
    UploadingFiles uploadingFiles, Removal removal, PdfPages pdfPages, VirusScan virusScan, TimeProvider clock, Telemetry telemetry, ILogger<FinishFile> logger)
{
    // Files are given up when the client may be gone, and while the host stops: this has a time of its own.
    private static readonly TimeSpan GiveUpLimit = TimeSpan.FromSeconds(10);

    /// <summary>Judges a file whose object is durable, and begins to scan it and to count its pages.</summary>
    /// <param name="inspection">What has seen all its bytes.</param>
    /// <param name="declaredSha256">What the client said that it hashes to, if it did.</param>
    /// <param name="duration">How long its bytes took.</param>
    /// <returns>The file, or why it is refused.</returns>
    /// <exception cref="TimeoutException">It could not be looked into in time: it can be tried again.</exception>
    public async Task<(JudgedFile? File, Problem? Refused)> JudgeAsync(
        UploadingFile file, long size, FileInspection inspection, byte[]? declaredSha256, TimeSpan duration, CancellationToken cancellationToken)
    {
        if (await inspection.ConcludeAsync(file.ObjectKey, size, cancellationToken) is not { } verdict)
            return (null, Problems.TypeNotAccepted);
        if (declaredSha256 is not null && !declaredSha256.AsSpan().SequenceEqual(verdict.Sha256))
            return (null, Problems.WrongContent);
        var counting = verdict.Type == MediaTypes.Pdf ? pdfPages.CountAsync(file, size, cancellationToken) : Task.FromResult<PdfFacts?>(null);
        var scanning = virusScan.ScanAsync(file, cancellationToken);
        var uploaded = new UploadedFile(file.Id, FileNames.For(file.Name, verdict.Type), verdict.Type, size, verdict.Sha256) { PrintOptions = file.PrintOptions };
        return (new(uploaded, duration, counting, scanning), null);
    }

    /// <summary>Stores files once they are scanned and their pages are counted: what is known of them needs no repair if this process dies in between.</summary>
    /// <param name="store">The statement that stores them.</param>
    /// <returns>Why they are refused, or null; and the files.</returns>
    /// <exception cref="ScannerAwayException">They must be scanned, and the scanner does not answer.</exception>
    public async Task<(Problem? Refused, IReadOnlyList<UploadedFile> Files)> StoreAsync(
        Guid session, IReadOnlyList<JudgedFile> judged, Func<IReadOnlyList<UploadedFile>, Task<Outcome>> store)
    {
        // A refusal waits for all of them too: nothing of these files is read once the request is over.
        await Task.WhenAll(judged.SelectMany<JudgedFile, Task>(file => [file.Scanning, file.Counting]));
        var files = new List<UploadedFile>(judged.Count);
        foreach (var (file, _, counting, scanning) in judged)
        {
            if (await scanning is not { } scan)
                return (Problems.NotScannable, []);
            var facts = await counting;
            files.Add(file with { Pages = facts?.Pages, Locked = facts?.Locked, Scan = scan });
        }

        var outcome = await store(files);
        if (outcome != Outcome.Done)
            return (Problems.For(outcome), []);
        foreach (var (file, duration, _, _) in judged)
            telemetry.FileStored(file.Size, file.Type, duration);
        logger.FilesStored(files.Count, files.Sum(file => file.Size), session);
        return (null, files);
    }

    /// <summary>Gives up files that were not stored. What cannot be removed now is left to the Janitor; files that did get stored stay.</summary>
    public async Task GiveUpAsync(Guid session, params Guid[] files)
    {
        using var limit = clock.Limit(GiveUpLimit);
        if ((await uploadingFiles.GiveUpAsync(files, limit.Token)).Count > 0)
            await removal.TryRemoveAsync(session, limit.Token);
    }
}

/// <summary>A file that is accepted and can be stored.</summary>
/// <param name="Duration">How long its bytes took.</param>
/// <param name="Counting">Its pages are being counted; null if nothing was found out, or it is no PDF.</param>
/// <param name="Scanning">It is being scanned; null if it must be, and cannot be.</param>
internal sealed record JudgedFile(UploadedFile File, TimeSpan Duration, Task<PdfFacts?> Counting, Task<string?> Scanning);
