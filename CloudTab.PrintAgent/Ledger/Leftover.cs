namespace CloudTab.PrintAgent;

/// <summary>A job that is over, and whose document CUPS or the printer may still keep.</summary>
/// <param name="Printer">The printer's address.</param>
/// <param name="Job">The job's id there.</param>
/// <param name="Token">The job's name: the id may be another's by now.</param>
internal sealed record Leftover(string Printer, int Job, string Token);
