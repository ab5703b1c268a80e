namespace CloudTab.Client;

/// <summary>A file to send.</summary>
/// <param name="name">For display. The relay drops a path and control characters.</param>
/// <param name="content">Its bytes, from where the stream stands to its end; of a resumable upload all of them. The client reads it, and does not close it.</param>
public sealed class FileToUpload(string name, Stream content)
{
    /// <summary>For display.</summary>
    public string Name { get; } = name ?? throw new ArgumentNullException(nameof(name));

    /// <summary>Its bytes.</summary>
    public Stream Content { get; } = content ?? throw new ArgumentNullException(nameof(content));

    /// <summary>What of the session's print options is different for this file; null: nothing.</summary>
    public PrintOptionsChange? PrintOptions { get; init; }

    /// <summary>What the whole file must hash to, 64 hexadecimal digits; null: not checked. Resumable uploads only.</summary>
    public string? Sha256 { get; init; }
}

/// <summary>A file that was stored.</summary>
/// <param name="OriginalName">The name by which it is shown.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Type">The media type that its content shows.</param>
/// <param name="Sha256">64 hexadecimal digits.</param>
/// <param name="Pages">Pages of a PDF that could be read.</param>
/// <param name="Locked">Whether a PDF needs a password.</param>
/// <param name="Scan">One of <see cref="ScanResults"/>.</param>
public sealed record UploadedFile(Guid Id, string OriginalName, long Size, string Type, string Sha256, int? Pages, bool? Locked, string Scan);
