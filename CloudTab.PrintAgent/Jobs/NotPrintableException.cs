namespace CloudTab.PrintAgent;

/// <summary>A file that this PC cannot print as it is asked to; a person at the counter can.</summary>
/// <param name="reasons">Keywords, which the pages have words for.</param>
internal sealed class NotPrintableException(params IReadOnlyList<string> reasons) : Exception($"Not printable: {string.Join(", ", reasons)}.")
{
    public IReadOnlyList<string> Reasons => reasons;
}
