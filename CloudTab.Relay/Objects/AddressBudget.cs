using System.Net;

namespace CloudTab.Relay;

/// <summary>
/// What the uploads of one address take, and which of them wait. A part that fills holds one of the address's places, from before its first
/// block until it is complete. <see cref="UploadMemory"/>'s lock guards all that is here.
/// </summary>
internal sealed class AddressBudget(IPAddress client, int blocks, int places, LinkedList<WaitingUploads> turns, LinkedList<WaitingUploads> slowTurns)
    : MemoryBudget(blocks)
{
    public IPAddress Client => client;

    /// <summary>Parts that were begun and not returned.</summary>
    public int Parts { get; set; }

    /// <summary>Parts that hold a place.</summary>
    public HashSet<UploadBuffer> Filling { get; } = [];

    public bool HasPlace => Filling.Count < places;

    /// <summary>Uploads that wait for a place, in order of arrival.</summary>
    public LinkedList<WaitingUpload> ForPlace { get; } = [];

    /// <summary>Uploads that wait for memory.</summary>
    public WaitingUploads Prompt { get; } = new(turns);

    /// <summary>Uploads that wait for memory, and whose clients are slow.</summary>
    public WaitingUploads Slow { get; } = new(slowTurns);
}

/// <summary>An upload that waits, for a place of its address or for memory.</summary>
internal sealed class WaitingUpload
{
    public WaitingUpload(UploadBuffer part)
    {
        Part = part;
        Node = new(this);
    }

    public UploadBuffer Part { get; }

    public TaskCompletionSource Given { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Its place in the line that it waits in.</summary>
    public LinkedListNode<WaitingUpload> Node { get; }
}

/// <summary>The uploads of one address that wait for memory, in order of arrival, and the address's turn among others.</summary>
internal sealed class WaitingUploads
{
    private readonly LinkedList<WaitingUpload> _uploads = [];
    private readonly LinkedList<WaitingUploads> _turns;
    private readonly LinkedListNode<WaitingUploads> _turn;

    public WaitingUploads(LinkedList<WaitingUploads> turns)
    {
        _turns = turns;
        _turn = new(this);
    }

    public WaitingUpload? First => _uploads.First?.Value;

    public void Add(WaitingUpload upload)
    {
        _uploads.AddLast(upload.Node);
        TakeTurn();
    }

    /// <summary>An upload was served: its address is the last in turn.</summary>
    public void RemoveFirst()
    {
        _uploads.RemoveFirst();
        LoseTurn();
        TakeTurn();
    }

    /// <summary>Makes the address the last in turn, unless it has a turn, or nothing waits.</summary>
    public void TakeTurn()
    {
        if (_turn.List is null && _uploads.Count > 0)
            _turns.AddLast(_turn);
    }

    /// <summary>Nothing of the address can be served until something of it is returned, and others need not wait for that.</summary>
    public void LoseTurn()
    {
        if (_turn.List is not null)
            _turns.Remove(_turn);
    }
}
