using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>
/// The print options in a form's fields. They hold for the files behind them: a file is stored while it comes in, and what follows it is not
/// known yet.
/// </summary>
internal static class FormOptions
{
    /// <summary>The field of a client with script: all options as JSON.</summary>
    public static readonly IReadOnlyCollection<string> Json = [PrintOptionsChange.Name];

    /// <summary>The fields of the page without script: one for each option.</summary>
    public static readonly IReadOnlyCollection<string> Flat = [.. PrintOptionsChange.Members];

    /// <summary>The options of the file that has just been found in a form; null: like the session's files.</summary>
    public static (PrintOptions? Options, Problem? Refused) Of(MultipartForm form, UploadSession session)
    {
        var change = form.Texts.TryGetValue(PrintOptionsChange.Name, out var json) ? PrintOptionsChange.Parse(json) : PrintOptionsChange.FromFields(form.Texts);
        if (change is null)
            return (null, null);
        var (options, fault) = change.Apply(session.PrintOptions, session.Offer);
        return fault is null ? (options, null) : (null, Problems.InvalidPrintOptions(fault));
    }

    /// <summary>All options of one file, as its form on the session's page has them; an empty field is the option's default.</summary>
    public static PrintOptionsChange OfWholeForm(IFormCollection fields)
    {
        var texts = fields.ToDictionary(field => field.Key, field => field.Value.ToString(), StringComparer.Ordinal);
        return PrintOptionsChange.FromFields(texts, isWhole: true)!;
    }

    /// <summary>Why a form that has ended is refused, or null: options behind the last file would be lost in silence.</summary>
    public static Problem? RefusalOf(MultipartForm form) =>
        form.BehindFiles.FirstOrDefault(field => field == PrintOptionsChange.Name || Flat.Contains(field, StringComparer.Ordinal)) is { } field
            ? Problems.InvalidPrintOptions(new(field, "must come before the files that it is for"))
            : null;
}
