namespace CloudTab.PrintAgent;

/// <summary>What a printer says of a job (RFC 8011, section 5.3).</summary>
/// <param name="Name">The job's name, which is the agent's token.</param>
/// <param name="Reasons">Keywords such as `job-printing`; empty if there are none.</param>
/// <param name="Pages">Sides printed so far, if the printer counts them.</param>
internal sealed record PrintJobState(int Id, string Name, JobStage Stage, IReadOnlyList<string> Reasons, int? Pages)
{
    // A printer that says more, or less than none, does not count.
    private const int MostPages = 1_000_000;

    /// <summary>What the agent asks for.</summary>
    public static IReadOnlyList<string> Attributes { get; } = ["job-id", "job-name", "job-state", "job-state-reasons", "job-impressions-completed"];

    /// <summary>Whether the printer still waits for the document: not one byte of it was sent, or not all of them arrived.</summary>
    public bool IsIncoming => Stage is JobStage.Held or JobStage.Pending && Reasons.Contains("job-incoming", StringComparer.Ordinal)
        || Stage == JobStage.Held && Reasons.Contains("job-data-insufficient", StringComparer.Ordinal);

    public static PrintJobState Read(IppGroup job) => new(
        job["job-id"]?.Integer ?? throw new IppFormatException("A job has no id."),
        job["job-name"]?.Text ?? "",
        (JobStage)(job["job-state"]?.Integer ?? throw new IppFormatException("A job has no state.")),
        [.. job["job-state-reasons"]?.Texts.Where(reason => reason != "none") ?? []],
        job["job-impressions-completed"]?.Integer is { } pages and >= 0 and <= MostPages ? pages : null);
}

/// <summary>job-state (RFC 8011, section 5.3.7).</summary>
internal enum JobStage
{
    Pending = 3,
    Held = 4,
    Processing = 5,
    Stopped = 6,
    Cancelled = 7,
    Aborted = 8,
    Completed = 9,
}
