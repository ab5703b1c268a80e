using System.Globalization;

namespace CloudTab.UploadApi;

/// <summary>Sizes as programmers read them: in the API's document. The pages have <c>Words.Size</c>.</summary>
internal static class FileSize
{
    private static readonly string[] Units = ["bytes", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>Three digits or so: `1 MiB`, `1.5 MiB`, `873 bytes`.</summary>
    public static string Format(long bytes)
    {
        var unit = 0;
        double size = bytes;
        for (; size >= 1024 && unit < Units.Length - 1; unit++)
            size /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{size:0.#} {(bytes == 1 ? "byte" : Units[unit])}");
    }
}
