using CloudTab.ServiceDefaults;

namespace CloudTab.PrintAgent;

/// <summary>A document on its way to a printer. It knows when the printer's connection last took some of it.</summary>
internal sealed class MovingDocument(Stream document, TimeProvider clock) : AsyncStream
{
    private long _movedAt = clock.GetTimestamp();

    /// <summary>When it last moved, as <see cref="TimeProvider.GetTimestamp"/> has it; at first when it was made.</summary>
    public long MovedAt => Volatile.Read(ref _movedAt);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await document.ReadAsync(buffer, cancellationToken);
        Volatile.Write(ref _movedAt, clock.GetTimestamp());
        return read;
    }
}
