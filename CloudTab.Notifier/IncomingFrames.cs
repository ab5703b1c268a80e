using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.Features;

namespace CloudTab.Notifier;

/// <summary>
/// Counts the frames that come in on a socket, where its bytes are read: <see cref="System.Net.WebSockets.WebSocket"/> answers pings by
/// itself and says nothing of them, and does not say which bytes came in a frame of their own.
/// </summary>
internal sealed class IncomingFrames(IHttpUpgradeFeature upgrade) : IHttpUpgradeFeature
{
    /// <summary>Called for each frame.</summary>
    public Action? Counted { get; set; }

    public bool IsUpgradableRequest => upgrade.IsUpgradableRequest;

    public async Task<Stream> UpgradeAsync() => new FrameStream(await upgrade.UpgradeAsync(), this);

    /// <summary>The connection after the upgrade. RFC 6455, section 5.2, has the layout of a frame.</summary>
    private sealed class FrameStream(Stream connection, IncomingFrames frames) : AsyncStream
    {
        private const int ShortHeader = 2;
        private const int MaskLength = 4;

        private int _read; // bytes of the frame's header
        private int _lengthEnd;
        private int _headerEnd;
        private ulong _length;
        private ulong _payload; // bytes still to come

        public override bool CanWrite => true;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = await connection.ReadAsync(buffer, cancellationToken);
            Count(buffer.Span[..count]);
            return count;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            connection.WriteAsync(buffer, cancellationToken);

        public override Task FlushAsync(CancellationToken cancellationToken) => connection.FlushAsync(cancellationToken);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                connection.Dispose();
            base.Dispose(disposing);
        }

        private void Count(ReadOnlySpan<byte> bytes)
        {
            while (!bytes.IsEmpty)
            {
                if (_payload > 0)
                {
                    var skipped = (int)Math.Min(_payload, (ulong)bytes.Length);
                    _payload -= (ulong)skipped;
                    bytes = bytes[skipped..];
                    continue;
                }

                ReadHeader(bytes[0]);
                bytes = bytes[1..];
            }
        }

        private void ReadHeader(byte next)
        {
            _read++;
            if (_read == 1)
            {
                frames.Counted?.Invoke();
                return;
            }

            if (_read == ShortHeader)
            {
                var length = next & 0x7F;
                _length = length < 126 ? (ulong)length : 0;
                _lengthEnd = ShortHeader + (length switch { 126 => sizeof(ushort), 127 => sizeof(ulong), _ => 0 });
                _headerEnd = _lengthEnd + ((next & 0x80) != 0 ? MaskLength : 0);
            }
            else if (_read <= _lengthEnd)
            {
                _length = (_length << 8) | next;
            }

            if (_read == _headerEnd)
                (_read, _payload) = (0, _length);
        }
    }
}

internal static class IncomingFramesExtensions
{
    /// <summary>Before UseWebSockets, which takes the stream.</summary>
    public static void UseIncomingFrames(this WebApplication app) => app.Use((context, next) =>
    {
        if (context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade)
            context.Features.Set<IHttpUpgradeFeature>(new IncomingFrames(upgrade));
        return next(context);
    });
}
