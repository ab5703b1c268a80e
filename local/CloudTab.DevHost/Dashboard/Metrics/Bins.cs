namespace CloudTab.DevHost.Dashboard.Metrics;

/// <summary>
/// Numbers over time: a ring of equal steps, each with <paramref name="width"/> numbers, NaN where nothing is known. Times are Unix seconds.
/// </summary>
internal sealed class Bins(int step, int count, int width)
{
    private readonly float[] _cells = new float[count * width];
    private long _newest;

    /// <summary>Spreads amounts that came about between two moments over the steps between them.</summary>
    public void Add(double from, double to, ReadOnlySpan<double> amounts)
    {
        // A sender's clock that stands still must not divide by zero.
        var began = Math.Min(Math.Max(from, to - (step * count)), to - 1e-3);
        for (var bin = (long)Math.Floor(began / step); bin * step < to; bin++)
        {
            var share = (Math.Min(to, (bin + 1) * step) - Math.Max(began, bin * step)) / (to - Math.Min(from, began));
            var cells = Open(bin);
            for (var i = 0; i < cells.Length; i++)
                cells[i] = (float.IsNaN(cells[i]) ? 0 : cells[i]) + (float)(amounts[i] * share);
        }
    }

    /// <summary>Sets the level that holds after one moment, and at the other.</summary>
    public void Set(double from, double to, double level)
    {
        var last = (long)Math.Floor(to / step);
        for (var bin = Math.Max((long)Math.Floor(from / step) + 1, last - count + 1); bin < last; bin++)
            Open(bin).Fill((float)level);
        Open(last).Fill((float)level);
    }

    /// <summary>The numbers of a step; empty where nothing is known.</summary>
    public ReadOnlySpan<float> this[long bin]
    {
        get
        {
            if (bin > _newest || bin <= _newest - count)
                return [];
            var cells = Cells(bin);
            return float.IsNaN(cells[0]) ? [] : cells;
        }
    }

    /// <summary>The numbers of a step to write to; empty where the ring has gone on from there.</summary>
    private Span<float> Open(long bin)
    {
        if (bin <= _newest - count)
            return [];
        for (var next = Math.Max(_newest + 1, bin - count + 1); next <= bin; next++)
            Cells(next).Fill(float.NaN);
        _newest = Math.Max(_newest, bin);
        return Cells(bin);
    }

    private Span<float> Cells(long bin) => _cells.AsSpan((int)(bin % count) * width, width);
}
