using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;

namespace CloudTab.UploadApi;

/// <summary>
/// Lets Kestrel hand out the last bytes of a connection that ends in the middle of a body. It learns of them and of the end in one
/// read, and then throws without handing them out (Http1ContentLengthMessageBody): on a mobile network that is what a customer has
/// just paid for. So the end is told only when nothing is left to read before it.
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
        private ReadOnlySequence<byte>? _hidden;
        private bool _tell;

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            HideEnd(await inner.ReadAsync(cancellationToken));

        public override bool TryRead(out ReadResult result)
        {
            if (!inner.TryRead(out result))
                return false;
            result = HideEnd(result);
            return true;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            // Who has looked at all there is and takes nothing waits for more, and must be told that there will be none.
            _tell = _hidden is { } all && consumed.Equals(all.Start) && examined.Equals(all.End);
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        private ReadResult HideEnd(ReadResult read)
        {
            var hide = read.IsCompleted && !read.Buffer.IsEmpty && !_tell;
            _hidden = hide ? read.Buffer : null;
            return hide ? new(read.Buffer, read.IsCanceled, isCompleted: false) : read;
        }
    }
}
