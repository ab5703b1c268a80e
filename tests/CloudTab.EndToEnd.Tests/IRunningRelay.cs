namespace CloudTab.EndToEnd.Tests;

/// <summary>A relay of any shape that the tests of a collection share.</summary>
public interface IRunningRelay
{
    /// <summary>The public origin.</summary>
    Uri Origin { get; }

    /// <summary>Postgres' connection string.</summary>
    string Database { get; }
}
