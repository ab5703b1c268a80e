namespace CloudTab.Testing;

/// <summary>A program that a test cannot do without. CI installs them all, so there a missing one is a failure, and no reason to skip.</summary>
public static class Prerequisite
{
    /// <param name="reason">What is missing, and how to get it.</param>
    public static void Require(bool isThere, string reason)
    {
        if (isThere)
            return;
        if (Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail(reason);
        Assert.Skip(reason);
    }
}
