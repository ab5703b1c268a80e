using CloudTab.Bench;

// `limit discard|sha256` is not for people: the bench starts itself so as a server to compare with.
if (args is ["limit", var work])
    return await LimitServer.RunAsync(work);

Console.WriteLine($"{Environment.ProcessorCount} cores, .NET {Environment.Version}, {DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime):yyyy-MM-dd}");

// All parts, or those that are named.
var parts = (args.Length > 0 ? args : ["sessions", "pending", "uploads", "slow", "startup", "dashboard"]).ToHashSet(StringComparer.Ordinal);
if (parts.Overlaps(["sessions", "pending", "uploads", "slow"]))
{
    await using var stack = await Stack.StartAsync();
    if (parts.Contains("sessions"))
        await SessionCreation.RunAsync(stack);
    if (parts.Contains("pending"))
        await PendingList.RunAsync(stack);
    if (parts.Contains("uploads"))
        await Uploads.RunAsync(stack);
    if (parts.Contains("slow"))
        await SlowUploads.RunAsync(stack);
}

if (parts.Contains("startup"))
    await Startup.RunAsync();
if (parts.Contains("dashboard"))
    await DashboardLoad.RunAsync();
return 0;
