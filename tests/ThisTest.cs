namespace CloudTab.Testing;

/// <summary>The running test. In scope everywhere in each test project.</summary>
internal static class ThisTest
{
    public static CancellationToken Token => TestContext.Current.CancellationToken;
}
