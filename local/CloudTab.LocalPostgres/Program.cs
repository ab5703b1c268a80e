using CloudTab.LocalPostgres;

var builder = WebApplication.CreateBuilder(args);
builder.Logging.AddFilter("Microsoft", LogLevel.Warning);

builder.Services.AddOptionsWithValidateOnStart<PostgresOptions>().Configure<IConfiguration>((options, configuration) => options.Read(configuration));
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddSingleton<PostgresServer>();
builder.Services.AddHostedService(services => services.GetRequiredService<PostgresServer>());

var app = builder.Build();

app.MapGet("/health/live", () => "alive");
app.MapGet("/health/ready", async (PostgresServer postgres, CancellationToken cancellationToken) =>
    await postgres.IsReadyAsync(cancellationToken)
        ? Results.Text("ready")
        : Results.Text("PostgreSQL does not answer", statusCode: StatusCodes.Status503ServiceUnavailable));

try
{
    await app.RunAsync();
}
catch (CannotRunException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    Environment.ExitCode = 1;
}
