using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>How an attempt to create or finish a direct upload ended.</summary>
/// <param name="Upload">The upload as it is recorded now, or null if there is none to tell of.</param>
/// <param name="Refused">Why it was refused, or null.</param>
internal sealed record DirectAttempt(Upload? Upload, Problem? Refused)
{
    /// <summary>Links for the parts that are missing.</summary>
    public IReadOnlyList<PartLink> Missing { get; init; } = [];

    /// <summary>The file that the upload has become.</summary>
    public UploadedFile? Stored { get; init; }

    public static implicit operator DirectAttempt(Problem refused) => new(null, refused);
}
