namespace CloudTab.DevHost.Dashboard.Metrics;

/// <summary>Percentiles of a histogram, interpolated within its buckets as Prometheus' histogram_quantile does.</summary>
internal static class Percentile
{
    /// <param name="bounds">The buckets' upper bounds, ascending; the last bucket has none.</param>
    /// <param name="counts">One more than there are bounds.</param>
    /// <param name="share">Between 0 and 1.</param>
    /// <returns>Null where nothing was counted; the highest bound where the percentile lies beyond it.</returns>
    public static double? Of(ReadOnlySpan<double> bounds, ReadOnlySpan<double> counts, double share)
    {
        double total = 0;
        foreach (var count in counts)
            total += count;
        if (total <= 0 || bounds.IsEmpty)
            return null;

        double below = 0;
        for (var i = 0; i < bounds.Length; i++)
        {
            if (below + counts[i] >= share * total && counts[i] > 0)
            {
                // The first bucket has no lower bound; what is measured is hardly ever negative.
                var lower = i > 0 ? bounds[i - 1] : Math.Min(0, bounds[0]);
                return lower + ((bounds[i] - lower) * Math.Max(0, (share * total) - below) / counts[i]);
            }

            below += counts[i];
        }

        return bounds[^1];
    }

    /// <summary>Adds counts to those of a histogram with other bounds: each bucket to the one that its upper bound lies in.</summary>
    public static void Merge(double[] intoBounds, double[] into, double[] fromBounds, ReadOnlySpan<float> from)
    {
        for (var i = 0; i < from.Length; i++)
        {
            var bucket = fromBounds == intoBounds ? i : i == fromBounds.Length ? into.Length - 1 : Bucket(intoBounds, fromBounds[i]);
            into[bucket] += from[i];
        }
    }

    private static int Bucket(double[] bounds, double value)
    {
        var found = Array.BinarySearch(bounds, value);
        return found >= 0 ? found : ~found;
    }
}
