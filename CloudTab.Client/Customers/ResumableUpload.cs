using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace CloudTab.Client;

/// <summary>One upload by tus 1.0.0: asks for the offset, sends the rest, and again if that breaks.</summary>
internal sealed class ResumableUpload(Calls calls, Uri address, Stream content, IProgress<long>? progress)
{
    /// <summary>The relay may let an upload wait so long for memory, and scans a file when its last byte has come.</summary>
    public static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(5);

    private readonly Retries _retries = new(calls.Options);

    /// <summary>Creates an upload (tus, "Creation"). If the answer is lost, the relay forgets what it created: there was no byte in it.</summary>
    public static async Task<Uri> BeginAsync(Calls calls, string path, FileToUpload file, CancellationToken cancellationToken)
    {
        var length = file.Content.Length;
        using var answer = await calls.SendAsync(Create, canRepeat: true, cancellationToken).ConfigureAwait(false);
        return calls.AddressOf(answer.Headers.Location?.OriginalString ?? throw new HttpRequestException("The relay did not say where the upload is."));

        HttpRequestMessage Create()
        {
            var request = Request(calls, HttpMethod.Post, path);
            request.Headers.Add("Upload-Length", length.ToString(CultureInfo.InvariantCulture));
            request.Headers.Add("Upload-Metadata", MetadataOf(file));
            return request;
        }
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        for (var known = 0L; ;)
        {
            try
            {
                var offset = await FindOffsetAsync(cancellationToken).ConfigureAwait(false);
                if (offset > known)
                    _retries.Reset();
                known = offset;
                if (offset == content.Length)
                    return;
                await SendRestAsync(offset, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (Exception broken) when (CanGoOn(broken))
            {
                if (!await calls.PauseAsync(_retries, broken, cancellationToken).ConfigureAwait(false))
                    throw;
            }
        }
    }

    /// <summary>Sends a body that moves at its own pace: its limit is the longest time without a byte.</summary>
    public static async Task<HttpResponseMessage> TransferAsync(Calls calls, HttpRequestMessage request, TimeLimit silence)
    {
        try
        {
            return await calls.TransferAsync(request, HttpCompletionOption.ResponseContentRead, silence.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled) when (silence.HasPassed)
        {
            throw new TimeoutException("The upload does not move.", cancelled);
        }
    }

    // Another request has the upload still, most often one of ours on a connection that died; or something of the relay is away; or this
    // one came too slowly. All that had come is kept, and HEAD says how much that is.
    private static bool CanGoOn(Exception failure) =>
        Retries.IsTransient(failure) || failure is CloudTabException { Status: HttpStatusCode.Conflict or HttpStatusCode.Locked or HttpStatusCode.RequestTimeout };

    private static HttpRequestMessage Request(Calls calls, HttpMethod method, string path)
    {
        var request = calls.Request(method, path);
        request.Headers.Add("Tus-Resumable", "1.0.0");
        return request;
    }

    private static string MetadataOf(FileToUpload file)
    {
        (string Key, string? Value)[] pairs = [("filename", file.Name), ("sha256", file.Sha256), ("printOptions", file.PrintOptions?.ToJson())];
        return string.Join(',', pairs.Where(pair => pair.Value is not null).Select(pair => $"{pair.Key} {Convert.ToBase64String(Encoding.UTF8.GetBytes(pair.Value!))}"));
    }

    private async Task<long> FindOffsetAsync(CancellationToken cancellationToken)
    {
        using var answer = await calls.SendAsync(
            () => Request(calls, HttpMethod.Head, address.OriginalString), canRepeat: false, cancellationToken).ConfigureAwait(false);
        return answer.Headers.TryGetValues("Upload-Offset", out var values)
            && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
            && offset <= content.Length
                ? offset
                : throw new HttpRequestException("The relay did not say how much of the upload it has.");
    }

    private async Task SendRestAsync(long offset, CancellationToken cancellationToken)
    {
        var sent = content.Position = offset;
        using var silence = new TimeLimit(LongestSilence, calls.Clock, cancellationToken);
        var request = Request(calls, HttpMethod.Patch, address.OriginalString);
        request.Headers.Add("Upload-Offset", offset.ToString(CultureInfo.InvariantCulture));
        request.Content = new StreamedContent(content, content.Length - offset, Moved)
        {
            Headers = { ContentType = new MediaTypeHeaderValue("application/offset+octet-stream") },
        };
        using var answer = await TransferAsync(calls, request, silence).ConfigureAwait(false);

        void Moved(int count)
        {
            silence.Restart();
            sent += count;
            progress?.Report(sent);
        }
    }
}
