using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>Every failure that this service expects. Texts may be improved; a code or a status never changes.</summary>
internal static class Problems
{
    public static readonly Problem InvalidSession = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request",
        "The body must be empty, or JSON such as {\"customerName\": \"text of up to 200 characters\", \"shop\": \"its id\"}.");

    public static readonly Problem NameTooLong = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "The name is longer than 200 characters.");

    public static readonly Problem OtherShop = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "The address and the body name different shops.");

    public static readonly Problem ShopNotFound = new(
        StatusCodes.Status404NotFound, "shop_not_found", "Unknown shop", "This shop does not exist.");

    public static readonly Problem ShopClosed = new(
        StatusCodes.Status409Conflict, "shop_closed", "Shop closed", "This shop is not taking files right now.");

    public static readonly Problem SessionNotFound = new(
        StatusCodes.Status404NotFound, "session_not_found", "Unknown session", "This session does not exist.");

    public static readonly Problem ReceiptNotFound = new(
        StatusCodes.Status404NotFound, "receipt_not_found", "Unknown receipt", "This receipt does not exist, or is no longer kept.");

    // 410, not 409: the session existed and will never take a file again.
    public static readonly Problem SessionClosed = new(
        StatusCodes.Status410Gone, "session_closed", "Session closed", "This session has ended. Start a new one.");

    public static readonly Problem FileNotFound = new(
        StatusCodes.Status404NotFound, "file_not_found", "Unknown file", "This session has no such file.");

    public static readonly Problem InvalidFileChange = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "The body must be JSON such as {\"printOptions\": {\"copies\": 2}}.");

    public static readonly Problem AlreadyClaimed = new(
        StatusCodes.Status409Conflict, "already_claimed", "Already claimed", "The shop is already working on this session.");

    // 400, as for any other invalid body: 415 is for the types of files.
    public static readonly Problem NotMultipart = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "Send the files as multipart/form-data in the field 'files'.");

    public static readonly Problem OtherField = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "Files must be in the form field 'files'.");

    public static readonly Problem UnreadablePart = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request",
        "One part of the form is neither a file nor text. Each needs Content-Disposition with a name, and its content unencoded.");

    public static readonly Problem FieldsTooLarge = new(
        StatusCodes.Status413PayloadTooLarge, "fields_too_large", "Fields too large",
        "Besides files, a form may have 100 parts and 64 KiB of text.");

    public static readonly Problem NoFiles = new(
        StatusCodes.Status400BadRequest, "no_files", "No files", "The request contains no file.");

    public static readonly Problem NoFileInPart = new(
        StatusCodes.Status400BadRequest, "no_files", "No files", "One part of the field 'files' has no filename and no Content-Type: it is not a file.");

    public static readonly Problem NothingToSubmit = new(
        StatusCodes.Status400BadRequest, "no_files", "No files", "This session has no files yet.");

    public static readonly Problem EmptyFile = new(
        StatusCodes.Status400BadRequest, "empty_file", "Empty file", "One of the files is empty.");

    // tus, Creation: "If the length of the upload exceeds the maximum […] the Server MUST respond with the 413 Request Entity Too Large status."
    public static readonly Problem FileTooLarge = new(
        StatusCodes.Status413PayloadTooLarge, "file_too_large", "File too large", "One of the files is too large.");

    public static readonly Problem TooManyFiles = new(
        StatusCodes.Status413PayloadTooLarge, "too_many_files", "Too many files", "This session has too many files.");

    public static readonly Problem SessionTooLarge = new(
        StatusCodes.Status413PayloadTooLarge, "session_too_large", "Session too large", "The files of this session are too large together.");

    // 507, not 413: a smaller upload would not help, and the same upload will fit once the shop has printed.
    public static readonly Problem ShopFull = new(
        StatusCodes.Status507InsufficientStorage, "shop_full", "Shop full", "This shop's queue is full. Try again later.");

    public static readonly Problem StorageFull = new(
        StatusCodes.Status507InsufficientStorage, "storage_full", "Storage full", "The service has no room for more files right now. Try again later.");

    public static readonly Problem TypeNotAccepted = new(
        StatusCodes.Status415UnsupportedMediaType, "type_not_accepted", "Type not accepted",
        "One of the files has a type that cannot be printed here.");

    // 422, not 503: the scanner would answer the same again.
    public static readonly Problem NotScannable = new(
        StatusCodes.Status422UnprocessableEntity, "not_scannable", "Not scannable",
        "One of the files cannot be scanned for viruses, and what is not scanned is not accepted here.");

    // tus, Core: "If the resource is not found, the Server SHOULD return either the 404 Not Found, 410 Gone or 403 Forbidden status without
    // the Upload-Offset header."
    public static readonly Problem UploadNotFound = new(
        StatusCodes.Status404NotFound, "upload_not_found", "Unknown upload", "This upload does not exist.");

    // tus, Expiration: "[…] the Server SHOULD respond with the 404 Not Found or 410 Gone status. The latter one SHOULD be used if the Server is
    // keeping track of expired uploads." Termination says the same of what was terminated.
    public static readonly Problem UploadGone = new(
        StatusCodes.Status410Gone, "upload_gone", "Upload gone", "This upload has expired, or was cancelled or refused. Start a new one.");

    public static readonly Problem UploadLocked = new(
        StatusCodes.Status423Locked, "upload_locked", "Upload locked", "Another request is using this upload. Try again in a moment.");

    public static readonly Problem UploadInterrupted = new(
        StatusCodes.Status409Conflict, "upload_interrupted", "Upload interrupted",
        "Another request has taken over this upload. The bytes received so far are kept. Ask for the offset.");

    // tus, Core: "If the offsets do not match, the Server MUST respond with the 409 Conflict status without modifying the upload resource."
    public static readonly Problem OffsetConflict = new(
        StatusCodes.Status409Conflict, "offset_conflict", "Offset conflict", "The upload is at a different offset. Ask for the offset and continue there.");

    public static readonly Problem OtherLength = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "The length of an upload cannot change or be less than the bytes already received.");

    public static readonly Problem UploadTooLong = new(
        StatusCodes.Status413PayloadTooLarge, "upload_too_long", "Upload too long", "The request has more bytes than the length of the upload allows.");

    // tus, Concatenation: "The Server MUST respond with the 403 Forbidden status to PATCH requests against a final upload URL".
    public static readonly Problem FinalUpload = new(
        StatusCodes.Status403Forbidden, "final_upload", "Final upload", "This upload was made from other uploads. Bytes cannot be added to it.");

    public static readonly Problem NotConcatenable = new(
        StatusCodes.Status409Conflict, "upload_unfinished", "Upload unfinished", "Only complete partial uploads can be joined into a file.");

    public static readonly Problem DirectUploadsOff = new(
        StatusCodes.Status403Forbidden, "direct_uploads_off", "Direct uploads are off",
        "Direct uploads are switched off here. Use a form or a resumable upload.");

    public static readonly Problem InvalidDirectFile = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request",
        "The body must be JSON such as {\"name\": \"a.pdf\", \"size\": 1234, \"type\": \"application/pdf\", \"sha256\": \"64 hexadecimal digits\", \"mode\": \"direct\"}.");

    public static readonly Problem InvalidParts = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request",
        "'parts' must list the SHA-256 of each 8,388,608 bytes of the file, with at most 1,000 parts. Without 'parts' the file may have at most 5 GiB.");

    public static readonly Problem DirectUpload = new(
        StatusCodes.Status403Forbidden, "direct_upload", "Direct upload", "The bytes of this upload must be sent to S3, not here.");

    public static readonly Problem PartsMissing = new(
        StatusCodes.Status409Conflict, "parts_missing", "Parts missing", "Some parts are missing. Send them, then finish again.");

    public static readonly Problem ChecksumNotUnderstood = new(
        StatusCodes.Status400BadRequest, "invalid_checksum", "Invalid checksum",
        "The checksum must be an algorithm that OPTIONS lists, a space, and the value in Base64.");

    public static readonly Problem OtherTusVersion = new(
        StatusCodes.Status412PreconditionFailed, "tus_version", "Wrong version of tus", "Send Tus-Resumable: 1.0.0 for tus, or Upload-Draft-Interop-Version for Resumable Uploads for HTTP.");

    public static readonly Problem OtherContentType = new(
        StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "Wrong Content-Type",
        "The Content-Type must be application/offset+octet-stream.");

    // tus, Checksum: "460 Checksum Mismatch if the checksums mismatch".
    public static readonly Problem ChecksumMismatch = new(
        460, "checksum_mismatch", "Checksum mismatch", "The bytes of this request do not match its checksum. They were discarded.");

    public static readonly Problem WrongContent = new(
        460, "checksum_mismatch", "Checksum mismatch", "The file does not match its SHA-256. It was discarded.");

    public static readonly Problem TimedOut = new(
        StatusCodes.Status408RequestTimeout, "request_timeout", "Request timed out", "No data arrived for too long. Try again.");

    public static readonly Problem TooManyBytes = new(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many bytes", "Too many bytes were sent from this address, or to this shop, in one minute. Try again later.");

    public static readonly Problem TooManyUploads = new(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many uploads", "This address has begun or changed too many uploads in one minute. Try again later.");

    public static readonly Problem TooManySessions = new(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many sessions", "Too many sessions were started for this shop in one minute. Try again later.");

    public static readonly Problem TooManyStreams = new(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many event streams",
        "Too many event streams are open from this address. Ask for the status instead.");

    public static readonly Problem TooManyStreamsInAll = new(
        StatusCodes.Status503ServiceUnavailable, "unavailable", "Too many event streams",
        "Too many event streams are open right now. Ask for the status instead.");

    // 503, not 408: when the service is less busy the same pace is fast enough.
    public static readonly Problem TooSlow = new(
        StatusCodes.Status503ServiceUnavailable, "too_slow", "Too slow", "The service is busy and this upload was the slowest. Try again in a moment.");

    public static readonly Problem Unavailable = new(
        StatusCodes.Status503ServiceUnavailable, "unavailable", "Unavailable",
        "The service is not available right now. Try again in a moment.");

    /// <summary>What receiving files can end with, whatever the protocol.</summary>
    public static readonly Problem[] OfReceiving =
    [
        Failures.Of(StatusCodes.Status400BadRequest), EmptyFile, Failures.Of(StatusCodes.Status408RequestTimeout), SessionClosed, FileTooLarge, TooManyFiles,
        SessionTooLarge, TypeNotAccepted, NotScannable, TooSlow, ShopFull, StorageFull,
    ];

    /// <summary>What storing the file of a resumable or direct upload can end with. Asking how far it is may store it.</summary>
    public static readonly Problem[] OfCompletion =
        [SessionClosed, UploadGone, TooManyFiles, SessionTooLarge, TypeNotAccepted, NotScannable, UploadLocked, WrongContent, ShopFull];

    /// <summary>What adding bytes to a resumable upload can end with, besides <see cref="OfReceiving"/>.</summary>
    public static readonly Problem[] OfAppending =
        [.. OfCompletion, OtherLength, UploadTooLong, FinalUpload, DirectUpload, UploadInterrupted, ChecksumMismatch];

    /// <summary>What ending a resumable upload can end with.</summary>
    public static readonly Problem[] OfTermination = [SessionNotFound, SessionClosed, FileNotFound, AlreadyClaimed, UploadGone, UploadLocked];

    /// <summary>An example of <see cref="InvalidPrintOptions"/>, for the API's document.</summary>
    public static readonly Problem WrongCopies = InvalidPrintOptions(InvalidPrintOption.Copies);

    /// <summary>Print options that are no such options, or that the shop does not offer; `field` names the one.</summary>
    public static Problem InvalidPrintOptions(InvalidPrintOption fault) =>
        new(StatusCodes.Status400BadRequest, "invalid_print_options", "Invalid print options", fault.ToString()) { Members = [new("field", fault.Member)] };

    /// <summary>A protocol's header is missing or cannot be parsed.</summary>
    public static Problem InvalidHeader(string name) => new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", $"The header {name} is missing or invalid.");

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
        // This process stalled for so long that another one has begun to clean up after it.
        Outcome.LeaseLost => Unavailable,
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "No customer's call ends like this."),
    };

    /// <summary>Why an upload cannot be used, or null if it can.</summary>
    public static Problem? RefusalFor(Upload? found) => found switch
    {
        null => UploadNotFound,
        { IsGone: true } => UploadGone,
        { IsHeld: true, IsComplete: false } => UploadLocked,
        _ => null,
    };
}
