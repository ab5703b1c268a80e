using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.ShopApi;

/// <summary>Every failure that this service expects. Texts may be improved; a code or a status never changes.</summary>
internal static class Problems
{
    public static readonly Problem ApiKeyRequired = new(
        StatusCodes.Status401Unauthorized, "api_key_required", "API key required", "Send the shop's key in the header X-API-Key.");

    public static readonly Problem ApiKeyInvalid = new(
        StatusCodes.Status401Unauthorized, "api_key_invalid", "API key invalid", "This API key is unknown or has been revoked.");

    public static readonly Problem TooManyWrongKeys = new(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many wrong keys",
        "Too many wrong API keys came from this address. Try again later.");

    public static readonly Problem SignedOut = new(
        StatusCodes.Status401Unauthorized, "signed_out", "Signed out", "This browser is signed out. Sign in with the shop's key.");

    // 403: the key is right, and no other one would help.
    public static readonly Problem HttpsRequired = new(
        StatusCodes.Status403Forbidden, "https_required", "HTTPS required", "A browser stays signed in over HTTPS only. Open this page by https.");

    public static readonly Problem CrossSiteRequest = new(
        StatusCodes.Status403Forbidden, "cross_site_request", "Cross-site request", "A signed-in browser changes something for pages of this address only.");

