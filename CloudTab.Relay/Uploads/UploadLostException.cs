namespace CloudTab.Relay;

/// <summary>An upload is another process's by now, or was removed: nothing of it may be changed any more.</summary>
public sealed class UploadLostException : Exception
{
    public UploadLostException()
        : base("The upload is not held any more.")
    {
    }
}
