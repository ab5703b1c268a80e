using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Configuration;

namespace CloudTab.Relay;

/// <summary>How much customers may send to a shop, unless its operator has set something else for it. All limits are inclusive.</summary>
public class LimitOptions : IValidatableObject
{
    /// <summary>
    /// Files in a session at most. What a shop's socket is told of a session has all of its files, up to 2.6 KB each, and of more than 1 MiB that
    /// wait a socket is closed.
    /// </summary>
    public const int MostFiles = 400;

    private const long DefaultSessionSize = 1L << 30;

    /// <summary>
    /// Bytes in one file (MAX_FILE_SIZE, default 52,428,800 = 50 MiB; at most <see cref="ObjectUpload.LargestObject"/>). Too small refuses
    /// photographs and scans; a larger one takes more room in S3, not more memory.
    /// </summary>
    [ConfigurationKeyName("MAX_FILE_SIZE")]
    [Range(1, ObjectUpload.LargestObject)]
    public long MaxFileSize { get; set; } = 52_428_800;

    /// <summary>Files in one session (MAX_FILES_PER_SESSION, default 50, at most <see cref="MostFiles"/>).</summary>
    [ConfigurationKeyName("MAX_FILES_PER_SESSION")]
    [Range(1, MostFiles)]
    public int MaxFiles { get; set; } = 50;

    /// <summary>
    /// Uploads that one client address may begin in a minute, each file of a form among them, and changes of files that it may make; and as many
    /// direct uploads it may ask to finish (RATE_LIMIT_UPLOADS_PER_MINUTE, default 1,200; in Development no limit unless set). A client may begin
    /// several for a file. Too small shuts out a shop whose customers share its Wi-Fi. No session may hold more files: a form that has them
    /// all would be refused for ever.
    /// </summary>
    [ConfigurationKeyName("RATE_LIMIT_UPLOADS_PER_MINUTE")]
    [Range(1, 1_000_000)]
    public int? UploadsPerMinute { get; set; }

    /// <summary>Bytes in all files of one session (MAX_SESSION_SIZE, default 1 GiB, or MAX_FILE_SIZE if that is more).</summary>
    [ConfigurationKeyName("MAX_SESSION_SIZE")]
    [Range(1, 1L << 40)]
    public long? MaxSessionSize { get; set; }

    /// <summary>
    /// Bytes in all live files of one shop, and what has come of unfinished uploads and forms (MAX_OUTSTANDING_SIZE, default 107,374,182,400 =
    /// 100 GiB). Files count until their session has ended. Too small, and a busy shop's customers are turned away; too large, and one shop can
    /// fill the bucket.
    /// </summary>
    [ConfigurationKeyName("MAX_OUTSTANDING_SIZE")]
    [Range(1, 1L << 50)]
    public long MaxOutstandingSize { get; set; } = 100L << 30;

    /// <summary>
    /// The limits of a shop: what its operator has set for it, else these; no more than the shop itself allows, and no more files than one address
    /// may send in a minute.
    /// </summary>
    public UploadLimits For(ShopLimits shop)
    {
        var fileSize = shop.FileSize ?? MaxFileSize;
        var sessionSize = shop.SessionSize ?? MaxSessionSize ?? Math.Max(DefaultSessionSize, fileSize);
        var own = shop.Own ?? new();
        // The shop may set a whole and leave its parts to the operator.
        var outstanding = own.Outstanding ?? long.MaxValue;
        var wholeSession = Math.Min(own.SessionSize ?? long.MaxValue, outstanding);
        return new(
            Math.Min(Math.Min(shop.Files ?? MaxFiles, Math.Min(MostFiles, UploadsPerMinute ?? int.MaxValue)), own.Files ?? int.MaxValue),
            Math.Min(fileSize, Math.Min(own.FileSize ?? long.MaxValue, wholeSession)),
            Math.Min(sessionSize, wholeSession),
            Math.Min(shop.Outstanding ?? MaxOutstandingSize, outstanding));
    }

    /// <inheritdoc/>
    public virtual IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (MaxSessionSize < MaxFileSize)
            yield return new("MAX_SESSION_SIZE is smaller than MAX_FILE_SIZE: no file of the size allowed could be stored");
        if (UploadsPerMinute < MaxFiles)
            yield return new("RATE_LIMIT_UPLOADS_PER_MINUTE is smaller than MAX_FILES_PER_SESSION: no form with as many files as allowed could be sent");
    }
}

/// <summary>The limits on uploads to one shop, all inclusive: files in a session, bytes in a file, in a session, in all live files.</summary>
public sealed record UploadLimits(int Files, long FileSize, long SessionSize, long Outstanding)
{
    /// <summary>The limits that are checked when files are stored.</summary>
    [JsonIgnore]
    public SessionLimits OfSession => new(Files, SessionSize, Outstanding);
}
