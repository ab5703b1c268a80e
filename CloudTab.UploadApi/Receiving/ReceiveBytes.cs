using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>The one loop that copies what a client sends into an object, and looks at the bytes as they pass.</summary>
internal sealed class ReceiveBytes(TimeProvider clock)
{
    /// <summary>Copies a body to its end, or until something speaks against it.</summary>
    /// <param name="limit">Bytes that the object may have.</param>
    /// <param name="uploadLock">The lock on a resumable upload, which another request may ask for; null for a file of a form.</param>
    /// <param name="cancellationToken">Ends the reading and the sending: the bytes are not needed any more.</param>
    public async Task<ReceivedBytes> CopyAsync(
        RequestBody body, ObjectUpload upload, FileInspection? inspection, long limit, UploadLock? uploadLock, CancellationToken cancellationToken)
    {
        using var reading = new BodyReading(body, clock, uploadLock?.Interrupted ?? default, upload.Reclaimed, cancellationToken);
        try
        {
            await upload.LoadTailAsync(inspection is null ? null : tail => inspection.Add(tail), reading.Ended);
            return await CopyAsync(body, reading, upload, inspection, limit, uploadLock, cancellationToken);
        }
        catch (OperationCanceledException ended) when (
            (reading.Ended.IsCancellationRequested || upload.Reclaimed.IsCancellationRequested) && !cancellationToken.IsCancellationRequested)
        {
            return new() { Cut = ended };
        }
    }

    private static async Task<ReceivedBytes> CopyAsync(
        RequestBody body,
        BodyReading reading,
        ObjectUpload upload,
        FileInspection? inspection,
        long limit,
        UploadLock? uploadLock,
        CancellationToken cancellationToken)
    {
        var isAccepted = true;
        while (true)
        {
            // Once the object is full, one byte tells whether there are more. This read is also the one in which trailers arrive.
            var memory = upload.Size < limit ? Shorten(await upload.GetMemoryAsync(reading.Ended), limit - upload.Size) : new byte[1];
            int count;
            try
            {
                count = await reading.ReadAsync(memory);
            }
            // ObjectDisposedException: a stream of S3's throws it if a read is cancelled.
            catch (Exception cut) when (cut is IOException or OperationCanceledException or ObjectDisposedException)
            {
                return new() { Cut = cut };
            }

            if (count == 0)
                return new() { IsAccepted = isAccepted };
            if (upload.Size >= limit)
                return new() { HasSurplus = true };
            body.Checksum?.Append(memory.Span[..count]);
            if (isAccepted && inspection is not null)
                isAccepted = inspection.Add(memory.Span[..count]);
            // If there is a checksum, only that can tell whether these are the file's bytes: it is verified first.
            if (!isAccepted && body.Checksum is null)
                return new() { IsAccepted = false };
            await upload.AdvanceAsync(count, cancellationToken);
            if (body.Acknowledge is { } acknowledge)
                await acknowledge(uploadLock!.Upload, reading.Ended);
        }
    }

    private static Memory<byte> Shorten(Memory<byte> memory, long length) => memory.Length > length ? memory[..(int)length] : memory;
}

/// <summary>How a body ended. If nothing is set, all of it was read and can be part of a file that is accepted here.</summary>
internal sealed record ReceivedBytes
{
    /// <summary>Whether the bytes can be those of a file that is accepted here.</summary>
    public bool IsAccepted { get; init; } = true;

    /// <summary>There were more bytes than the object may have.</summary>
    public bool HasSurplus { get; init; }

    /// <summary>What ended the reading before the body's end.</summary>
    public Exception? Cut { get; init; }
}
