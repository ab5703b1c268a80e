using System.Diagnostics.CodeAnalysis;

namespace CloudTab.PrintAgent;

/// <summary>
/// A printer as the shop set it: its address and, behind `#`, what it is for. `ipp://10.0.0.7/ipp/print#color+photo` prints coloured photos and
/// nothing else. Kinds that are not named at all do not matter: `#a3` prints A3, coloured or not.
/// </summary>
internal sealed record PrinterSetting(PrinterAddress Address, IReadOnlySet<string> Kinds)
{
    private static readonly string[] Colors = ["color", "monochrome"];
    private static readonly string[] Media = ["a4", "a3", "letter", "photo"];

    public static bool TryParse(string text, string cupsSocket, [NotNullWhen(true)] out PrinterSetting? setting)
    {
        setting = null;
        var (address, kinds) = text.Split('#', 2) is [var before, var behind]
            ? (before, behind.Split('+', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            : (text, []);
        if (!PrinterAddress.TryParse(address, cupsSocket, out var parsed) || kinds.Any(kind => !Colors.Contains(kind, StringComparer.Ordinal) && !Media.Contains(kind, StringComparer.Ordinal)))
            return false;
        setting = new(parsed, kinds.ToHashSet(StringComparer.Ordinal));
        return true;
    }

    /// <summary>Whether the shop wants such jobs on this printer.</summary>
    public bool IsFor(PrintTicket ticket) => Allows(Colors, ticket.Color ? "color" : "monochrome") && Allows(Media, ticket.Media);

    private bool Allows(string[] all, string wanted) => Kinds.Contains(wanted) || !all.Any(Kinds.Contains);
}
