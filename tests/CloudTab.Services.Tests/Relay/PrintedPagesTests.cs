using CloudTab.Relay;

namespace CloudTab.Services.Tests;

/// <summary>How many pages come out of the printer.</summary>
public sealed class PrintedPagesTests
{
    [Theory]
    [InlineData("1", "1")]
    [InlineData("1-3,5", "1-3,5")]
    [InlineData(" 5 , 1 - 3 ", "1-3,5")]
    [InlineData("2,2,2", "2")]
    [InlineData("1-3,4", "1-4")]
    [InlineData("4-9,1-5,20", "1-9,20")]
    [InlineData("00012", "12")]
    [InlineData("99999", "99999")]
    public void Ranges_are_sorted_and_joined(string written, string kept) => Assert.Equal(kept, PageRanges.Parse(written)?.ToString());

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(",")]
    [InlineData("1,")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("1-")]
    [InlineData("3-2")]
    [InlineData("1-2-3")]
    [InlineData("1.5")]
    [InlineData("all")]
    [InlineData("١")]
    [InlineData("100000")]
    [InlineData("99999999999999999999")]
    public void Other_texts_are_no_ranges(string written) => Assert.Null(PageRanges.Parse(written));

    [Fact]
    public void A_hundred_ranges_are_read_and_no_more()
    {
        Assert.NotNull(PageRanges.Parse(string.Join(',', Enumerable.Range(1, 100).Select(page => page * 2))));
        Assert.Null(PageRanges.Parse(string.Join(',', Enumerable.Range(1, 101).Select(page => page * 2))));
    }

    [Theory]
    [InlineData(null, 10, 1, 10)]
    [InlineData(null, 10, 3, 30)]
    [InlineData("1-3,5", 10, 2, 8)]
    [InlineData("9-20", 10, 1, 2)] // two of them are there
    [InlineData("11-20", 10, 5, 0)] // none is
    [InlineData("1", 0, 1, 0)]
    [InlineData(null, 1_000_000, 99, 99_000_000)]
    public void A_document_prints_the_pages_that_it_has_in_each_copy(string? ranges, int pages, int copies, long printed) =>
        Assert.Equal(printed, (PrintOptions.Default with { PageRanges = ranges, Copies = copies }).PrintedPages("application/pdf", pages));

    [Theory]
    [InlineData(null, 2, 5, 3)]
    [InlineData(null, 4, 4, 1)]
    [InlineData("1-3", 2, 5, 2)]
    [InlineData(null, 4, 1, 1)] // four times on one side
    [InlineData(null, 2, 0, 0)]
    public void Pages_that_share_a_side_are_one(string? ranges, int numberUp, int pages, long printed) =>
        Assert.Equal(2 * printed, (PrintOptions.Default with { PageRanges = ranges, NumberUp = numberUp, Copies = 2 }).PrintedPages("application/pdf", pages));

    [Theory]
    [InlineData("image/jpeg")]
    [InlineData("image/png")]
    [InlineData("image/webp")]
    [InlineData("image/heic")]
    [InlineData("image/heif")]
    public void A_picture_is_a_page(string type)
    {
        Assert.Equal(2, (PrintOptions.Default with { Copies = 2 }).PrintedPages(type, counted: null));
        Assert.Equal(0, (PrintOptions.Default with { PageRanges = "2" }).PrintedPages(type, counted: null));
    }

    [Theory]
    [InlineData("application/pdf")]
    [InlineData("image/tiff")]
    [InlineData("text/plain")]
    [InlineData("application/msword")]
    public void Pages_that_nobody_counted_are_not_known(string type) => Assert.Null((PrintOptions.Default with { PageRanges = "1" }).PrintedPages(type, counted: null));

    [Theory]
    [InlineData(1_000_001)]
    [InlineData(int.MaxValue)]
    public void A_count_that_cannot_be_right_is_not_known(int pages) => Assert.Null(PrintOptions.Default.PrintedPages("application/pdf", pages));
}
