using System.Collections.Concurrent;

namespace CloudTab.Clients.Tests.Chaos;

/// <summary>
/// The upload bytes that clients have sent, counted where they leave the network for the relay.
///
/// What the network itself duplicates is not counted: no client has sent it.
/// </summary>
internal sealed class Traffic
{
    private readonly ConcurrentDictionary<string, long> _acknowledged = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _mistakes = [];
    private long _sent;

    /// <summary>Bytes of files in all.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Offsets at which the relay lost bytes that it had acknowledged.</summary>
    public IReadOnlyCollection<string> Mistakes => _mistakes;

    /// <summary>Bytes of a file have reached the relay.</summary>
    public void HaveSent(int count) => Interlocked.Add(ref _sent, count);

    /// <summary>A client asked for its offset and got the answer that there is no upload: it sends everything again.</summary>
    public void HaveRefused(string upload, string status) => _mistakes.Enqueue($"{upload} was answered with {status}.");

    /// <summary>A client got an offset: the relay has everything before it, and will never ask for it again.</summary>
    public void HaveAcknowledged(string upload, long offset)
    {
        _acknowledged.AddOrUpdate(upload, offset, (_, before) =>
        {
            if (offset < before)
                _mistakes.Enqueue($"{upload} was at {before}, and then at {offset}.");
            return Math.Max(before, offset);
        });
    }
}
