using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.ShopApi;

/// <summary>Every failure that this service expects, once.</summary>
internal static class Problems
{
    public static readonly Problem ApiKeyRequired = new(
        StatusCodes.Status401Unauthorized, "api_key_required", "API key required", "Send the shop's key in the header X-API-Key.");

    public static readonly Problem ApiKeyInvalid = new(
        StatusCodes.Status401Unauthorized, "api_key_invalid", "API key invalid", "This API key is unknown or was revoked.");

    public static readonly Problem TooManyWrongKeys = new(
        StatusCodes.Status429TooManyRequests, "too_many_requests", "Too many wrong keys",
        "Too many wrong API keys came from this address: try again later.");

    public static readonly Problem InvalidLimit = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "`limit` is a number from 1 to 100.");

    public static readonly Problem InvalidCursor = new(
        StatusCodes.Status400BadRequest, "invalid_request", "Invalid request", "`after` is the `next` of the page before.");

    public static readonly Problem SessionNotFound = new(
        StatusCodes.Status404NotFound, "session_not_found", "Unknown session", "This shop has no such session.");

    // 409, not the customer's 410: a shopkeeper asked for a transition that this state does not have.
    public static readonly Problem SessionClosed = new(
        StatusCodes.Status409Conflict, "session_closed", "Session closed", "This session has ended.");

    public static readonly Problem AlreadyClaimed = new(
        StatusCodes.Status409Conflict, "already_claimed", "Already claimed", "Another key of this shop has claimed this session.");

    public static readonly Problem NotClaimed = new(
        StatusCodes.Status409Conflict, "not_claimed", "Not claimed", "Claim this session first.");

    public static readonly Problem NotSubmitted = new(
        StatusCodes.Status409Conflict, "not_submitted", "Not submitted", "The customer has not submitted this session yet.");

    // 404 also for another shop's file: whether it exists is none of this shop's business.
    public static readonly Problem FileNotFound = new(
        StatusCodes.Status404NotFound, "file_not_found", "Unknown file", "This shop has no such file.");

    public static readonly Problem FileDeleted = new(
        StatusCodes.Status410Gone, "file_deleted", "File deleted", "This file has been deleted.");

    public static readonly Problem PreconditionFailed = new(
        StatusCodes.Status412PreconditionFailed, "precondition_failed", "Precondition failed", "The file is not the one that If-Match names.");

    public static readonly Problem RangeNotSatisfiable = new(
        StatusCodes.Status416RangeNotSatisfiable, "range_not_satisfiable", "Range not satisfiable", "The file has no bytes in this range.");

    /// <summary>What every change of a session's state can end with.</summary>
    public static readonly Problem[] OfChange = [SessionNotFound, SessionClosed, AlreadyClaimed, NotSubmitted];

    /// <summary>The answer to a state change that did not happen.</summary>
    public static Problem For(Outcome outcome) => outcome switch
    {
        Outcome.NotFound => SessionNotFound,
        Outcome.Closed => SessionClosed,
        Outcome.ClaimedByAnother => AlreadyClaimed,
        Outcome.NotClaimed => NotClaimed,
        Outcome.NotSubmitted => NotSubmitted,
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "No shopkeeper's call ends like this."),
    };
}
