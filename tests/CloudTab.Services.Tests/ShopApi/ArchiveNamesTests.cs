using System.Text;
using CloudTab.ShopApi;

namespace CloudTab.Services.Tests;

public sealed class ArchiveNamesTests
{
    [Theory]
    [InlineData("report.pdf", "report.pdf")]
    [InlineData("रिपोर्ट.pdf", "रिपोर्ट.pdf")]
    [InlineData("../../etc/passwd", "_._etc_passwd")]
    [InlineData("..\\..\\evil.pdf", "_.._evil.pdf")]
    [InlineData("/absolute.pdf", "_absolute.pdf")]
    [InlineData("C:\\Windows\\a.pdf", "C__Windows_a.pdf")]
    [InlineData("a\u0000b\nc.pdf", "a_b_c.pdf")]
    [InlineData("a<b>|c?*\".pdf", "a_b__c___.pdf")]
    [InlineData("stream.pdf:hidden.exe", "stream.pdf_hidden.exe")]
    [InlineData("dots...", "dots")]
    [InlineData("blanks. . ", "blanks")]
    [InlineData("stem .pdf", "stem.pdf")]
    [InlineData(".hidden.pdf", "hidden.pdf")]
    [InlineData(".pdf", "pdf")]
    [InlineData("..", "file")]
    [InlineData(" ", "file")]
    [InlineData("", "file")]
    [InlineData("CON", "_CON")]
    [InlineData("nul.pdf", "_nul.pdf")]
    [InlineData("aux.tar.pdf", "_aux.tar.pdf")]
    [InlineData("COM1.pdf", "_COM1.pdf")]
    [InlineData("LPT¹.pdf", "_LPT¹.pdf")]
    [InlineData("com1x.pdf", "com1x.pdf")]
    [InlineData("CONSOLE.pdf", "CONSOLE.pdf")]
    [InlineData("a.an ending of no type", "a.an ending of no type")]
    public void A_name_is_safe_to_unpack_on_any_system(string name, string safe) => Assert.Equal([safe], ArchiveNames.For([name]));

    [Theory]
    [InlineData("a", 255)]
    [InlineData("क", 250)]
    [InlineData("😀", 120)]
    public void A_long_name_is_cut_between_characters_and_keeps_its_ending(string character, int count)
    {
        var name = Assert.Single(ArchiveNames.For([string.Concat(Enumerable.Repeat(character, count)) + ".pdf"]));

        Assert.InRange(Encoding.UTF8.GetByteCount(name), 230, 240);
        Assert.EndsWith($"{character}.pdf", name, StringComparison.Ordinal);
        Assert.DoesNotContain('\uFFFD', Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(name)));
    }

    [Fact]
    public void No_two_names_are_the_same_where_case_does_not_count()
    {
        var names = ArchiveNames.For(["a.pdf", "A.PDF", "a.pdf", "a (2).pdf", "a?.pdf", "a*.pdf", "left-out.txt", "..", " "], "left-out.txt");

        Assert.Equal(["a.pdf", "A (2).PDF", "a (3).pdf", "a (2) (2).pdf", "a_.pdf", "a_ (2).pdf", "left-out (2).txt", "file", "file (2)"], names);
    }

    [Fact]
    public void A_thousand_files_of_the_longest_name_have_names_of_their_own()
    {
        var names = ArchiveNames.For(Enumerable.Repeat(new string('a', 300) + ".pdf", 1_000));

        Assert.Equal(1_000, names.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(names, name => Assert.InRange(name.Length, 1, 250));
    }
}
