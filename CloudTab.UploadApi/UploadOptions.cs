namespace CloudTab.UploadApi; internal sealed class UploadOptions;
