using CloudTab.Client;

namespace CloudTab.PrintAgent;

/// <summary>What is asked of a printer. Pages, their order and their size on the paper are in the document already.</summary>
/// <param name="Sides">IPP's keyword.</param>
/// <param name="Media">`a4`, `a3`, `letter` or `photo`.</param>
/// <param name="Scaling">`none`, or `fit` for a document that could not be laid out for the paper.</param>
internal sealed record PrintTicket(int Copies = 1, bool Color = false, string Sides = PrintTicket.OneSided, string Media = "a4", string Scaling = "none")
{
    public const string OneSided = "one-sided";

    // PWG 5101.1. Photo paper is what the printer has of these, best known first.
    private static readonly Dictionary<string, string[]> Names = new(StringComparer.Ordinal)
    {
        ["a4"] = ["iso_a4_210x297mm"],
        ["a3"] = ["iso_a3_297x420mm"],
        ["letter"] = ["na_letter_8.5x11in"],
        ["photo"] = ["na_index-4x6_4x6in", "iso_a6_105x148mm", "om_small-photo_100x150mm", "na_5x7_5x7in", "oe_photo-l_3.5x5in"],
    };

    // PWG 5100.13. Which ink makes the gray is the printer's own affair.
    private static readonly string[] Gray = ["monochrome", "auto-monochrome", "process-monochrome"];

    /// <summary>The paper's name at this printer, or null if it has no such paper.</summary>
    public string? MediaAt(PrinterDescription printer)
    {
        var names = Names.GetValueOrDefault(Media, []);
        return names.FirstOrDefault(name => printer.MediaReady.Contains(name, StringComparer.Ordinal))
            ?? names.FirstOrDefault(name => printer.Media.Contains(name, StringComparer.Ordinal));
    }

    /// <summary>What of this the printer cannot do, as names of IPP's attributes; empty if it can do all.</summary>
    public IReadOnlyList<string> UnsupportedBy(PrinterDescription printer)
    {
        var unsupported = new List<string>();
        if (!printer.Formats.Contains(IppPrinter.Pdf, StringComparer.Ordinal))
            unsupported.Add("document-format");
        if (Copies > printer.Copies)
            unsupported.Add("copies");
        if (Sides != OneSided && !printer.Sides.Contains(Sides, StringComparer.Ordinal))
            unsupported.Add("sides");
        if (Color ? !printer.Color : printer.Color && GrayAt(printer) is null)
            unsupported.Add("print-color-mode");
        if (MediaAt(printer) is null)
            unsupported.Add("media");
        return unsupported;
    }

    /// <summary>Whether a printer of another agent works and can do all of this, as far as that agent says.</summary>
    public bool IsPossibleAt(AgentPrinter printer) =>
        printer.State is PrinterStates.Idle or PrinterStates.Processing && printer.Formats.Contains(IppPrinter.Pdf, StringComparer.Ordinal)
        && (!Color || printer.Color) && (Sides == OneSided || printer.TwoSided) && Names.GetValueOrDefault(Media, []).Any(name => printer.Media.Contains(name, StringComparer.Ordinal));

    /// <summary>
    /// The job's attributes. The request insists on all of them (ipp-attribute-fidelity), so that a printer cannot drop colour or both sides in
    /// silence. Attributes that a printer does not know are therefore left out if what it does without them is what is wanted.
    /// </summary>
    public IReadOnlyList<IppAttribute> AttributesFor(PrinterDescription printer)
    {
        var attributes = new List<IppAttribute> { new("copies", IppValue.Integer(Copies)), IppAttribute.Keyword("media", MediaAt(printer) ?? Names[Media][0]) };
        if (Sides != OneSided || printer.Sides.Count > 0)
            attributes.Add(IppAttribute.Keyword("sides", Sides));
        if ((Color ? "color" : GrayAt(printer)) is { } mode)
            attributes.Add(IppAttribute.Keyword("print-color-mode", mode));
        if (printer.Scalings.Contains(Scaling, StringComparer.Ordinal))
            attributes.Add(IppAttribute.Keyword("print-scaling", Scaling));
        return attributes;
    }

    private static string? GrayAt(PrinterDescription printer) => Gray.FirstOrDefault(mode => printer.ColorModes.Contains(mode, StringComparer.Ordinal));
}
