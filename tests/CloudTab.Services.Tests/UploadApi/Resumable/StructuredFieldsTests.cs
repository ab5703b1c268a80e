using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>RFC 9651 at its edges.</summary>
public sealed class StructuredFieldsTests
{
    [Theory]
    [InlineData("0", 0L)]
    [InlineData("-0", 0L)]
    [InlineData("042", 42L)]
    [InlineData("  42  ", 42L)]
    [InlineData("-999999999999999", -999_999_999_999_999L)]
    [InlineData("999999999999999", 999_999_999_999_999L)]
    [InlineData("1;a;b=2;c=\"x\\\"y\";d=:YQ==:;e=?0;f=tok/en;g=@-5;h=1.5;*i=%\"f%c3%bc\"", 1L)]
    [InlineData("1; a", 1L)]
    [InlineData("1 ;a", null)]
    [InlineData("1;", null)]
    [InlineData("1;A", null)]
    [InlineData("1;a=", null)]
    [InlineData("1000000000000000", null)]
    [InlineData("", null)]
    [InlineData("-", null)]
    [InlineData("--1", null)]
    [InlineData("+1", null)]
    [InlineData("1.0", null)]
    [InlineData("1 2", null)]
    [InlineData("1,2", null)]
    [InlineData("\t1", null)]
    [InlineData("\"1\"", null)]
    [InlineData("?1", null)]
    [InlineData("@1", null)]
    [InlineData("٣", null)]
    public void An_integer_is_read(string field, long? value) => Assert.Equal(value, StructuredFields.Integer(field));

    [Theory]
    [InlineData("?1", true)]
    [InlineData("?0", false)]
    [InlineData(" ?1;x", true)]
    [InlineData("?2", null)]
    [InlineData("?", null)]
    [InlineData("?11", null)]
    [InlineData("1", null)]
    [InlineData("true", null)]
    [InlineData("", null)]
    [InlineData("?1, ?1", null)]
    public void A_boolean_is_read(string field, bool? value) => Assert.Equal(value, StructuredFields.Boolean(field));

    [Fact]
    public void A_dictionary_is_read_past_unknown_members()
    {
        var members = StructuredFields.Dictionary("a=1 ,\tb, *c=?0;p=1, d=:aGVsbG8=:, e=(1 \"x\";q=1 ), a=2");

        Assert.Equal(["a", "b", "*c", "d", "e"], members!.Keys);
        Assert.Equal((2L, true, false), (members["a"], members["b"], members["*c"]));
        Assert.Equal("hello"u8.ToArray(), members["d"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("sha-256=:YQ==:")]
    [InlineData("sha-256=:YQ:")]
    [InlineData("sha-256=::")]
    [InlineData("a=1.234, b=\"\", c=token, d=@0, e=(), f=(a;b=1 c);d, g=%\"\"")]
    public void A_dictionary_may_hold(string field) => Assert.NotNull(StructuredFields.Dictionary(field));

    [Theory]
    [InlineData("a=1,")]
    [InlineData(",a=1")]
    [InlineData("a=1 b=2")]
    [InlineData("A=1")]
    [InlineData("a=")]
    [InlineData("a=1.")]
    [InlineData("a=1.2345")]
    [InlineData("a=1234567890123.1")]
    [InlineData("a=:YQ==")]
    [InlineData("a=:Y Q=:")]
    [InlineData("a=:Y-Q_:")]
    [InlineData("a=\"x")]
    [InlineData("a=\"\\x\"")]
    [InlineData("a=\"\\")]
    [InlineData("a=\"\u007F\"")]
    [InlineData("a=(1")]
    [InlineData("a=(1,2)")]
    [InlineData("a=(1\"x\")")]
    [InlineData("a=%\"%C3%BC\"")]
    [InlineData("a=%\"%c\"")]
    [InlineData("a=%x")]
    [InlineData("a=@1.5")]
    [InlineData("a=?2")]
    public void A_malformed_dictionary_is_ignored(string field) => Assert.Null(StructuredFields.Dictionary(field));
}
