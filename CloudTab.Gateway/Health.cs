using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace CloudTab.Gateway;

/// <summary>
/// GET /health: how the relay is as a whole. Every service is asked whether it is ready; a service is well where one of its replicas
/// is. An answer is kept for a second, so that asking often costs nothing.
/// </summary>
internal sealed class Health(IHttpClientFactory clients, IOptions<GatewayOptions> options, TimeProvider clock, ILogger<Health> logger)
{
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AskingLimit = TimeSpan.FromSeconds(3);

    private readonly long _started = clock.GetTimestamp();
    private readonly Lock _asking = new();
    private Task<Findings>? _findings;
    private long _asked;
    private bool _unwell;

    /// <summary>Answers GET /health.</summary>
    public static async Task<Results<Ok<HealthView>, JsonHttpResult<HealthView>>> GetAsync(Health health, CancellationToken cancellationToken)
    {
        var view = await health.LookAsync(cancellationToken);
        return view.Problems is null
            ? TypedResults.Ok(view)
            : TypedResults.Json(view, JsonContext.Default.HealthView, statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private async Task<HealthView> LookAsync(CancellationToken cancellationToken)
    {
        var found = await FindAsync().WaitAsync(cancellationToken);
        return new(
            found.Problems.Length == 0 ? "healthy" : "unhealthy",
            clock.GetUtcNow().UtcDateTime,
            Math.Round(clock.GetElapsedTime(_started).TotalSeconds, 3),
            found.ConnectedShopkeepers,
            found.Problems.Length == 0 ? null : found.Problems);
    }

    // Whoever asks while the services are being asked waits for the same answer; the client that began it may leave meanwhile.
    private Task<Findings> FindAsync()
    {
        lock (_asking)
        {
            if (_findings is null || (_findings.IsCompleted && clock.GetElapsedTime(_asked) > KeptFor))
            {
                _asked = clock.GetTimestamp();
                _findings = AskAsync();
            }

            return _findings;
        }
    }

    private async Task<Findings> AskAsync()
    {
        using var limit = new CancellationTokenSource(AskingLimit, clock);
        var connected = ConnectedShopkeepersAsync(limit.Token);
        var asked = await Task.WhenAll(options.Value.Services.Select(service => ProblemOfAsync(service.Name, service.Addresses, limit.Token)));
        string[] problems = [.. asked.OfType<string>()];
        Report(problems);
        return new(problems, await connected);
    }

    private void Report(string[] problems)
    {
        if (problems.Length > 0 && !_unwell)
            logger.RelayUnhealthy(string.Join("; ", problems));
        if (problems.Length == 0 && _unwell)
            logger.RelayHealthy();
        _unwell = problems.Length > 0;
    }

    /// <returns>What is wrong with a service, or null where one of its replicas is ready.</returns>
    private async Task<string?> ProblemOfAsync(string name, string[] addresses, CancellationToken cancellationToken)
    {
        var problems = await Task.WhenAll(addresses.Select(address => AskAsync(address, cancellationToken)));
        return problems.Contains(null) ? null : $"{name}: {problems[0]}";
    }

    private async Task<string?> AskAsync(string address, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await clients.CreateClient().GetAsync(new Uri(new Uri(address), "/health/ready"), cancellationToken);
            return answer.IsSuccessStatusCode ? null : await answer.Content.ReadAsStringAsync(cancellationToken);
        }
        catch (Exception silent) when (silent is HttpRequestException or SocketException or OperationCanceledException)
        {
            return "does not answer";
        }
    }

    private async Task<int> ConnectedShopkeepersAsync(CancellationToken cancellationToken)
    {
        foreach (var address in options.Value.Notifier)
        {
            try
            {
                var presence = await clients.CreateClient().GetFromJsonAsync(
                    new Uri(new Uri(address), "/presence"), JsonContext.Default.Presence, cancellationToken);
                return presence!.ConnectedShopkeepers;
            }
            catch (Exception silent) when (silent is HttpRequestException or SocketException or OperationCanceledException or JsonException)
            {
                // The next replica knows as much: presence is in the database.
            }
        }

        return 0;
    }

    private sealed record Findings(string[] Problems, int ConnectedShopkeepers);
}

/// <summary>How the relay is.</summary>
/// <param name="Status">`healthy` or `unhealthy`.</param>
/// <param name="Timestamp">Now, UTC.</param>
/// <param name="Uptime">Seconds since the gateway started.</param>
/// <param name="ConnectedShopkeepers">Authenticated sockets over all replicas; 0 where the Notifier cannot tell.</param>
/// <param name="Problems">What is wrong, one text per service; absent where nothing is.</param>
internal sealed record HealthView(
    string Status,
    DateTime Timestamp,
    double Uptime,
    int ConnectedShopkeepers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string[]? Problems);

/// <summary>What the Notifier answers to GET /presence.</summary>
internal sealed record Presence(int ConnectedShopkeepers);
