using System.ComponentModel.DataAnnotations;
using CloudTab.Client;

namespace CloudTab.PrintAgent;

/// <summary>The agent's settings, as environment variables or as lines of the file `settings` in its folder.</summary>
internal sealed class AgentOptions : IValidatableObject
{
    /// <summary>The relay's public origin (CLOUDTAB_URL), for example https://print.example.com.</summary>
    [ConfigurationKeyName("CLOUDTAB_URL")]
    [Required(ErrorMessage = "CLOUDTAB_URL is not set: the verb `setup` asks for it")]
    public Uri? Url { get; set; }

    /// <summary>The shop's key for this PC (CLOUDTAB_API_KEY).</summary>
    [ConfigurationKeyName("CLOUDTAB_API_KEY")]
    [Required(ErrorMessage = "CLOUDTAB_API_KEY is not set: the verb `setup` asks for it")]
    public string? ApiKey { get; set; }

    /// <summary>
    /// Addresses of printers with commas between them (CLOUDTAB_PRINTERS), each as <see cref="PrinterSetting"/> has it. Without any, the agent takes
    /// those that its first start finds on the network, and keeps them.
    /// </summary>
    [ConfigurationKeyName("CLOUDTAB_PRINTERS")]
    public string? Printers { get; set; }

    /// <summary>The agent's folder (CLOUDTAB_AGENT_DATA): its ledger, and files while they are printed.</summary>
    [ConfigurationKeyName("CLOUDTAB_AGENT_DATA")]
    public string Folder { get; set; } = DefaultFolder;

    /// <summary>Which files are printed by themselves (CLOUDTAB_AUTO_PRINT, default true). The others wait for `print-agent print CODE`.</summary>
    [ConfigurationKeyName("CLOUDTAB_AUTO_PRINT")]
    public AutoPrint AutoPrint { get; set; } = AutoPrint.True;

    /// <summary>Where the CUPS of this PC listens (CLOUDTAB_CUPS_SOCKET).</summary>
    [ConfigurationKeyName("CLOUDTAB_CUPS_SOCKET")]
    public string CupsSocket { get; set; } = "/run/cups/cups.sock";

    /// <summary>Time for a printer to answer; while it takes a document, to take more of it or to answer for its state (CLOUDTAB_PRINTER_TIMEOUT, default 30 s). Too short a time takes a slow printer for offline.</summary>
    [ConfigurationKeyName("CLOUDTAB_PRINTER_TIMEOUT")]
    public TimeSpan PrinterLimit { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Where files are while they are printed.</summary>
    public string Files => Path.Combine(Folder, "files");

    /// <summary>The ledger's file.</summary>
    public string LedgerFile => Path.Combine(Folder, "ledger.db");

    /// <summary>Whether a session is printed without being asked for. What has grown since it was paid waits for the rest.</summary>
    public bool IsReleased(DateTimeOffset? paidAt, long? paidAmount, JobPrice? price) =>
        AutoPrint == AutoPrint.True || AutoPrint == AutoPrint.Paid && IsPaid(paidAt, paidAmount, price);

    /// <summary>Whether all that a session costs is marked as paid.</summary>
    public static bool IsPaid(DateTimeOffset? paidAt, long? paidAmount, JobPrice? price) => paidAt is not null && price?.Exceeds(paidAmount) != true;

    /// <summary>The printers. Not a property: validation reads those, also if the text is wrong.</summary>
    public IReadOnlyList<PrinterSetting> ReadPrinters() =>
        [.. Split().Select(text => PrinterSetting.TryParse(text, CupsSocket, out var setting) ? setting : throw new FormatException(text))];

    /// <summary>A folder of this user's own: nobody else on the PC can read the key.</summary>
    public static string DefaultFolder { get; } =
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "CloudTab Print Agent");

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Url is not { IsAbsoluteUri: true, Scheme: "http" or "https" })
            yield return new("CLOUDTAB_URL must be an address such as https://print.example.com.", [nameof(Url)]);
        foreach (var text in Split().Where(text => !PrinterSetting.TryParse(text, CupsSocket, out _)))
            yield return new($"CLOUDTAB_PRINTERS has `{text}`; a printer is ipp://host/ipp/print, ipps://host/ipp/print or cups:queue, then perhaps #color+photo.", [nameof(Printers)]);
    }

    private string[] Split() => Printers?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];
}

/// <summary>Which files are printed without being asked for at this PC.</summary>
internal enum AutoPrint
{
    /// <summary>None.</summary>
    False,

    /// <summary>All, as they come.</summary>
    True,

    /// <summary>Those of sessions that the counter has marked as paid.</summary>
    Paid,
}
