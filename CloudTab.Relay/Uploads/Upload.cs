namespace CloudTab.Relay;

/// <summary>What a client says of an upload that it begins.</summary>
/// <param name="Name">The name to display; it is kept in NFC.</param>
/// <param name="Length">Bytes, or null if the client tells later.</param>
/// <param name="DeclaredType">The media type that the client gave, if any.</param>
/// <param name="DeclaredSha256">What the content shall hash to, if the client said so.</param>
/// <param name="Metadata">Upload-Metadata of tus, as it was sent.</param>
/// <param name="Concat">Upload-Concat of tus, as it was sent.</param>
public sealed record NewUpload(string Name, long? Length, string? DeclaredType, byte[]? DeclaredSha256, string? Metadata, string? Concat)
{
    /// <summary>Value of <see cref="Concat"/> of an upload that becomes a file only together with others.</summary>
    public const string Partial = "partial";

    /// <summary>SHA-256 of each part, of an upload whose bytes go to S3 past the services; else null.</summary>
    public IReadOnlyList<byte[]>? PartSha256 { get; init; }

    /// <summary>How its file is to be printed, as far as its client says; else like the session's files.</summary>
    public PrintOptionsChange? PrintOptions { get; init; }

    /// <summary>Whether it becomes a file only together with others.</summary>
    public bool IsPartial => Concat == Partial;
}

/// <summary>An upload as it is recorded.</summary>
public sealed record Upload
{
    /// <summary>Internal id, for logs and traces.</summary>
    public Guid Id { get; init; }

    /// <summary>When it was begun.</summary>
    public DateTime CreatedAt { get; init; }

    /// <summary>The customer's secret.</summary>
    public string UploadId { get; init; } = "";

    /// <summary>Internal id of the session that it belongs to.</summary>
    public Guid Session { get; init; }

    /// <summary>The customer's id of that session.</summary>
    public string SessionId { get; init; } = "";

    /// <summary>Internal id of the file that it becomes; null once its row is gone.</summary>
    public Guid? File { get; init; }

    /// <summary>Key of the object that becomes the file.</summary>
    public string ObjectKey { get; init; } = "";

    /// <summary>The name to display.</summary>
    public string Name { get; init; } = "";

    /// <summary>How its file is to be printed.</summary>
    public PrintOptions PrintOptions { get; init; } = PrintOptions.Default;

    /// <summary>Bytes in all, or null if the client has not said so yet.</summary>
    public long? Length { get; init; }

    /// <summary>The media type that the client gave.</summary>
    public string? DeclaredType { get; init; }

    /// <summary>What the content shall hash to.</summary>
    public byte[]? DeclaredSha256 { get; init; }

    /// <summary>Upload-Metadata of tus, as it was sent.</summary>
    public string? Metadata { get; init; }

    /// <summary>Upload-Concat of tus, as it was sent.</summary>
    public string? Concat { get; init; }

    /// <summary>Whether the file is stored (or, of a partial upload, whether all its bytes are there).</summary>
    public bool IsComplete { get; init; }

    /// <summary>Bytes that are durable.</summary>
    public long Received { get; init; }

    /// <summary>Bytes in every part but the last.</summary>
    public int PartSize { get; init; }

    /// <summary>S3's id of the multipart upload that holds the parts.</summary>
    public string? MultipartId { get; init; }

    /// <summary>S3's tags of the parts, in their order.</summary>
    public string[] PartETags { get; init; } = [];

    /// <summary>The objects that hold what came behind the last whole part, in their order.</summary>
    public string[] TailKeys { get; init; } = [];

    /// <summary>Their bytes together.</summary>
    public int TailSize { get; init; }

    /// <summary>SHA-256 of each part, of an upload whose bytes go to S3 past the services; else null.</summary>
    public byte[][]? PartSha256 { get; init; }

    /// <summary>Counts how often the upload was locked.</summary>
    public long Generation { get; init; }

    /// <summary>Whether a process has locked it.</summary>
    public bool IsHeld { get; init; }

    /// <summary>Bytes of its session that its other files hold and other uploads had reserved when it was locked.</summary>
    public long Claimed { get; init; }

    /// <summary>Bytes that its shop held when it was locked: in live files, and of all unfinished uploads what had come.</summary>
    public long Outstanding { get; init; }

    /// <summary>When it ends, unless its session is prolonged.</summary>
    public DateTime ExpiresAt { get; init; }

    /// <summary>Whether it can neither be continued nor looked at any more.</summary>
    public bool IsGone { get; init; }

    /// <summary>Whether it was a partial upload of which a file of its session, that lives, was made. It is gone, too.</summary>
    public bool IsUsedUp { get; init; }

    /// <summary>What its shop's operator and the shop itself have set.</summary>
    public ShopLimits ShopLimits => new(MaxFiles, MaxFileSize, MaxSessionSize, MaxOutstanding, OwnLimits);

    /// <summary>Whether it becomes a file only together with others.</summary>
    public bool IsPartial => Concat == NewUpload.Partial;

    /// <summary>Whether it is made of partial uploads.</summary>
    public bool IsFinal => Concat is not null && !IsPartial;

    /// <summary>Whether its bytes go to S3 past the services.</summary>
    public bool IsDirect => PartSha256 is not null;

    /// <summary>Whether it was locked more than once: requests that were cut off may have left tails that nobody recorded.</summary>
    public bool WasInterrupted => TailKeys.Length > 0 || Generation > 1;

    /// <summary>How far it has come in S3.</summary>
    public ObjectProgress Progress => new(Received, MultipartId, PartETags, TailKeys, TailSize);

    private int? MaxFiles { get; init; }

    private long? MaxFileSize { get; init; }

    private long? MaxSessionSize { get; init; }

    private long? MaxOutstanding { get; init; }

    private OwnLimits? OwnLimits { get; init; }
}
