namespace CloudTab.PrintAgent;

/// <summary>One attempt to print one file.</summary>
/// <param name="Id">What the relay knows it by.</param>
/// <param name="Token">The job's name at the printer.</param>
/// <param name="Printer">The printer's address: before <see cref="Step.Intent"/> that of one of those that are waited for; empty if none was found for it.</param>
/// <param name="Job">The job's id at the printer, once it is known.</param>
/// <param name="TwoSteps">Whether the job is created before its document is sent.</param>
/// <param name="Outcome">Set from <see cref="Step.Settled"/> on.</param>
/// <param name="Grade">How sure `done` is: `handed_over`, `printer_finished` or `confirmed`.</param>
/// <param name="Reasons">Keywords for what went wrong, separated by commas.</param>
/// <param name="Again">Why it is printed again, if it is.</param>
internal sealed record Attempt(
    Guid Id, Guid File, string Token, string Printer, bool TwoSteps, int Copies, DateTimeOffset At,
    Step Step = Step.Intent, int? Job = null, Outcome? Outcome = null, string? Grade = null, int? Pages = null, string Reasons = "", string? Again = null);
