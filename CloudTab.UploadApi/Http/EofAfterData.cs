using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;

namespace CloudTab.UploadApi;

/// <summary>
/// When a connection closes in the middle of a body, Kestrel sees the last bytes and EOF in the same read and throws the bytes away
/// (Http1ContentLengthMessageBody): on a mobile network, bytes that a customer has just paid for. This wrapper withholds EOF until
/// they have been consumed.
/// </summary>
internal static class EofAfterData
{
    public static IConnectionBuilder UseEofAfterData(this IConnectionBuilder endpoint) => endpoint.Use(next => async connection =>
    {
        var transport = connection.Transport;
        connection.Transport = new Duplex(new Reader(transport.Input), transport.Output);
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = transport;
        }
    });

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class Reader(PipeReader inner) : PipeReader
    {
        private ReadOnlySequence<byte>? _withheld;
        private bool _showEof;

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            WithholdEof(await inner.ReadAsync(cancellationToken));

        public override bool TryRead(out ReadResult result)
        {
            if (!inner.TryRead(out result))
                return false;
            result = WithholdEof(result);
            return true;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            // A reader that has examined everything and consumed nothing waits for more: it must see that there will be none.
            _showEof = _withheld is { } all && consumed.Equals(all.Start) && examined.Equals(all.End);
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        private ReadResult WithholdEof(ReadResult read)
        {
            var withhold = read.IsCompleted && !read.Buffer.IsEmpty && !_showEof;
            _withheld = withhold ? read.Buffer : null;
            return withhold ? new(read.Buffer, read.IsCanceled, isCompleted: false) : read;
        }
    }
}
