namespace CloudTab.Testing;

/// <summary>Another counter of a shop, whose work the shop's page shows.</summary>
public static class OtherCounter
{
    /// <summary>Takes one job after the other and puts it back, until it is stopped; each is two events.</summary>
    /// <param name="counter">Sends a key of its own.</param>
    /// <param name="sessions">Ids of the jobs.</param>
    /// <param name="between">From one job to the next.</param>
    public static async Task ClaimAndReleaseAsync(HttpClient counter, IReadOnlyList<string> sessions, TimeSpan between, CancellationToken stop)
    {
        var pairs = new List<Task>();
        using var timer = new PeriodicTimer(between);
        try
        {
            for (var turn = 0; await timer.WaitForNextTickAsync(stop); turn++)
                pairs.Add(PairAsync(sessions[turn % sessions.Count]));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(pairs);
        }

        async Task PairAsync(string session)
        {
            foreach (var verb in (string[])["claim", "release"])
            {
                using var answer = await counter.PostAsync(
                    new Uri($"/api/shopkeeper/sessions/{session}/{verb}", UriKind.Relative), content: null, CancellationToken.None);
                answer.EnsureSuccessStatusCode();
            }
        }
    }
}