    public static readonly Problem InvalidLimit = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "`limit` must be a number from 1 to 100.");

    public static readonly Problem InvalidCursor = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "`after` must be the `next` of the previous page.");

    public static readonly Problem SessionNotFound = new(
        StatusCodes.Status404NotFound, "session_not_found", "Unknown session", "This shop has no such session.");

    // 409, not the customer's 410: the shopkeeper asked for a change that this state does not allow.
    public static readonly Problem SessionClosed = new(
        StatusCodes.Status409Conflict, "session_closed", "Session closed", "This session has ended.");

    public static readonly Problem AlreadyClaimed = new(
        StatusCodes.Status409Conflict, "already_claimed", "Already claimed", "Another key of this shop has claimed this session.");

    public static readonly Problem NotClaimed = new(
        StatusCodes.Status409Conflict, "not_claimed", "Not claimed", "Claim this session first.");

    public static readonly Problem NotSubmitted = new(
        StatusCodes.Status409Conflict, "not_submitted", "Not submitted", "The customer has not submitted this session yet.");

    public static readonly Problem PriceChanged = new(
        StatusCodes.Status409Conflict, "price_changed", "Price changed", "This session costs something else by now than `amount`.");

    public static readonly Problem InvalidAmount = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "`amount` must be a whole number, in the smallest unit of the currency.");

    // 404 also for another shop's file: this shop must not learn whether it exists.
    public static readonly Problem FileNotFound = new(
        StatusCodes.Status404NotFound, "file_not_found", "Unknown file", "This shop has no such file.");

    public static readonly Problem FileDeleted = new(
        StatusCodes.Status410Gone, "file_deleted", "File deleted", "This file has been deleted.");

    // 403: asking again never helps, and the shop may know that the file is there.
    public static readonly Problem FileInfected = new(
        StatusCodes.Status403Forbidden, "file_infected", "File infected", "A virus was found in this file. It cannot be downloaded.");

    public static readonly Problem NoPreview = new(
        StatusCodes.Status415UnsupportedMediaType, "no_preview", "No preview", "Only pictures and PDFs can be shown. Download this file.");

    public static readonly Problem PreconditionFailed = new(
        StatusCodes.Status412PreconditionFailed, "precondition_failed", "Precondition failed", "The file does not match If-Match.");

    public static readonly Problem ChangedMeanwhile = new(
        StatusCodes.Status412PreconditionFailed, "precondition_failed", "Precondition failed", "This was changed meanwhile: it does not match If-Match. Get it again.");

    public static readonly Problem RangeNotSatisfiable = new(
        StatusCodes.Status416RangeNotSatisfiable, "range_not_satisfiable", "Range not satisfiable", "The file has no bytes in this range.");

    public static readonly Problem InvalidName = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", $"`name` must be text of 1 to {DisplayName.Longest} characters.");

    public static readonly Problem InvalidDay = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "The day must be a date such as 2026-11-29, and `timeZone` a name such as Asia/Kolkata.");

    public static readonly Problem JobNotFound = new(
        StatusCodes.Status404NotFound, "job_not_found", "Unknown job", "This shop has finished no such job.");

    public static readonly Problem KeyNotFound = new(StatusCodes.Status404NotFound, "key_not_found", "Unknown key", "This shop has no such key.");

    public static readonly Problem TooManyKeys = new(
        StatusCodes.Status409Conflict, "too_many_keys", "Too many keys", $"A shop has {ApiKeys.MostKeys} keys at most, and makes {10 * ApiKeys.MostKeys} in a day. Revoke one first, or wait.");

    public static readonly Problem LastKey = new(
        StatusCodes.Status409Conflict, "last_key", "Last key", "Nobody could sign in without this key. Add another one first.");

    // 403: another key is needed, whatever is sent with this one.
    public static readonly Problem DeviceKey = new(
        StatusCodes.Status403Forbidden, "device_key", "Device key", "This key is for a print agent. It does jobs, and nothing else.");

    public static readonly Problem StillPrinting = new(
        StatusCodes.Status409Conflict, "still_printing", "Still printing", "A file of this session is at the printer. To give the session back, say why.");

    public static readonly Problem AlreadyPrinted = new(
        StatusCodes.Status409Conflict, "already_printed", "Already printed", "This file is, or may be, on paper already. To print it again, say why.");

    public static readonly Problem TooManyPrints = new(
        StatusCodes.Status409Conflict, "too_many_prints", "Too many prints", $"A file has {Prints.MostAttempts} attempts to print at most.");

    public static readonly Problem InvalidReason = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", $"`reason` must be text of 1 to {DisplayName.Longest} characters.");

    /// <summary>A report that cannot be one.</summary>
    public static Problem InvalidReport(string reason) => new(StatusCodes.Status400BadRequest, "invalid_request", "Invalid report", reason);

    /// <summary>Print options that are no such options; `field` names the one.</summary>
    public static Problem InvalidPrintOptions(InvalidPrintOption fault) =>
        new(StatusCodes.Status400BadRequest, "invalid_print_options", "Invalid print options", fault.ToString()) { Members = [new("field", fault.Member)] };

    /// <summary>An offer that cannot be one.</summary>
    public static Problem InvalidOffer(string reason) => new(StatusCodes.Status400BadRequest, "invalid_offer", "Invalid offer", reason);

    /// <summary>Limits that cannot be, or that are beyond the operator's.</summary>
    public static Problem InvalidLimits(string reason) => new(StatusCodes.Status400BadRequest, "invalid_limits", "Invalid limits", reason);

    /// <summary>What every change of a session's state can end with.</summary>
    public static readonly Problem[] OfChange = [SessionNotFound, SessionClosed, AlreadyClaimed, NotSubmitted];

    /// <summary>The answer to a state change that did not happen.</summary>
    public static Problem For(Outcome outcome) => outcome switch
    {
        Outcome.NotFound => SessionNotFound,
        Outcome.KeyRevoked => ApiKeyInvalid,
        Outcome.Closed => SessionClosed,
        Outcome.ClaimedByAnother => AlreadyClaimed,
        Outcome.NotClaimed => NotClaimed,
        Outcome.NotSubmitted => NotSubmitted,
        Outcome.FileNotFound => FileNotFound,
        Outcome.FileDeleted => FileDeleted,
        Outcome.StillPrinting => StillPrinting,
        Outcome.AlreadyPrinted => AlreadyPrinted,
        Outcome.TooManyPrints => TooManyPrints,
        Outcome.PriceChanged => PriceChanged,
        Outcome.ChangedMeanwhile => ChangedMeanwhile,
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "No shopkeeper's call ends like this."),
    };
}
