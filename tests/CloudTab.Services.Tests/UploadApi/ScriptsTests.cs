namespace CloudTab.Services.Tests;

/// <summary>Functions of the pages' scripts that need no browser.</summary>
public sealed class ScriptsTests
{
    [Theory]
    [InlineData("7-9")]
    [InlineData("4")]
    public async Task Pages_that_a_document_does_not_have_are_not_printed(string ranges)
    {
        var reason = await Scripts.RunAsync("preview/printing.ts", $$"""
            ({ printSheets }) => printSheets({ count: 3 }, { copies: 1, media: 'a4', pageRanges: '{{ranges}}', numberUp: 1, scaling: 'fit' })
              .then(() => 'printed', (failure) => failure.reason)
            """);

        Assert.Equal("noPages", reason.GetString());
    }
}
