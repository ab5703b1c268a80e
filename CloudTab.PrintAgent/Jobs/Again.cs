namespace CloudTab.PrintAgent;

/// <summary>A person's wish to have files printed again.</summary>
/// <param name="Reason">Why, for the relay; null: they are to be printed in another way now, and nothing came out before.</param>
/// <param name="Attempts">
/// Attempts that had failed, or ended with no known outcome, when the person said so. Only files whose latest attempt is one of them are printed again:
/// nobody has looked yet at what came out of an attempt that ends later.
/// </param>
internal sealed record Again(string? Reason, IReadOnlySet<Guid> Attempts);
