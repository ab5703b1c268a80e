namespace CloudTab.UploadApi;

/// <summary>The names of file types in answers (https://www.iana.org/assignments/media-types).</summary>
internal static class MediaTypes
{
    public const string Pdf = "application/pdf";
    public const string Jpeg = "image/jpeg";
    public const string Png = "image/png";
    public const string Tiff = "image/tiff";
    public const string Heic = "image/heic";
    public const string Heif = "image/heif";
    public const string WebP = "image/webp";
    public const string Doc = "application/msword";
    public const string Xls = "application/vnd.ms-excel";
    public const string Ppt = "application/vnd.ms-powerpoint";
    public const string Docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    public const string Xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    public const string Pptx = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
    public const string Odt = "application/vnd.oasis.opendocument.text";
    public const string Rtf = "application/rtf";
    public const string Text = "text/plain";
    public const string Csv = "text/csv";

    // Containers: what is inside decides.
    public const string Zip = "application/zip";
    public const string CompoundFile = "application/x-ole-storage";

    /// <summary>
    /// Every media type that CloudTab can tell, with the endings under which systems open such a file as what it is. The first one is
    /// appended to a name that has none of them.
    /// </summary>
    public static IReadOnlyDictionary<string, string[]> Endings { get; } = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        [Pdf] = [".pdf"],
        [Jpeg] = [".jpg", ".jpeg", ".jpe", ".jfif"],
        [Png] = [".png"],
        [Tiff] = [".tif", ".tiff"],
        [Heic] = [".heic", ".heif", ".hif"],
        [Heif] = [".heif", ".heic", ".hif"],
        [WebP] = [".webp"],
        [Doc] = [".doc"],
        [Xls] = [".xls"],
        [Ppt] = [".ppt", ".pps"],
        [Docx] = [".docx"],
        [Xlsx] = [".xlsx"],
        [Pptx] = [".pptx"],
        [Odt] = [".odt"],
        [Rtf] = [".rtf", ".doc"], // Word writes RTF under either, and opens it under either
        [Text] = [".txt", ".text", ".log", ".md", ".tsv"],
        [Csv] = [".csv", ".tsv", ".txt"],
    };
}
