using System.Globalization;
using CloudTab.Bench;

// `limit discard|sha256 default|64k` is not for people: the bench starts itself so as a server to compare with.
if (args is ["limit", var work, var pool])
    return await LimitServer.RunAsync(work, pool);

Console.WriteLine($"{Environment.ProcessorCount} cores, .NET {Environment.Version}, {DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime):yyyy-MM-dd}");
await using var stack = await Stack.StartAsync();

// Without arguments all of it; `sessions`, `pending`, `connections`, or `uploads` with a file size in MiB run one piece.
switch (args)
{
    case ["sessions"]:
        await SessionCreation.RunAsync(stack);
        break;
    case ["pending"]:
        await PendingList.RunAsync(stack);
        break;
    case ["connections"]:
        await Connections.RunAsync();
        break;
    case ["uploads", .. var size]:
        await Uploads.RunAsync(stack, size is [var mebibytes] ? int.Parse(mebibytes, CultureInfo.InvariantCulture) : null);
        break;
    default:
        await SessionCreation.RunAsync(stack);
        await PendingList.RunAsync(stack);
        await Uploads.RunAsync(stack, size: null);
        await Connections.RunAsync();
        break;
}

return 0;
