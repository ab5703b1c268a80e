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
app.MapPost("/end/{code:int}", (int code) =>
{
    Console.WriteLine("asked to end");
    Environment.Exit(code);
});

Console.WriteLine($"process {Environment.ProcessId}");
if (Environment.GetEnvironmentVariable("STUBBORN") == "true")
{
    await app.StartAsync();
    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System);
}

await app.RunAsync();
return 0;
