using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>Tests that each have a printer of their own, CUPS's test printer: what came out of it is the judge.</summary>
public abstract class PaperTests : IAsyncLifetime
{
    private TestPrinter? _paper;

    protected TestPrinter Paper => _paper!;

    public virtual async ValueTask InitializeAsync()
    {
        TestPrinter.Require();
        _paper = await TestPrinter.StartAsync(Token);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_paper is not null)
            await _paper.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
