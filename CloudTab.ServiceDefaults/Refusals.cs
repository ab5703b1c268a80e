using System.Diagnostics.Metrics;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// Counts what was not done, by the stable code that the client was told. Problem details count by themselves (<see cref="Failures"/>);
/// answers in another form are counted here by hand.
/// </summary>
public sealed class Refusals
{
    internal const string CodeAttribute = "cloudtab.problem.code";

    private readonly Counter<long> _refusals;

    public Refusals(IMeterFactory meters)
    {
        var meter = meters.Create("CloudTab.ServiceDefaults");
        _refusals = meter.CreateCounter<long>("cloudtab.refusals", "{request}", "Requests and messages that were not done, by problem code.");
    }

    public void Count(string code) => _refusals.Add(1, new KeyValuePair<string, object?>(CodeAttribute, code));
}
