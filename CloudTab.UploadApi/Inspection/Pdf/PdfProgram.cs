using System.Buffers.Binary;
using System.Globalization;
using UglyToad.PdfPig;
using UglyToad.PdfPig.Exceptions;

namespace CloudTab.UploadApi;

/// <summary>
/// The program that reads PDFs, one after the other, until its standard input ends. It asks for the blocks of a PDF that it needs and
/// answers with one message. If a PDF takes it over, nothing else is reached (<see cref="PdfConfinement"/>), and the service
/// (<see cref="PdfProcess"/>) kills it.
/// </summary>
internal static class PdfProgram
{
    /// <summary>The argument with which the service becomes this program.</summary>
    public const string Verb = "count-pages";

    /// <summary>Bytes that it asks for at once.</summary>
    public const int BlockSize = 128 << 10;

    // A reader looks for the pointer to the cross-references in this many bytes at the end (ISO 32000-1, annex H, note 18).
    private const int TailSize = 1024;

    public static int Run(string limit)
    {
        using var input = Console.OpenStandardInput();
        using var output = Console.OpenStandardOutput();
        var patience = 2 * TimeSpan.FromMilliseconds(long.Parse(limit, CultureInfo.InvariantCulture));
        PdfConfinement.Prepare();
        Send(output, PdfMessage.Ready, PdfConfinement.Enter() ? 1 : 0);
        var size = new byte[sizeof(long)];
        while (input.ReadAtLeast(size, size.Length, throwOnEndOfStream: false) == size.Length)
        {
            // The service that would kill this process may itself have been killed.
            using var watchdog = TimeProvider.System.CreateTimer(_ => Environment.FailFast("A PDF took too long."), null, patience, Timeout.InfiniteTimeSpan);
            using var content = new PdfStream(input, output, BinaryPrimitives.ReadInt64LittleEndian(size));
            var (message, value) = Read(content);
            Send(output, PdfConfinement.HasMissedFile() && message == PdfMessage.Unknown ? PdfMessage.Missed : message, value);
        }

        return 0;
    }

    private static (PdfMessage Message, long Value) Read(PdfStream content)
    {
        // Without the pointer at its end, a PDF would have to be searched from its beginning: that is not worth it.
        if (!content.EndsWith("startxref"u8))
            return (PdfMessage.Unknown, 0);
        try
        {
            using var document = PdfDocument.Open(content);
            return (PdfMessage.Pages, document.NumberOfPages);
        }
        catch (PdfDocumentEncryptedException)
        {
            return (PdfMessage.Locked, 0);
        }
#pragma warning disable CA1031 // The parser's failures have no type in common, and none of them is ours to handle.
        catch (Exception damaged) when (damaged is not OutOfMemoryException)
#pragma warning restore CA1031
        {
            return (PdfMessage.Unknown, 0);
        }
    }

    private static void Send(Stream output, PdfMessage message, long value)
    {
        Span<byte> bytes = stackalloc byte[1 + sizeof(long)];
        bytes[0] = (byte)message;
        BinaryPrimitives.WriteInt64LittleEndian(bytes[1..], value);
        output.Write(bytes);
        output.Flush();
    }

    /// <summary>A PDF in S3. It keeps every block.</summary>
    private sealed class PdfStream(Stream input, Stream output, long size) : BlockStream(size, BlockSize)
    {
        private readonly Dictionary<long, byte[]> _blocks = [];

        /// <summary>Whether its end contains a text.</summary>
        public bool EndsWith(ReadOnlySpan<byte> text)
        {
            var tail = new byte[Math.Min(Length, TailSize)];
            Position = Length - tail.Length;
            this.ReadExactly(tail);
            Position = 0;
            return tail.AsSpan().IndexOf(text) >= 0;
        }

        protected override byte[] Block(long index)
        {
            if (_blocks.TryGetValue(index, out var kept))
                return kept;
            Send(output, PdfMessage.Block, index);
            var block = new byte[Math.Min(BlockSize, Length - index * BlockSize)];
            input.ReadExactly(block);
            _blocks.Add(index, block);
            return block;
        }
    }
}

/// <summary>
/// What the program that reads PDFs says: this byte, and a number of 8 bytes, little-endian. Only a request for a block is answered, with
/// the block. The service begins each PDF with its size, as such a number.
/// </summary>
internal enum PdfMessage : byte
{
    /// <summary>It has started, and is confined (1) or not (0).</summary>
    Ready = 1,

    /// <summary>It needs the block of this index.</summary>
    Block,

    /// <summary>The PDF has this many pages.</summary>
    Pages,

    /// <summary>The PDF cannot be opened without a password.</summary>
    Locked,

    /// <summary>Nothing could be found out.</summary>
    Unknown,

    /// <summary>Nothing could be found out, and a file was needed, which its confinement refuses.</summary>
    Missed,
}
