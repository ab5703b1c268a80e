using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Runtime.InteropServices;
using System.Text;

// A small service that does what a test asks of it: ends, refuses to end, is unhealthy until a file is there.
if (int.TryParse(Environment.GetEnvironmentVariable("EXIT_CODE"), CultureInfo.InvariantCulture, out var exitCode))
{
    Console.WriteLine($"ending with {exitCode}");
    return exitCode;
}

if (Environment.GetEnvironmentVariable("SAY") is { } line)
    Console.WriteLine(line);

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

// Answers, with the count of bytes, only to who has finished sending: Kestrel instead gives up on a client that closes its half.
if (int.TryParse(Environment.GetEnvironmentVariable("COUNT_PORT"), CultureInfo.InvariantCulture, out var countPort))
{
    var listener = new TcpListener(IPAddress.Loopback, countPort);
    listener.Start();
    _ = Task.Run(async () =>
    {
        while (true)
        {
            using var client = await listener.AcceptTcpClientAsync();
            using var sent = new MemoryStream();
            await client.GetStream().CopyToAsync(sent);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"{sent.Length} bytes"));
        }
    });
}

Console.WriteLine($"process {Environment.ProcessId}");
if (Environment.GetEnvironmentVariable("STUBBORN") == "true")
{
    await app.StartAsync();
    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System);
}

await app.RunAsync();
Console.WriteLine("service is ending");
return 0;
