using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>Every failure that this service expects, once.</summary>
internal static class Problems
{
    public static readonly Problem InvalidSession = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request",
        "The body must be empty or JSON such as {\"customerName\": \"text of up to 200 characters\", \"shop\": \"its id\"}.");

    public static readonly Problem NameTooLong = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "A name may have up to 200 characters.");

    public static readonly Problem OtherShop = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "The address names another shop than the body.");

    public static readonly Problem ShopNotFound = new(
        StatusCodes.Status404NotFound, "shop_not_found", "Unknown shop", "There is no such shop.");

    public static readonly Problem ShopClosed = new(
        StatusCodes.Status409Conflict, "shop_closed", "Shop closed", "This shop takes no uploads at the moment.");

    public static readonly Problem SessionNotFound = new(
        StatusCodes.Status404NotFound, "session_not_found", "Unknown session", "There is no such session.");

    // 410, not 409: the session existed, and will never take anything again.
    public static readonly Problem SessionClosed = new(
        StatusCodes.Status410Gone, "session_closed", "Session closed", "This session has ended. Start a new one.");

    public static readonly Problem FileNotFound = new(
        StatusCodes.Status404NotFound, "file_not_found", "Unknown file", "This session holds no such file.");

    public static readonly Problem AlreadyClaimed = new(
        StatusCodes.Status409Conflict, "already_claimed", "Already claimed", "The shop is working on this session already.");

    // 400 as for any body that is not what the address takes: 415 is for the types of files.
    public static readonly Problem NotMultipart = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "Send the files as multipart/form-data, in the field 'files'.");

    public static readonly Problem OtherField = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "Files are taken from the field 'files' only.");

    public static readonly Problem NoFiles = new(
        StatusCodes.Status400BadRequest, "no_files", "No files", "There is no file in the request.");

    public static readonly Problem NothingToSubmit = new(
        StatusCodes.Status400BadRequest, "no_files", "No files", "The session holds no file yet.");

    public static readonly Problem EmptyFile = new(
        StatusCodes.Status400BadRequest, "empty_file", "Empty file", "One of the files is empty.");

    // tus, Creation: "If the length of the upload exceeds the maximum […] the Server MUST respond with the 413 Request Entity Too Large status."
    public static readonly Problem FileTooLarge = new(
        StatusCodes.Status413PayloadTooLarge, "file_too_large", "File too large", "One of the files is larger than this service takes.");

    public static readonly Problem TooManyFiles = new(
        StatusCodes.Status413PayloadTooLarge, "too_many_files", "Too many files", "That would be more files than one session may hold.");

    public static readonly Problem SessionTooLarge = new(
        StatusCodes.Status413PayloadTooLarge, "session_too_large", "Session too large", "That would be more than one session may hold.");

    // 507, not 413: no smaller upload of this customer would help, and once the shop has printed the same one will do.
    public static readonly Problem ShopFull = new(
        StatusCodes.Status507InsufficientStorage, "shop_full", "Shop full", "The files that wait at this shop take all its room: try again later.");

    public static readonly Problem TypeNotAccepted = new(
        StatusCodes.Status415UnsupportedMediaType, "type_not_accepted", "Type not accepted",
        "One of the files is not of a type that can be printed here.");

    // tus, Core: "If the resource is not found, the Server SHOULD return either the 404 Not Found, 410 Gone or 403 Forbidden status without
    // the Upload-Offset header."
    public static readonly Problem UploadNotFound = new(
        StatusCodes.Status404NotFound, "upload_not_found", "Unknown upload", "There is no such upload.");

    // tus, Expiration: "[…] the Server SHOULD respond with the 404 Not Found or 410 Gone status. The latter one SHOULD be used if the Server is
    // keeping track of expired uploads." Termination says the same of what was terminated.
    public static readonly Problem UploadGone = new(
        StatusCodes.Status410Gone, "upload_gone", "Upload gone", "This upload has ended: it expired, was taken back, or refused. Start a new one.");

    public static readonly Problem UploadLocked = new(
        StatusCodes.Status423Locked, "upload_locked", "Upload locked", "Another request is adding to this upload: try again in a moment.");

    public static readonly Problem UploadInterrupted = new(
        StatusCodes.Status409Conflict, "upload_interrupted", "Upload interrupted",
        "Another request has taken this upload over. What had arrived is kept: ask for its offset.");

    // tus, Core: "If the offsets do not match, the Server MUST respond with the 409 Conflict status without modifying the upload resource."
    public static readonly Problem OffsetConflict = new(
        StatusCodes.Status409Conflict, "offset_conflict", "Offset conflict", "The upload is not at this offset: ask for its offset.");

    public static readonly Problem OtherLength = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "The length of an upload cannot change, nor be less than it holds.");

    public static readonly Problem UploadTooLong = new(
        StatusCodes.Status413PayloadTooLarge, "upload_too_long", "Upload too long", "That is more than the length of this upload.");

    // tus, Concatenation: "The Server MUST respond with the 403 Forbidden status to PATCH requests against a final upload URL".
    public static readonly Problem FinalUpload = new(
        StatusCodes.Status403Forbidden, "final_upload", "Final upload", "This upload is made of others: nothing can be added to it.");

    public static readonly Problem NotConcatenable = new(
        StatusCodes.Status409Conflict, "upload_unfinished", "Upload unfinished", "Only partial uploads that are complete can become one file.");

    public static readonly Problem DirectUploadsOff = new(
        StatusCodes.Status403Forbidden, "direct_uploads_off", "Direct uploads are off",
        "This service takes files itself only: send them as a form, or resumably.");

    public static readonly Problem InvalidDirectFile = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request",
        "The body must be JSON such as {\"name\": \"a.pdf\", \"size\": 1234, \"type\": \"application/pdf\", \"sha256\": \"64 hexadecimal digits\", \"mode\": \"direct\"}.");

    public static readonly Problem InvalidParts = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request",
        "'parts' is the SHA-256 of every 8,388,608 bytes of the file and of the rest, 1,000 at most. Without it a file may have 5 GiB.");

    public static readonly Problem DirectUpload = new(
        StatusCodes.Status403Forbidden, "direct_upload", "Direct upload", "The bytes of this upload go to S3: nothing can be added to it here.");

    public static readonly Problem PartsMissing = new(
        StatusCodes.Status409Conflict, "parts_missing", "Parts missing", "Not all parts are there: send these, then finish again.");

    public static readonly Problem ChecksumNotUnderstood = new(
        StatusCodes.Status400BadRequest, "invalid_checksum", "Invalid checksum",
        "Send the checksum as an algorithm that OPTIONS names, a space, and its value in Base64.");

    public static readonly Problem OtherTusVersion = new(
        StatusCodes.Status412PreconditionFailed, "tus_version", "Other version of tus", "Send Tus-Resumable: 1.0.0; or Upload-Draft-Interop-Version, for Resumable Uploads for HTTP.");

    public static readonly Problem OtherContentType = new(
        StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "Other Content-Type",
        "Bytes of an upload are sent as application/offset+octet-stream.");

    // tus, Checksum: "460 Checksum Mismatch if the checksums mismatch".
    public static readonly Problem ChecksumMismatch = new(
        460, "checksum_mismatch", "Checksum mismatch", "The bytes of this request do not match its checksum: none of them was kept.");

    public static readonly Problem WrongContent = new(
        460, "checksum_mismatch", "Checksum mismatch", "The file is not what its SHA-256 says: it was not kept.");

    public static readonly Problem TimedOut = new(
        StatusCodes.Status408RequestTimeout, "request_timeout", "Request timed out", "Nothing has come in for too long: try again.");

    public static readonly Problem TooManyBytes = new(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many bytes", "This address has sent too much within a minute: try again later.");

    // 503, not 408: at another hour the same pace would have done.
    public static readonly Problem TooSlow = new(
        StatusCodes.Status503ServiceUnavailable, "too_slow", "Too slow", "The service is busy, and this upload was its slowest: try again in a moment.");

    public static readonly Problem Unavailable = new(
        StatusCodes.Status503ServiceUnavailable, "unavailable", "Unavailable",
        "The service cannot answer right now: try again in a moment.");

    /// <summary>What receiving files can end with, whatever the protocol.</summary>
    public static readonly Problem[] OfReceiving =
    [
        Failures.Of(StatusCodes.Status400BadRequest), EmptyFile, Failures.Of(StatusCodes.Status408RequestTimeout), SessionClosed, FileTooLarge, TooManyFiles,
        SessionTooLarge, TypeNotAccepted, TooSlow, ShopFull,
    ];

    /// <summary>What storing the file of a resumable or direct upload can end with. Asking how far it is may store it.</summary>
    public static readonly Problem[] OfCompletion =
        [SessionClosed, UploadGone, TooManyFiles, SessionTooLarge, TypeNotAccepted, UploadLocked, WrongContent, ShopFull];

    /// <summary>What adding bytes to a resumable upload can end with, besides <see cref="OfReceiving"/>.</summary>
    public static readonly Problem[] OfAppending =
        [.. OfCompletion, OtherLength, UploadTooLong, FinalUpload, DirectUpload, UploadInterrupted, ChecksumMismatch];

    /// <summary>What ending a resumable upload can end with.</summary>
    public static readonly Problem[] OfTermination = [SessionNotFound, SessionClosed, FileNotFound, AlreadyClaimed, UploadGone, UploadLocked];

    /// <summary>A header of a protocol that is missing or cannot be understood.</summary>
    public static Problem InvalidHeader(string name) => new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", $"The header {name} is missing or not what the protocol says.");

    /// <summary>The answer to a state change that did not happen.</summary>
    public static Problem For(Outcome outcome) => outcome switch
    {
        Outcome.NotFound => SessionNotFound,
        Outcome.Closed => SessionClosed,
        Outcome.NoFiles => NothingToSubmit,
        Outcome.FileNotFound => FileNotFound,
        Outcome.ClaimedByAnother => AlreadyClaimed,
        Outcome.TooManyFiles => TooManyFiles,
        Outcome.TooLarge => SessionTooLarge,
        Outcome.ShopFull => ShopFull,
        // This process was away for so long that another has begun to clean up behind it.
        Outcome.LeaseLost => Unavailable,
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "No customer's call ends like this."),
    };

    /// <summary>Why nothing can be told of an upload, or done with it; null where it can.</summary>
    public static Problem? RefusalFor(Upload? found) => found switch
    {
        null => UploadNotFound,
        { IsGone: true } => UploadGone,
        { IsHeld: true, IsComplete: false } => UploadLocked,
        _ => null,
    };
}
