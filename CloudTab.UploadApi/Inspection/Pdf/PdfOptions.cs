using System.ComponentModel.DataAnnotations;

namespace CloudTab.UploadApi;

/// <summary>What finding out about PDFs may cost.</summary>
internal sealed class PdfOptions
{
    /// <summary>
    /// Processes that read PDFs at once (PDF_PROCESSES, default 2). Each takes a core while it reads, and up to 128 MiB beside its
    /// runtime. Too small, and in a rush files stay uncounted; too large, and they take the cores from the uploads.
    /// </summary>
    [ConfigurationKeyName("PDF_PROCESSES")]
    [Range(1, 64)]
    public int Processes { get; set; } = 2;

    /// <summary>
    /// Milliseconds from a PDF's last byte after which it stays uncounted (PDF_TIME_LIMIT, default 2,000). The shop is told of the
    /// upload no later than that.
    /// </summary>
    [ConfigurationKeyName("PDF_TIME_LIMIT")]
    [Range(100, 60_000)]
    public long TimeLimit { get; set; } = 2_000;
}
