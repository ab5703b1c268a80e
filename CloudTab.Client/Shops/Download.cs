using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace CloudTab.Client;

/// <summary>One file on its way to a shop, over as many connections as that takes.</summary>
internal sealed class Download(Calls calls, string path, long size, string sha256, Stream destination, IProgress<long>? progress)
{
    private readonly Retries _retries = new(calls.Options);
    private long _received;
    private bool _isWriting;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (_received < size)
        {
            try
            {
                await ReceiveAsync(hash, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception broken) when (!_isWriting && Retries.IsTransient(broken))
            {
                if (!await calls.PauseAsync(_retries, broken, cancellationToken).ConfigureAwait(false))
                    throw;
            }
        }

        if (!Convert.ToHexString(hash.GetHashAndReset()).Equals(sha256, StringComparison.OrdinalIgnoreCase))
            throw new InvalidDataException("What was downloaded is not the file: its SHA-256 is another one.");
    }

    private async Task ReceiveAsync(IncrementalHash hash, CancellationToken cancellationToken)
    {
        using var answer = await calls.OpenAsync(Request, cancellationToken).ConfigureAwait(false);
        // Of a proxy that knows no ranges the whole file comes again. What is there already is read past.
        var skip = answer.StatusCode == HttpStatusCode.PartialContent ? 0 : _received;
        if (answer.StatusCode == HttpStatusCode.PartialContent && answer.Content.Headers.ContentRange?.From != _received)
            throw new InvalidDataException("The relay sent another part of the file than was asked for.");

        using var silence = new TimeLimit(calls.Options.Timeout, calls.Clock, cancellationToken);
        var buffer = ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            var body = await answer.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
            while (await ReadAsync(body, buffer, silence).ConfigureAwait(false) is > 0 and var count)
            {
                silence.Pause(); // The destination takes the time that it takes.
                var known = (int)Math.Min(skip, count);
                skip -= known;
                if (known < count)
                    await WriteAsync(buffer.AsMemory(known, count - known), hash, cancellationToken).ConfigureAwait(false);
                silence.Restart();
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true); // It is a customer's document.
        }

        if (_received < size)
            throw new HttpIOException(HttpRequestError.ResponseEnded, "The download ended before the file did.");
    }

    private HttpRequestMessage Request()
    {
        var request = calls.Request(HttpMethod.Get, path, isShop: true);
        if (_received > 0)
            request.Headers.Range = new RangeHeaderValue(_received, null);
        return request;
    }

    private static async ValueTask<int> ReadAsync(Stream body, byte[] buffer, TimeLimit silence)
    {
        try
        {
            return await body.ReadAsync(buffer, silence.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException cancelled) when (silence.HasPassed)
        {
            throw new TimeoutException("The download does not move.", cancelled);
        }
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> bytes, IncrementalHash hash, CancellationToken cancellationToken)
    {
        if (_received + bytes.Length > size)
            throw new InvalidDataException("What was downloaded is not the file: it is longer.");
        // A full disk is no broken network: trying again would write these bytes twice.
        _isWriting = true;
        await destination.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        _isWriting = false;
        hash.AppendData(bytes.Span);
        _received += bytes.Length;
        _retries.Reset();
        progress?.Report(_received);
    }
}
