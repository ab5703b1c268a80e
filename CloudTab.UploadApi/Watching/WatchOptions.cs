using System.ComponentModel.DataAnnotations;

namespace CloudTab.UploadApi;

/// <summary>How many customers may watch their sessions.</summary>
internal sealed class WatchOptions
{
    /// <summary>
    /// Event streams that may be open on one replica (MAX_EVENT_STREAMS, default 10,000). Too many, and the process runs out of memory
    /// that uploads need.
    /// </summary>
    [ConfigurationKeyName("MAX_EVENT_STREAMS")]
    [Range(1, 1_000_000)]
    public int MaxStreams { get; set; } = 10_000;

    /// <summary>
    /// Event streams that one client address may have open on one replica (MAX_EVENT_STREAMS_PER_ADDRESS, default 1,000, in Development
    /// no limit). Too few, and customers behind one address, of a shop's Wi-Fi or a mobile network, exclude each other.
    /// </summary>
    [ConfigurationKeyName("MAX_EVENT_STREAMS_PER_ADDRESS")]
    [Range(1, 1_000_000)]
    public int? MaxStreamsPerAddress { get; set; }
}
