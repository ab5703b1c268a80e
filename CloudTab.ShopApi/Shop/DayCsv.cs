using System.Buffers;
using System.Globalization;
using System.Text;
using CloudTab.Pages;
using CloudTab.Relay;

namespace CloudTab.ShopApi;

/// <summary>Jobs as a table that spreadsheets open (RFC 4180). It begins with a byte order mark: Excel reads it as another encoding otherwise.</summary>
internal static class DayCsv
{
    private static readonly string[] Columns =
        ["date", "time", "token", "counter", "files", "monochrome pages", "colour pages", "uncounted files", "amount", "paid", "currency", "price complete"];

    private static readonly SearchValues<char> Separators = SearchValues.Create(",\"\r\n;\t");

    public static string Write(IEnumerable<FinishedJob> jobs)
    {
        var csv = new StringBuilder("\uFEFF");
        AddLine(csv, Columns);
        foreach (var job in jobs)
        {
            AddLine(csv,
            [
                job.FinishedAt.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
                job.FinishedAt.ToString("HH:mm", CultureInfo.InvariantCulture),
                job.Token?.ToString(CultureInfo.InvariantCulture) ?? "",
                job.Counter,
                job.Files.ToString(CultureInfo.InvariantCulture),
                job.Monochrome.ToString(CultureInfo.InvariantCulture),
                job.Color.ToString(CultureInfo.InvariantCulture),
                job.UncountedFiles.ToString(CultureInfo.InvariantCulture),
                Money.Number(job.Amount, job.Currency),
                Money.Number(job.PaidAmount, job.Currency),
                job.Currency,
                job.IsComplete ? "yes" : "no",
            ]);
        }

        return csv.ToString();
    }

    private static void AddLine(StringBuilder csv, IEnumerable<string> cells) => csv.AppendJoin(',', cells.Select(Cell)).Append("\r\n");

    /// <summary>
    /// In quotation marks where it must be. A spreadsheet runs a cell that begins like a formula: an apostrophe makes it text
    /// (https://owasp.org/www-community/attacks/CSV_Injection).
    /// </summary>
    internal static string Cell(string text)
    {
        if (text.Length > 0 && "=+-@\t\r\n＝＋－＠".Contains(text[0], StringComparison.Ordinal))
            text = $"'{text}";
        return text.AsSpan().ContainsAny(Separators) ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
    }
}
