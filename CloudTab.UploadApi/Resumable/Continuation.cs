using System.Runtime.ExceptionServices;
using Amazon.S3;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>
/// The bytes of one request on their way into an upload. Whole parts are recorded as they become durable; when the request ends, also
/// where it is cut or somebody else wants the upload, what is left is parked. So every byte that came through is kept; for the same
/// reason nothing here ends because the client has left. With a checksum the opposite holds: nothing is recorded until all bytes have
/// come and the checksum is right.
/// </summary>
internal sealed class Continuation(
    ObjectStore store, FileTypes types, UploadHolds holds, Completion completion, IOptions<UploadOptions> options, TimeProvider clock)
{
    // Parking happens when the client is gone, and while the host stops: it has a time of its own.
    private static readonly TimeSpan ParkLimit = TimeSpan.FromSeconds(30);

    /// <summary>Adds bytes to an upload, and completes it when they were the last. The upload is let go of.</summary>
    /// <exception cref="UploadLostException">The upload is somebody else's by now, or gone.</exception>
    /// <exception cref="BadHttpRequestException">The client broke off; what came is kept.</exception>
    public async Task<UploadAttempt> AddAsync(UploadHold hold, UploadBody body)
    {
        try
        {
            return await ReceiveAsync(hold, body);
        }
        catch (OperationCanceledException) when (hold.Lost.IsCancellationRequested)
        {
            throw new UploadLostException();
        }
        catch (AmazonS3Exception gone) when (gone.ErrorCode is "NoSuchUpload" or "NoSuchKey" or "InvalidPart")
        {
            // Its parts or tails were removed: with the session, by the holder that has it now, or by S3 itself, and then it can never be finished.
            await holds.RunOnceAsync(hold.Lost);
            if (hold.Lost.IsCancellationRequested)
                throw new UploadLostException();
            await completion.GiveUpAsync(hold);
            return Problems.UploadGone;
        }
    }

    private async Task<UploadAttempt> ReceiveAsync(UploadHold hold, UploadBody body)
    {
        if (hold.Upload.Length is null && body.LengthFrom(hold.Upload.Received) is { } length)
            await hold.SetLengthAsync(length, hold.Lost);
        var upload = hold.Upload;
        using var span = Telemetry.StartFile(upload.File!.Value);
        var limits = options.Value.For(upload.ShopLimits);
        var most = upload.Length ?? Math.Min(limits.FileSize, limits.SessionSize - upload.Claimed);
        var end = Math.Min(most, upload.Received + (body.Size ?? most));
        await using var sending = store.ResumeUpload(upload, end);
        sending.Journal = body.Checksum is null ? hold.RecordAsync : null;
        using var inspection = upload.IsPartial || upload.PartETags.Length > 0 ? null : new Inspection(types, upload.Name, upload.DeclaredType);

        var ending = await CopyAsync(hold, body, sending, inspection, end);
        if (ending.Refused is { } refused)
            return await GiveUpAsync(hold, sending, refused);
        if (ending.HasSurplus)
            return Problems.UploadTooLong;
        if (body.Checksum is not null)
        {
            // tus, Checksum: "Once the entire request has been received, the Server MUST verify the uploaded chunk"; otherwise it "MUST
            // be discarded, and the upload and its offset MUST NOT be updated".
            if ((ending.Cut is null ? body.Checksum.Verify() : Explain(hold, sending, ending.Cut)) is { } unverified)
                return unverified;
            sending.Journal = hold.RecordAsync;
        }

        if (!ending.IsAccepted)
            return await GiveUpAsync(hold, sending, Problems.TypeNotAccepted);
        var isWhole = body.IsLast && ending.Cut is null;
        if (isWhole && upload.Length is null)
            await hold.SetLengthAsync(sending.Size, hold.Lost);
        // Where its tail is not back, an upload that has all its bytes is not here.
        if (sending.IsLoaded && sending.Size == hold.Upload.Length)
            return await completion.CompleteAsync(hold, sending, inspection, body.Consumed);
        await ParkAsync(hold, sending);
        if (ending.Cut is not null)
            return new(hold.Upload, Explain(hold, sending, ending.Cut));
        return new(hold.Upload, isWhole ? Problems.OtherLength : null);
    }

    private async Task<Ending> CopyAsync(UploadHold hold, UploadBody body, ObjectUpload sending, Inspection? inspection, long end)
    {
        using var reading = new BodyReading(body, clock, hold.Interrupted, sending.Reclaimed);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(reading.Ended, hold.Lost);
        var isAccepted = true;
        try
        {
            await sending.LoadTailAsync(inspection is null ? null : tail => inspection.Add(tail), either.Token);
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
                await sending.AdvanceAsync(count, hold.Lost);
                if (body.Acknowledge is { } acknowledge)
                    await acknowledge(hold.Upload, reading.Ended);
            }

            // One byte more than fits tells that there is more; otherwise this is where trailers come in.
            if (await reading.ReadAsync(new byte[1]) == 0)
                return new() { IsAccepted = isAccepted };
            if (hold.Upload.Length is null)
                return new() { Refused = Problems.FileTooLarge };
            return body.MustFit ? new() { Refused = Problems.UploadTooLong } : new() { HasSurplus = true };
        }
        catch (OperationCanceledException ended) when (
            (reading.Ended.IsCancellationRequested || sending.Reclaimed.IsCancellationRequested) && !hold.Lost.IsCancellationRequested)
        {
            return new() { Cut = ended };
        }
        catch (BodyBrokenOffException broken)
        {
            return new() { Cut = broken.InnerException };
        }
    }

    private async Task<Problem> GiveUpAsync(UploadHold hold, ObjectUpload sending, Problem reason)
    {
        await sending.DisposeAsync(); // nothing of it is on its way any more
        await completion.GiveUpAsync(hold);
        return reason;
    }

    private async Task ParkAsync(UploadHold hold, ObjectUpload sending)
    {
        using var limit = new CancellationTokenSource(ParkLimit, clock);
        // Also where it is lost: only the record tells whether what was put has to be deleted again.
        var parked = await sending.ParkAsync(limit.Token);
        await hold.LetGoAsync(parked, limit.Token);
    }

    /// <summary>What to say to a client whose request was not read to its end.</summary>
    private static Problem Explain(UploadHold hold, ObjectUpload sending, Exception cut)
    {
        if (sending.Reclaimed.IsCancellationRequested)
            return Problems.TooSlow;
        if (hold.Interrupted.IsCancellationRequested)
            return hold.IsWanted ? Problems.UploadInterrupted : Problems.Unavailable;
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
