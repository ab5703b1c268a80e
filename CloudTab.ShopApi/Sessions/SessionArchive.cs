using System.IO.Hashing;
using System.Text;
using CloudTab.Relay;

namespace CloudTab.ShopApi;

/// <summary>
/// All files of a session as one ZIP file, on their way from S3 to the shop: of no file more than a buffer is here. Files in which a virus was
/// found are not in it, but named in a text.
/// </summary>
/// <param name="name">The archive's name, without its ending.</param>
/// <param name="files">At least one without a virus.</param>
/// <param name="key">The key that downloads: its claim is renewed at each file.</param>
internal sealed class SessionArchive(string name, IReadOnlyList<StoredFile> files, ShopKey key) : IResult
{
    public const string ContentType = "application/zip";

    private const string LeftOutName = "left-out.txt";
    private const int BlockSize = 64 * 1024;

    private readonly List<StoredFile> _clean = [.. files.Where(file => !file.Infected)];
    private readonly List<uint> _checksums = [];
    private long _sent;

    public async Task ExecuteAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var leftOut = LeftOut();
        var layout = new ZipLayout([.. Entries(leftOut)]);
        try
        {
            foreach (var file in _clean)
                await SendAsync(context, layout, file);
            if (leftOut.Length > 0)
                await SendAsync(context.Response, layout, leftOut);
            await context.Response.BodyWriter.WriteAsync(layout.Directory([.. _checksums]), context.RequestAborted);
        }
        catch (FileNotFoundException) when (!context.Response.HasStarted)
        {
            await Problems.FileDeleted.ExecuteAsync(context);
        }
        catch (Exception cut) when (context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested && FileDownload.IsOfS3(cut))
        {
            // As for a file: only a broken connection tells the client that the archive is not whole.
            services.GetRequiredService<ILogger<SessionArchive>>().DownloadCut(_clean[_checksums.Count].Id, _sent, cut);
            context.Abort();
        }
        finally
        {
            if (context.Response.HasStarted)
                services.GetRequiredService<Telemetry>().RecordDownload(_sent);
        }
    }

    private async Task SendAsync(HttpContext context, ZipLayout layout, StoredFile file)
    {
        var (response, aborted) = (context.Response, context.RequestAborted);
        await context.RequestServices.GetRequiredService<Claims>().RenewAsync(key, file.Session, file.Id, aborted);
        await using var bytes = await context.RequestServices.GetRequiredService<ObjectStore>().GetAsync(file.ObjectKey, range: null, aborted);
        if (bytes?.Length != file.Size)
            throw new FileNotFoundException(); // the session has ended since its files were looked up
        if (!response.HasStarted)
        {
            response.ContentType = ContentType;
            response.ContentLength = layout.Length;
            response.Headers.ContentDisposition = $"attachment; filename={name}.zip";
        }

        await response.BodyWriter.WriteAsync(layout.LocalHeader(_checksums.Count), aborted);
        var checksum = await CopyAsync(bytes, context);
        await response.BodyWriter.WriteAsync(layout.Descriptor(_checksums.Count, checksum), aborted);
        _checksums.Add(checksum);
    }

    /// <returns>The CRC-32 of the bytes.</returns>
    private async Task<uint> CopyAsync(StoredObjectStream bytes, HttpContext context)
    {
        var clock = context.RequestServices.GetRequiredService<TimeProvider>();
        var checksum = new Crc32();
        for (var left = bytes.Length; left > 0;)
        {
            // Into the connection's own memory, of which there is more once the client has taken what is in it.
            var block = context.Response.BodyWriter.GetMemory(BlockSize);
            var count = await StallLimit.ReadAsync(bytes, block[..(int)Math.Min(left, block.Length)], clock, context.RequestAborted);
            checksum.Append(block.Span[..count]);
            context.Response.BodyWriter.Advance(count);
            await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            left -= count;
            _sent += count;
        }

        return checksum.GetCurrentHashAsUInt32();
    }

    private async Task SendAsync(HttpResponse response, ZipLayout layout, byte[] text)
    {
        var aborted = response.HttpContext.RequestAborted;
        var checksum = Crc32.HashToUInt32(text);
        await response.BodyWriter.WriteAsync(layout.LocalHeader(_checksums.Count), aborted);
        await response.BodyWriter.WriteAsync(text, aborted);
        await response.BodyWriter.WriteAsync(layout.Descriptor(_checksums.Count, checksum), aborted);
        _checksums.Add(checksum);
    }

    private IEnumerable<ZipEntry> Entries(byte[] leftOut)
    {
        foreach (var (file, unique) in _clean.Zip(ArchiveNames.For(_clean.Select(file => file.Name), LeftOutName)))
            yield return new(unique, file.Size, file.StoredAt);
        if (leftOut.Length > 0)
            yield return new(LeftOutName, leftOut.Length, _clean[^1].StoredAt);
    }

    private byte[] LeftOut() => files.Count == _clean.Count
        ? []
        : Encoding.UTF8.GetBytes("A virus was found in these files. They are not in this archive:\r\n"
            + string.Concat(files.Where(file => file.Infected).Select(file => $"{file.Name}\r\n")));
}
