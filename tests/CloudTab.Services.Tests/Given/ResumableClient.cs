using System.Net;
using System.Net.Sockets;

namespace CloudTab.Services.Tests;

/// <summary>tus and Resumable Uploads for HTTP: bytes are added to an upload that has an address.</summary>
internal abstract class ResumableClient(HttpClient http, string prefix, bool inPieces) : UploadClient(http, prefix)
{
    protected bool InPieces => inPieces;

    protected string Creation(string sessionId) => Prefix + IetfClient.Creation(sessionId);

    public static new ResumableClient Of(Way way, HttpClient http, string prefix = "") => way is Way.Tus or Way.TusInPieces
        ? new TusUploadClient(http, prefix, inPieces: way == Way.TusInPieces)
        : new IetfUploadClient(http, prefix, inPieces: way == Way.IetfInPieces);

    /// <summary>Whether a client of this protocol says at once how long a file is that it sends in pieces.</summary>
    protected abstract bool AnnouncesLength { get; }

    /// <summary>Creates an upload without its bytes.</summary>
    public abstract Task<HttpResponseMessage> CreateAsync(string sessionId, Sample file, bool isLengthKnown, string? declaredType = null);

    public abstract Task<HttpResponseMessage> AppendAsync(string upload, int offset, byte[] bytes, bool isLast);

    /// <summary>Begins a request that announces all bytes from the offset on, and sends so many of them.</summary>
    public abstract Task<Socket> OpenAsync(Uri address, string upload, Sample file, int offset, int count);

    /// <summary>Asks for the offset.</summary>
    public abstract Task<HttpResponseMessage> AskAsync(string upload);

    public abstract Task<HttpResponseMessage> DeleteAsync(string upload);

    /// <summary>Creates an upload of known length.</summary>
    /// <returns>Its address.</returns>
    public async Task<string> BeginAsync(string sessionId, Sample file)
    {
        using var answer = await CreateAsync(sessionId, file, isLengthKnown: true);
        Assert.True(HttpStatusCode.Created == answer.StatusCode, await answer.Content.ReadAsStringAsync(Token));
        return answer.Headers.Location!.ToString();
    }

    /// <summary>Creates an upload of known length in a new session, and adds its first bytes.</summary>
    public async Task<(string SessionId, string Upload)> BegunAsync(Sample file, int received = 0)
    {
        var sessionId = await Http.CreateAsync(Prefix);
        var upload = await BeginAsync(sessionId, file);
        if (received > 0)
            await AppendedAsync(upload, 0, file.Content[..received], isLast: received == file.Content.Length);
        return (sessionId, upload);
    }

    /// <summary>Adds bytes that are accepted.</summary>
    public async Task AppendedAsync(string upload, int offset, byte[] bytes, bool isLast)
    {
        using var answer = await AppendAsync(upload, offset, bytes, isLast);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Token));
    }

    /// <summary>Sends the rest of a file.</summary>
    public Task CompletedAsync(string upload, Sample file, long from) => AppendedAsync(upload, (int)from, file.Content[(int)from..], isLast: true);

    public async Task<long> OffsetAsync(string upload)
    {
        using var answer = await AskAsync(upload);
        Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}");
        return answer.Number("Upload-Offset");
    }

    /// <summary>Asserts that no request finds an upload any more, or that none ever did.</summary>
    public async Task IsAbsentAsync(string upload, HttpStatusCode status, string code)
    {
        using var asked = await AskAsync(upload);
        Assert.Equal(status, asked.StatusCode);
        Assert.False(asked.Headers.Contains("Upload-Offset"));
        using var appended = await AppendAsync(upload, 0, [1], isLast: false);
        await IsRejectedAsync(appended, status, code);
        using var deleted = await DeleteAsync(upload);
        await IsRejectedAsync(deleted, status, code);
    }

    /// <summary>Asserts that an answer refuses a request and leaves the upload as it is.</summary>
    public virtual Task IsRejectedAsync(HttpResponseMessage answer, HttpStatusCode status, string code) => answer.IsProblemAsync(status, code);

    public Task IsGoneAsync(string upload) => IsAbsentAsync(upload, HttpStatusCode.Gone, "upload_gone");

    public override async Task<HttpResponseMessage> SendAsync(string sessionId, Sample file, string? declaredType = null)
    {
        var answer = await CreateAsync(sessionId, file, AnnouncesLength, declaredType);
        var size = file.Content.Length;
        var (upload, offset) = (answer.Headers.Location?.ToString() ?? "", 0);
        foreach (var end in InPieces ? [.. ((int[])[size / 3, size - (size / 10), size]).Distinct()] : (int[])[size])
        {
            if (!answer.IsSuccessStatusCode)
                return answer;
            answer.Dispose();
            answer = await AppendAsync(upload, offset, file.Content[offset..end], isLast: end == size);
            offset = end;
        }

        return answer;
    }
}

internal sealed class TusUploadClient(HttpClient http, string prefix, bool inPieces) : ResumableClient(http, prefix, inPieces)
{
    protected override bool AnnouncesLength => true;

