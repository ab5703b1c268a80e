using System.Runtime.ExceptionServices;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// The bytes of one request on their way into an upload. Whole parts are recorded as they become durable; when the request ends, also
/// where it is cut or somebody else wants the upload, what is left is parked. So every byte that came through is kept; for the same
/// reason nothing here ends because the client has left. With a checksum the opposite locks: nothing is recorded until all bytes have
/// come and the checksum is right.
/// </summary>
internal sealed class ReceiveBytes(
    ObjectStore store, FileTypes types, UploadLocks locks, CompleteUpload completeUpload, IOptions<UploadOptions> options, TimeProvider clock)
{
    // Parking happens when the client is gone, and while the host stops: it has a time of its own.
    private static readonly TimeSpan ParkLimit = TimeSpan.FromSeconds(30);

    /// <summary>Adds bytes to an upload, and completes it when they were the last. The upload is let go of.</summary>
    /// <exception cref="UploadLostException">The upload is somebody else's by now, or gone.</exception>
    /// <exception cref="BadHttpRequestException">The client broke off; what came is kept.</exception>
    public async Task<UploadAttempt> AddAsync(UploadLock uploadLock, UploadBody body)
    {
        try
        {
            return await ReceiveAsync(uploadLock, body);
        }
        catch (OperationCanceledException) when (uploadLock.Lost.IsCancellationRequested)
        {
            throw new UploadLostException();
        }
        catch (Exception gone) when (ObjectStore.IsGone(gone))
        {
            // Its parts or tails were removed: with the session, by the holder that has it now, or by S3 itself, and then it can never be finished.
            await locks.RunOnceAsync(uploadLock.Lost);
            if (uploadLock.Lost.IsCancellationRequested)
                throw new UploadLostException();
            await completeUpload.GiveUpAsync(uploadLock);
            return Problems.UploadGone;
        }
    }

    private async Task<UploadAttempt> ReceiveAsync(UploadLock uploadLock, UploadBody body)
    {
        if (uploadLock.Upload.Length is null && body.LengthFrom(uploadLock.Upload.Received) is { } length)
            await uploadLock.SetLengthAsync(length, uploadLock.Lost);
        var upload = uploadLock.Upload;
        using var span = Telemetry.StartFile(upload.File!.Value);
        var limits = options.Value.For(upload.ShopLimits);
        var most = upload.Length ?? Math.Min(limits.FileSize, limits.SessionSize - upload.Claimed);
        var end = Math.Min(most, upload.Received + (body.Size ?? most));
        await using var sending = store.ResumeUpload(upload, end);
        sending.Journal = body.Checksum is null ? uploadLock.RecordAsync : null;
        using var inspection = upload.IsPartial || upload.PartETags.Length > 0 ? null : new FileInspection(types, upload.Name, upload.DeclaredType);

        var ending = await CopyAsync(uploadLock, body, sending, inspection, end);
        if (ending.Refused is { } refused)
            return await GiveUpAsync(uploadLock, sending, refused);
        if (ending.HasSurplus)
            return Problems.UploadTooLong;
        if (body.Checksum is not null)
        {
            // tus, Checksum: "Once the entire request has been received, the Server MUST verify the uploaded chunk"; otherwise it "MUST
            // be discarded, and the upload and its offset MUST NOT be updated".
            if ((ending.Cut is null ? body.Checksum.Verify() : Explain(uploadLock, sending, ending.Cut)) is { } unverified)
                return unverified;
            sending.Journal = uploadLock.RecordAsync;
        }

        if (!ending.IsAccepted)
            return await GiveUpAsync(uploadLock, sending, Problems.TypeNotAccepted);
        var isWhole = body.IsLast && ending.Cut is null;
        if (isWhole && upload.Length is null)
            await uploadLock.SetLengthAsync(sending.Size, uploadLock.Lost);
        // Where its tail is not back, an upload that has all its bytes is not here.
        if (sending.IsLoaded && sending.Size == uploadLock.Upload.Length)
            return await completeUpload.CompleteAsync(uploadLock, sending, inspection, [.. body.Consumed.Select(partial => partial.File!.Value)]);
        await ParkAsync(uploadLock, sending);
        if (ending.Cut is not null)
            return new(uploadLock.Upload, Explain(uploadLock, sending, ending.Cut));
        return new(uploadLock.Upload, isWhole ? Problems.OtherLength : null);
    }

    private async Task<Ending> CopyAsync(UploadLock uploadLock, UploadBody body, ObjectUpload sending, FileInspection? inspection, long end)
    {
        using var reading = new BodyReading(body, clock, uploadLock.Interrupted, sending.Reclaimed);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(reading.Ended, uploadLock.Lost);
        var isAccepted = true;
        try
        {
            await sending.LoadTailAsync(inspection is null ? null : tail => inspection.Add(tail), linked.Token);
            while (sending.Size < end)
            {
                var memory = await sending.GetMemoryAsync(reading.Ended);
                var room = memory[..(int)Math.Min(memory.Length, end - sending.Size)];
                var count = await reading.ReadAsync(room);
                if (count == 0)
                    return new() { IsAccepted = isAccepted, Refused = body.IsLast && sending.Size == 0 ? Problems.EmptyFile : null };
                if (isAccepted && inspection is not null)
                    isAccepted = inspection.Add(room.Span[..count]);
                // Only a checksum can tell whether these are the file's bytes: then it is looked at first.
                if (!isAccepted && body.Checksum is null)
                    return new() { IsAccepted = false };
                await sending.AdvanceAsync(count, uploadLock.Lost);
                if (body.Acknowledge is { } acknowledge)
                    await acknowledge(uploadLock.Upload, reading.Ended);
            }

            // One byte more than fits tells that there is more; otherwise this is where trailers come in.
            if (await reading.ReadAsync(new byte[1]) == 0)
                return new() { IsAccepted = isAccepted };
            if (uploadLock.Upload.Length is null)
                return new() { Refused = Problems.FileTooLarge };
            return body.MustFit ? new() { Refused = Problems.UploadTooLong } : new() { HasSurplus = true };
        }
        catch (OperationCanceledException ended) when (
            (reading.Ended.IsCancellationRequested || sending.Reclaimed.IsCancellationRequested) && !uploadLock.Lost.IsCancellationRequested)
        {
            return new() { Cut = ended };
        }
        catch (BodyBrokenOffException broken)
        {
            return new() { Cut = broken.InnerException };
        }
    }

    private async Task<Problem> GiveUpAsync(UploadLock uploadLock, ObjectUpload sending, Problem reason)
    {
        await sending.DisposeAsync(); // nothing of it is on its way any more
        await completeUpload.GiveUpAsync(uploadLock);
        return reason;
    }

    private async Task ParkAsync(UploadLock uploadLock, ObjectUpload sending)
    {
        using var limit = clock.Limit(ParkLimit);
        // Also where it is lost: only the record tells whether what was put has to be deleted again.
        var parked = await sending.ParkAsync(limit.Token);
        await uploadLock.ReleaseAsync(parked, limit.Token);
    }

    /// <summary>What to say to a client whose request was not read to its end.</summary>
    private static Problem Explain(UploadLock uploadLock, ObjectUpload sending, Exception cut)
    {
        if (sending.Reclaimed.IsCancellationRequested)
            return Problems.TooSlow;
        if (uploadLock.Interrupted.IsCancellationRequested)
            return uploadLock.ReleaseRequested ? Problems.UploadInterrupted : Problems.Unavailable;
        // A client that is too slow hears so, with the status that Kestrel chose; most have gone.
        if (cut is BadHttpRequestException)
            ExceptionDispatchInfo.Throw(cut);
        throw new BadHttpRequestException("The body broke off.", cut);
    }

    /// <summary>How the reading of a body ended: all of it was read where none of these is set.</summary>
    private sealed record Ending
    {
        /// <summary>Why the upload can never be finished, whatever its bytes are.</summary>
        public Problem? Refused { get; init; }

        /// <summary>Whether the bytes can be those of a file that is taken here.</summary>
        public bool IsAccepted { get; init; } = true;

        /// <summary>There were more bytes than belong to the upload.</summary>
        public bool HasSurplus { get; init; }

        /// <summary>What ended the reading too early.</summary>
        public Exception? Cut { get; init; }
    }
}
