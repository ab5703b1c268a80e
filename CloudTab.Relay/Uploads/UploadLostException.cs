namespace CloudTab.Relay;

/// <summary>Another process has locked the upload by now, or it was removed: this one may not change it any more.</summary>
public sealed class UploadLostException : Exception
{
    public UploadLostException()
        : base("The upload is not held any more.")
    {
    }
}
