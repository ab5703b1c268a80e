using System.Globalization;
using CloudTab.Bench;

// `limit discard|sha256 default|64k` and `forward ADDRESS` are not for people: the bench starts itself so as a server to compare with.
if (args is ["limit", var work, var pool])
    return await LimitServer.RunAsync(work, pool);
if (args is ["forward", var service])
    return await ForwardServer.RunAsync(service);

Console.WriteLine($"{Environment.ProcessorCount} cores, .NET {Environment.Version}, {DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime):yyyy-MM-dd}");

// All parts, or those that are named; numbers are sizes of files, in MiB.
var sizes = args.Where(argument => char.IsAsciiDigit(argument[0])).Select(size => int.Parse(size, CultureInfo.InvariantCulture)).ToHashSet();
var named = args.Where(argument => !char.IsAsciiDigit(argument[0])).ToHashSet(StringComparer.Ordinal);
if (Includes("sessions", "pending", "begun", "uploads", "slow", "crowd", "memory", "gateway", "requests", "scale", "sockets", "streams", "announcements", "status"))
{
    await using var stack = await Stack.StartAsync();
    if (Includes("sessions"))
        await SessionCreation.RunAsync(stack);
    if (Includes("status"))
        await StatusPolling.RunAsync(stack);
    if (Includes("pending"))
        await PendingList.RunAsync(stack);
    if (Includes("begun"))
        await BegunUploads.RunAsync(stack);
    if (Includes("announcements"))
        await Announcements.RunAsync(stack);
    if (Includes("uploads"))
        await Uploads.RunAsync(stack, sizes);
    if (Includes("slow"))
        await SlowUploads.OfManyAddressesAsync(stack);
    if (Includes("crowd"))
        await SlowUploads.OfOneAddressAsync(stack);
    if (Includes("memory"))
        await SlowUploads.OfLargeFilesAsync(stack);
    if (Includes("gateway"))
        await GatewayCost.RunAsync(stack);
    if (Includes("requests"))
        await RequestCost.RunAsync(stack);
    if (Includes("scale"))
        await Scale.RunAsync(stack);
    if (Includes("sockets"))
        await Sockets.OfShopsAsync(stack);
    if (Includes("streams"))
        await Sockets.OfCustomersAsync(stack);
}

if (Includes("connections"))
    await Connections.RunAsync();
if (Includes("printing"))
    await Printing.RunAsync();
if (Includes("pages"))
    await Lighthouse.RunAsync();
if (Includes("queue"))
    await QueuePage.RunAsync();
if (Includes("startup"))
    await Startup.RunAsync();
return 0;

bool Includes(params string[] parts) => named.Count == 0 || named.Overlaps(parts);