    public override Task<HttpResponseMessage> CreateAsync(string sessionId, Sample file, bool isLengthKnown, string? declaredType = null) => Http.SendAsync(
        HttpMethod.Post,
        Creation(sessionId),
        null,
        isLengthKnown ? TusClient.Length(file.Content.Length) : ("Upload-Defer-Length", "1"),
        TusClient.Metadata([.. Described(file, declaredType)]));

    public override Task<HttpResponseMessage> AppendAsync(string upload, int offset, byte[] bytes, bool isLast) => Http.PatchAsync(upload, offset, bytes);

    public override Task<Socket> OpenAsync(Uri address, string upload, Sample file, int offset, int count) =>
        RawPatch.SendAsync(address, upload, offset, file.Content.Length - offset, file.Content.AsMemory(offset, count));

    public override async Task<HttpResponseMessage> AskAsync(string upload)
    {
        var answer = await Http.HeadAsync(upload);
        Assert.Equal("1.0.0", answer.Header("Tus-Resumable"));
        return answer;
    }

    public override Task<HttpResponseMessage> DeleteAsync(string upload) => Http.SendAsync(HttpMethod.Delete, upload);

    public override Task IsStoredAsync(HttpResponseMessage answer, string sessionId, Sample file)
    {
        Assert.Equal((HttpStatusCode.NoContent, file.Content.Length), (answer.StatusCode, answer.Number("Upload-Offset")));
        Assert.Equal("1.0.0", answer.Header("Tus-Resumable"));
        return Task.CompletedTask;
    }

    private static IEnumerable<(string Key, string Value)> Described(Sample file, string? declaredType)
    {
        yield return ("filename", file.Name);
        if (declaredType is not null)
            yield return ("filetype", declaredType);
        if (file.Announced is not null)
            yield return ("sha256", file.Announced);
    }
}

/// <summary>Resumable Uploads for HTTP. In pieces, only the last one says how long the file is.</summary>
internal sealed class IetfUploadClient(HttpClient http, string prefix, bool inPieces) : ResumableClient(http, prefix, inPieces)
{
    protected override bool AnnouncesLength => false;

    public override async Task<HttpResponseMessage> SendAsync(string sessionId, Sample file, string? declaredType = null) => InPieces
        ? await base.SendAsync(sessionId, file, declaredType)
        : await Http.IetfAsync(HttpMethod.Post, Creation(sessionId), file.Content, [IetfClient.Complete(true), .. Described(file, declaredType)]);

    public override Task<HttpResponseMessage> CreateAsync(string sessionId, Sample file, bool isLengthKnown, string? declaredType = null) => Http.IetfAsync(
        HttpMethod.Post,
        Creation(sessionId),
        [],
        [IetfClient.Complete(false), .. Described(file, declaredType), .. isLengthKnown ? [TusClient.Length(file.Content.Length)] : ((string, string)[])[]]);

    public override Task<HttpResponseMessage> AppendAsync(string upload, int offset, byte[] bytes, bool isLast) => Http.AppendAsync(upload, offset, bytes, isLast);

    public override Task<Socket> OpenAsync(Uri address, string upload, Sample file, int offset, int count)
    {
        var headers = IetfClient.Append(offset, isLast: true, ("Content-Length", TusClient.Number(file.Content.Length - offset)));
        return RawHttp.SendAsync(
            address, $"PATCH {upload} HTTP/1.1\r\n{string.Concat(headers.Select(header => $"{header.Name}: {header.Value}\r\n"))}", file.Content.AsMemory(offset, count));
    }

    public override Task<HttpResponseMessage> AskAsync(string upload) => Http.IetfAsync(HttpMethod.Get, upload);

    public override Task<HttpResponseMessage> DeleteAsync(string upload) => Http.IetfAsync(HttpMethod.Delete, upload);

    public override async Task IsStoredAsync(HttpResponseMessage answer, string sessionId, Sample file)
    {
        await base.IsStoredAsync(answer, sessionId, file);
        Assert.Equal("?1", answer.Header("Upload-Complete"));
    }

    public override async Task IsRefusedAsync(HttpResponseMessage answer, HttpStatusCode status, string code)
    {
        await answer.IsRefusalAsync(status, code, isFinal: true);
        if (code == "checksum_mismatch")
            Assert.Equal(IetfDigestTests.Mismatch, (await answer.JsonAsync()).Text("type"));
    }

    public override Task IsRejectedAsync(HttpResponseMessage answer, HttpStatusCode status, string code) => answer.IsRefusalAsync(status, code, isFinal: false);

    private static IEnumerable<(string Name, string Value)> Described(Sample file, string? declaredType)
    {
        yield return IetfClient.Named(file.Name);
        if (declaredType is not null)
            yield return ("Content-Type", declaredType);
        if (file.Announced is not null)
            yield return ("Repr-Digest", $"sha-256=:{Convert.ToBase64String(Convert.FromHexString(file.Announced))}:");
    }
}
