using System.Buffers;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>A file that a client announces, as the client describes it.</summary>
/// <param name="Name">The name to display.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Type">The media type that the client believes in.</param>
/// <param name="Sha256">The SHA-256 of its content, in hexadecimal digits.</param>
/// <param name="Mode">`direct`: there may be others one day.</param>
/// <param name="Parts">What each 8 MiB of it hash to. Without them the file is sent as one part.</param>
/// <param name="PrintOptions">How it is to be printed.</param>
internal sealed record DirectFile(
    string? Name, long? Size, string? Type, string? Sha256, string? Mode, IReadOnlyList<string?>? Parts = null, PrintOptionsChange? PrintOptions = null)
{
    private const string Direct = "direct";
    private const int LongestType = 255;
    private const int HashSize = 32;

    /// <summary>What the client asks for, or why that cannot be understood.</summary>
    public (NewUpload? Wanted, Problem? Refused) Read()
    {
        if (Size == 0)
            return (null, Problems.EmptyFile);
        if (Mode != Direct || Size is not > 0 || HashOf(Sha256) is not { } whole)
            return (null, Problems.InvalidDirectFile);
        if (PartsFor(Size.Value, whole) is not { } parts)
            return (null, Problems.InvalidParts);
        var type = Type?.Replace("\0", "", StringComparison.Ordinal) is { Length: <= LongestType } told ? told : null;
        var upload = new NewUpload(FileNames.Clean(Name ?? ""), Size, type, whole, Metadata: null, Concat: null) { PartSha256 = parts, PrintOptions = PrintOptions };
        return (upload, null);
    }

    private List<byte[]>? PartsFor(long size, byte[] whole)
    {
        if (Parts is null)
            return size <= DirectParts.LargestPart ? [whole] : null;
        if (Parts.Count > DirectParts.MostParts || Parts.Count != (size + ObjectUpload.PartSize - 1) / ObjectUpload.PartSize)
            return null;
        var hashes = Parts.Select(HashOf).OfType<byte[]>().ToList();
        return hashes.Count == Parts.Count ? hashes : null;
    }

    private static byte[]? HashOf(string? text)
    {
        var hash = new byte[HashSize];
        return text is { Length: 2 * HashSize } && Convert.FromHexString(text, hash, out _, out _) == OperationStatus.Done ? hash : null;
    }
}
