using System.Text;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The codec, held to what CUPS's ipptool sends and ippeveprinter answers, byte for byte.</summary>
public sealed class IppCodecTests
{
    private const int Seed = 20261129;

    [Fact]
    public void A_request_has_the_bytes_that_ipptool_sends()
    {
        var golden = Golden("get-printer-attributes.request");
        var requestId = IppDecoder.Decode(golden).RequestId;
        var request = IppMessage.Request(IppOperation.GetPrinterAttributes, requestId, "ipp://localhost:28700/ipp/print",
            [new("requested-attributes", IppValue.Characters(IppTag.Keyword, "all"), IppValue.Characters(IppTag.Keyword, "media-col-database"))]);

        Assert.Equal(Convert.ToHexString(golden), Convert.ToHexString(IppEncoder.Encode(request)));
    }

    [Theory]
    [InlineData("get-printer-attributes.request")]
    [InlineData("get-printer-attributes.response")]
    [InlineData("every-tag.request")]
    public void A_message_that_was_read_is_written_as_it_came(string name) =>
        Assert.Equal(Convert.ToHexString(Golden(name)), Convert.ToHexString(IppEncoder.Encode(IppDecoder.Decode(Golden(name)))));

    [Fact]
    public void Every_type_of_value_is_read()
    {
        var message = IppDecoder.Decode(Golden("every-tag.request"));
        var (operation, job) = (message[IppTag.OperationAttributes], message[IppTag.JobAttributes]);

        Assert.Equal("hello[fr]", operation["job-message"]?.Text);
        Assert.True(operation["ipp-attribute-fidelity"]?.Boolean);
        Assert.Equal(3, job["copies"]?.Integer);
        Assert.Equal([3, 4], job["finishings"]?.Values.Select(value => value.AsInteger ?? 0));
        Assert.Equal([(1, 3), (5, 5)], job["page-ranges"]?.Values.Select(value => value.AsRange ?? default));
        Assert.Equal("two-sided-long-edge", job["sides"]?.Text);
        var media = Assert.Single(job["media-col"]!.Values).Members!;
        Assert.Equal(["media-size", "media-source", "last"], media.Select(member => member.Name));
        Assert.Equal([21000, 29700], media[0].Values[0].Members!.Select(member => member.Integer ?? 0));
        Assert.Equal(["main", "photo"], media[1].Texts);
        Assert.Equal((IppTag.DateTime, IppTag.Resolution, IppTag.OctetString), (TagOf("date-time-at-x"), TagOf("printer-resolution"), TagOf("blob")));

        IppTag TagOf(string name) => job[name]!.Values[0].Tag;
    }

    [Theory]
    [InlineData("", "ends too early")]
    [InlineData("0200000B00000001", "ends too early")]
    [InlineData("0200000B00000001 21 0001 61 0004 00000001 03", "before the first group")]
    [InlineData("0200000B00000001 01 21 0000 0004 00000001 03", "has no name")]
    [InlineData("0200000B00000001 01 21 0001 61 0003 000001 03", "length of 3")]
    [InlineData("0200000B00000001 01 22 0001 61 0000 03", "length of 0")]
    [InlineData("0200000B00000001 01 35 0001 61 0004 00090000 03", "length of 4")]
    [InlineData("0200000B00000001 01 21 FFFF 61 0004 00000001 03", "negative")]
    [InlineData("0200000B00000001 01 37 0001 61 0000 03", "outside of a collection")]
    [InlineData("0200000B00000001 01 34 0001 61 0000 21 0000 0004 00000001 37 0000 0000 03", "before its name")]
    [InlineData("0200000B00000001 01 34 0001 61 0000 4A 0000 0001 62 37 0000 0000 03", "no value")]
    [InlineData("0200000B00000001 01 34 0001 61 0000 03", "ends too early")]
    [InlineData("0200000B00000001 01 34 0001 61 0000 02 0000 0000 03", "inside of a collection")]
    public void Bytes_that_are_no_message_are_refused_with_the_reason(string hex, string reason)
    {
        var bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        Assert.Contains(reason, Assert.Throws<IppFormatException>(() => IppDecoder.Decode(bytes)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Collections_without_end_do_not_use_up_the_stack()
    {
        var bytes = new List<byte>(Convert.FromHexString("0200000B00000001013400016100004A0000000162"));
        for (var depth = 0; depth < 100_000; depth++)
            bytes.AddRange(Convert.FromHexString("34000000004A0000000162"));

        Assert.Contains("nested", Assert.Throws<IppFormatException>(() => IppDecoder.Decode(bytes.ToArray())).Message, StringComparison.Ordinal);
    }

    /// <summary>What a broken or hostile printer may send: a real answer, cut, with bytes changed, doubled and left out.</summary>
    [Fact]
    public void Damaged_bytes_are_a_message_or_a_format_error_and_cost_memory_in_proportion()
    {
        var random = new Random(Seed);
        byte[][] originals = [Golden("get-printer-attributes.response"), Golden("every-tag.request"), Golden("get-printer-attributes.request")];
        var (read, refused) = (0, 0);
        for (var round = 0; round < 20_000; round++)
        {
            var damaged = Damage(random, originals[round % originals.Length]);
            var before = GC.GetAllocatedBytesForCurrentThread();
            IppMessage? message = null;
            try
            {
                message = IppDecoder.Decode(damaged);
                read++;
            }
            catch (IppFormatException)
            {
                refused++;
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200 * damaged.Length + 20_000);
            // What was read can be written, and is then the same.
            if (message is not null)
                Assert.Equal(Describe(message), Describe(IppDecoder.Decode(IppEncoder.Encode(message))));
        }

        Assert.True(read > 1_000 && refused > 1_000, $"{read} read, {refused} refused: the damage teaches nothing");
    }

    private static byte[] Damage(Random random, byte[] original)
    {
        var bytes = original.ToList();
        for (var changes = random.Next(1, 4); changes > 0 && bytes.Count > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(0x30, 0x4B);
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 8), bytes.Count - at));
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 40), bytes.Count - at)));
                    break;
                default:
                    bytes.RemoveRange(random.Next(4) == 0 ? at : bytes.Count - 1, random.Next(4) == 0 ? 0 : 1);
                    break;
            }
        }

        return [.. bytes];
    }

    private static string Describe(IppMessage message)
    {
        var text = new StringBuilder().Append(message.Version).Append(' ').Append(message.Code).Append(' ').Append(message.RequestId);
        foreach (var group in message.Groups)
        {
            text.Append('\n').Append(group.Tag);
            Describe(text, group.Attributes);
        }

        return text.ToString();
    }

    private static void Describe(StringBuilder text, IReadOnlyList<IppAttribute> attributes)
    {
        foreach (var attribute in attributes)
        {
            text.Append('\n').Append(attribute.Name);
            foreach (var value in attribute.Values)
            {
                text.Append(' ').Append(value.Tag).Append(' ').Append(Convert.ToHexString(value.Bytes.Span));
                Describe(text, value.Members ?? []);
            }
        }
    }

    private static byte[] Golden(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "golden", name));
}
