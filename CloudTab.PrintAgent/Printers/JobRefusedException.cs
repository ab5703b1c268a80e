namespace CloudTab.PrintAgent;

/// <summary>The printer answered, and refused, or would have done something else than it was asked for.</summary>
/// <param name="unsupported">Names of the attributes that it does not support.</param>
internal sealed class JobRefusedException(IppOperation operation, IppStatus status, IReadOnlyList<string> unsupported)
    : Exception($"{operation} was refused with 0x{(short)status:x4}.")
{
    public IppStatus Status => status;

    public IReadOnlyList<string> Unsupported => unsupported;

    /// <summary>Whether the same request may succeed a moment later.</summary>
    public bool IsTemporary => status is IppStatus.Busy or IppStatus.ServiceUnavailable or IppStatus.NotAcceptingJobs or IppStatus.TemporaryError or IppStatus.DeviceError;
}
