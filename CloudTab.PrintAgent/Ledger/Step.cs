namespace CloudTab.PrintAgent;

/// <summary>How far an attempt to print a file is. Each step is on disk before what follows it is done.</summary>
internal enum Step
{
    /// <summary>No printer was asked for anything: none that may do answers, or the relay has not yet heard of the attempt.</summary>
    Waiting = -1,

    /// <summary>The relay knows of the attempt. A job may have been created; no byte of the document was sent, unless the printer knows only Print-Job.</summary>
    Intent,

    /// <summary>The printer's job is known; its document may have been sent.</summary>
    Created,

    /// <summary>The printer has the whole document.</summary>
    Sent,

    /// <summary>The outcome is known, or known to be unknown.</summary>
    Settled,

    /// <summary>Neither printer nor CUPS keeps the document, or it is in the ledger that they may.</summary>
    Purged,

    /// <summary>The relay knows the outcome.</summary>
    Reported,
}
