namespace CloudTab.PrintAgent;

/// <summary>What became of an attempt.</summary>
internal enum Outcome
{
    /// <summary>The printer, or what stands for it, says that it is finished.</summary>
    Done,

    /// <summary>Nothing, or not all, came out.</summary>
    Aborted,

    /// <summary>It cannot be established. A person looks; the agent never prints it again by itself.</summary>
    Unknown,
}
