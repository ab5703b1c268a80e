namespace CloudTab.PrintAgent;

/// <summary>What a printer said of itself (RFC 8011, section 5.4), at one moment.</summary>
internal sealed class PrinterDescription(IppGroup attributes)
{
    private const int Idle = 3;
    private const int Processing = 4;

    /// <summary>What the agent asks for. Not `all`: that would be the media database too.</summary>
    public static IReadOnlyList<string> Attributes { get; } =
    [
        "printer-name", "printer-info", "printer-make-and-model", "printer-state", "printer-state-reasons", "printer-is-accepting-jobs", "operations-supported",
        "document-format-supported", "media-supported", "media-ready", "color-supported", "print-color-mode-supported", "sides-supported", "copies-supported",
        "print-scaling-supported", "cups-version", "device-uri", "printer-error-policy",
    ];

    public string Name => attributes["printer-info"]?.Text is { Length: > 0 } info ? info : attributes["printer-name"]?.Text ?? "";

    /// <summary>`idle`, `processing` or `stopped`.</summary>
    public string State => attributes["printer-state"]?.Integer switch { Idle => "idle", Processing => "processing", _ => "stopped" };

    /// <summary>Keywords such as `media-jam-error`; empty if nothing is the matter.</summary>
    public IReadOnlyList<string> Reasons => [.. Texts("printer-state-reasons").Where(reason => reason != "none")];

    public bool AcceptsJobs => attributes["printer-is-accepting-jobs"]?.Boolean ?? true;

    public IReadOnlyList<string> Formats => Texts("document-format-supported");

    public IReadOnlyList<string> Media => Texts("media-supported");

    /// <summary>What lies in the trays, if the printer knows.</summary>
    public IReadOnlyList<string> MediaReady => Texts("media-ready");

    public IReadOnlyList<string> ColorModes => Texts("print-color-mode-supported");

    public bool Color => attributes["color-supported"]?.Boolean ?? ColorModes.Contains("color", StringComparer.Ordinal);

    public IReadOnlyList<string> Sides => Texts("sides-supported");

    public IReadOnlyList<string> Scalings => Texts("print-scaling-supported");

    /// <summary>Most copies of a job.</summary>
    public int Copies => attributes["copies-supported"] is { Values: [var value, ..] } ? value.AsRange?.Upper ?? value.AsInteger ?? 1 : 1;

    /// <summary>Whether a job can be created before its document is sent, which is what makes a lost answer harmless.</summary>
    public bool HasCreateJob => Supports(IppOperation.CreateJob) && Supports(IppOperation.SendDocument);

    public bool IsCups => attributes["cups-version"] is not null;

    /// <summary>
    /// Whether "completed" is the printer's own word. Behind CUPS it is only if CUPS speaks IPP to the printer; otherwise it means that the
    /// bytes are gone (apple/cups#5425).
    /// </summary>
    public bool SaysWhenFinished => !IsCups || attributes["device-uri"]?.Text is { } device
        && (device.StartsWith("ipp", StringComparison.Ordinal) || device.StartsWith("dnssd:", StringComparison.Ordinal) && device.Contains("_ipp", StringComparison.Ordinal));

    /// <summary>Whether "0 impressions" says that none came out. CUPS begins each job with it, and adds none if its driver does not tell of pages.</summary>
    public bool CountsPages => !IsCups || SaysWhenFinished;

    /// <summary>What keeps CUPS from printing a job of this queue again by itself, which would be a second hand beside the agent's; null if it does not.</summary>
    public string? AbortCommand => attributes["printer-error-policy"]?.Text is "retry-job" or "retry-current-job"
        ? $"lpadmin -p {attributes["printer-name"]?.Text} -o printer-error-policy=abort-job"
        : null;

    private bool Supports(IppOperation operation) => attributes["operations-supported"]?.Values.Any(value => value.AsInteger == (int)operation) ?? false;

    private List<string> Texts(string name) => [.. attributes[name]?.Texts ?? []];
}
