using CloudTab.Bench;

// `limit discard|sha256` is not for people: the bench starts itself so as a server to compare with.
if (args is ["limit", var work])
    return await LimitServer.RunAsync(work);

Console.WriteLine($"{Environment.ProcessorCount} cores, .NET {Environment.Version}, {DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime):yyyy-MM-dd}");
await using var stack = await Stack.StartAsync();

// A part alone: `slow`.
if (args is ["slow"])
{
    await SlowUploads.RunAsync(stack);
    return 0;
}

await SessionCreation.RunAsync(stack);
await PendingList.RunAsync(stack);
await Uploads.RunAsync(stack);
await SlowUploads.RunAsync(stack);
return 0;
