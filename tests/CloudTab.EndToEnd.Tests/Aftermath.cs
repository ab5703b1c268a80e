using CloudTab.Testing;

namespace CloudTab.EndToEnd.Tests;

/// <summary>What must hold once the load has stopped and everything runs again.</summary>
internal static class Aftermath
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static async Task CheckAsync(RelayProcesses relay, ShopPc shop, Customers customers, CancellationToken cancellationToken)
    {
        Assert.Empty(customers.Mistakes);
        await Eventually.HoldsAsync(
            () => Task.FromResult(customers.Acknowledged.All(session => shop.WasToldOf(session.SessionId))), "every acknowledged session is announced", Limit, cancellationToken);

        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(TimeSpan.FromMinutes(3));
        foreach (var session in customers.Acknowledged)
        {
            var printed = Assert.Single(await shop.PrintAsync(session.SessionId, bound.Token));
            Assert.Equal(session.Sha256, printed);
        }

        await Eventually.HoldsAsync(async () => await relay.FilesAsync("uploading", cancellationToken) == 0, "no upload is left in the database", Limit, cancellationToken);
        await Eventually.HoldsAsync(async () => (await relay.OpenUploadsAsync(cancellationToken)).Count == 0, "no multipart upload is left in S3", Limit, cancellationToken);
        await Eventually.HoldsAsync(async () => await AllObjectsAreStoredAsync(relay, cancellationToken), "no object is left that nobody owns", Limit, cancellationToken);
    }

    // An upload may have been stored though its answer was lost with the connection: it is pending, and rightly still there.
    private static async Task<bool> AllObjectsAreStoredAsync(RelayProcesses relay, CancellationToken cancellationToken) =>
        (await relay.ObjectsAsync(cancellationToken)).Count == await relay.FilesAsync("stored", cancellationToken)
        && await relay.FilesAsync("deleting", cancellationToken) == 0;
}
