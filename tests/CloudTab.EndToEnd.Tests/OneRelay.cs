// Two collections of pages, and beside them an outage that is mostly waited for.
[assembly: Xunit.v3.Parallelization(MaxThreads = 3)]

namespace CloudTab.EndToEnd.Tests;

/// <summary>
/// Tests that start and kill whole relays, and hold what they do to times. Nothing runs beside them: each relay is a dozen processes.
/// </summary>
[CollectionDefinition(Collection, DisableParallelization = true)]
public sealed class OneRelay
{
    /// <summary>The collection's name.</summary>
    public const string Collection = "One relay at a time";
}
