namespace CloudTab.Relay;

/// <summary>
/// Blocks of memory that parts may take together, and how many they take. One half is given block by block, the rest in promises: see
/// <see cref="UploadMemory"/>, whose lock guards this.
/// </summary>
internal class MemoryBudget(int blocks)
{
    private const int BlocksOfPart = ObjectUpload.PartSize / UploadMemory.BlockSize;

    private readonly int _mostLoose = Math.Min(blocks / 2, blocks - BlocksOfPart);

    private int _loose; // blocks given one by one
    private int _promised; // blocks of promised parts, given or not

    /// <summary>Blocks that there are.</summary>
    public int Blocks => blocks;

    /// <summary>Blocks of parts that are complete.</summary>
    public int Sealed { get; private set; }

    /// <summary>Whether one block more can be given without a promise.</summary>
    public bool CanGive => _loose < _mostLoose && _loose + _promised < blocks;

    /// <summary>Whether a part can be promised all that it can still need.</summary>
    /// <param name="returning">Blocks that count as free already.</param>
    public bool CanPromise(UploadBuffer part, int returning = 0) =>
        _loose + _promised - returning - part.Blocks.Count + part.MostBlocks <= blocks;

    public void Give() => _loose++;

    public void Promise(UploadBuffer part)
    {
        _loose -= part.Blocks.Count;
        _promised += part.MostBlocks;
    }

    public void Seal(UploadBuffer part) => Sealed += part.Share;

    public void Return(UploadBuffer part)
    {
        if (part.IsSealed)
            Sealed -= part.Share;
        if (part.IsPromised)
            _promised -= part.MostBlocks;
        else
            _loose -= part.Blocks.Count;
    }
}
