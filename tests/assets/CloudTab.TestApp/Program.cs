using System.Net.WebSockets;
using System.Runtime.InteropServices;

// A small service that does what a test asks of it: ends, refuses to end, is unhealthy until a file is there.
if (int.TryParse(Environment.GetEnvironmentVariable("EXIT_CODE"), System.Globalization.CultureInfo.InvariantCulture, out var exitCode))
{
    Console.WriteLine($"ending with {exitCode}");
    return exitCode;
}

var builder = WebApplication.CreateBuilder(args);
builder.Logging.ClearProviders();
var app = builder.Build();

using var stubborn = PosixSignalRegistration.Create(
    PosixSignal.SIGTERM, signal => signal.Cancel = Environment.GetEnvironmentVariable("STUBBORN") == "true");

app.MapGet("/pid", () => Environment.ProcessId);
app.MapGet("/environment", () => Environment.GetEnvironmentVariables());
app.MapGet("/health", () => Environment.GetEnvironmentVariable("HEALTHY_ONCE_EXISTS") is { } file && !File.Exists(file)
    ? Results.Text("not yet", statusCode: 503)
    : Results.Text("healthy"));
app.MapPost("/count", async (HttpRequest request) =>
{
    var buffer = new byte[64 * 1024];
    long count = 0;
    while (await request.Body.ReadAsync(buffer) is > 0 and var read)
        count += read;
    return count;
});
app.MapPost("/refuse", () => Results.Text("too large", statusCode: 413));
app.UseWebSockets();
app.Map("/echo", async (HttpContext context) =>
{
    using var socket = await context.WebSockets.AcceptWebSocketAsync();
    var buffer = new byte[64 * 1024];
    while (await socket.ReceiveAsync(buffer.AsMemory(), default) is { MessageType: not WebSocketMessageType.Close } part)
        await socket.SendAsync(buffer.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, default);
    await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
});

Console.WriteLine($"process {Environment.ProcessId}");
if (Environment.GetEnvironmentVariable("STUBBORN") == "true")
{
    await app.StartAsync();
    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System);
}

await app.RunAsync();
Console.WriteLine("service is ending");
return 0;
