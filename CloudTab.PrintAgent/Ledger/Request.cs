namespace CloudTab.PrintAgent;

/// <summary>What was asked for on the command line.</summary>
/// <param name="Number">No other has had it; later ones have greater numbers.</param>
/// <param name="Code">The session's pickup code.</param>
/// <param name="Again">What is printed again, or null.</param>
internal sealed record Request(long Number, string Code, Again? Again);
