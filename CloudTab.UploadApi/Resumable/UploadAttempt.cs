using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>How an attempt to add to an upload ended.</summary>
/// <param name="Upload">The upload as it is recorded now, or null if there is none to tell of.</param>
/// <param name="Refused">Why it was refused, or null.</param>
internal sealed record UploadAttempt(Upload? Upload, Problem? Refused)
{
    public static implicit operator UploadAttempt(Problem refused) => new(null, refused);

    public static implicit operator UploadAttempt(Upload upload) => new(upload, null);
}
