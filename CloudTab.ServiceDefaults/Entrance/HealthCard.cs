using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Logging;

namespace CloudTab.ServiceDefaults;

/// <summary>GET /health: how the relay is as a whole. An answer is kept for a second, so that asking often costs nothing.</summary>
internal sealed class HealthCard(IRelayHealth relay, TimeProvider clock, ILogger<HealthCard> logger)
{
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AskingLimit = TimeSpan.FromSeconds(3);

    private readonly long _started = clock.GetTimestamp();
    private readonly Lock _asking = new();
    private Task<RelayHealth>? _health;
    private long _asked;
    private bool _unwell;

    /// <summary>Answers GET /health.</summary>
    public static async Task<Results<Ok<HealthView>, JsonHttpResult<HealthView>>> GetAsync(HealthCard card, CancellationToken cancellationToken)
    {
        var view = await card.LookAsync(cancellationToken);
        return view.Problems is null
            ? TypedResults.Ok(view)
            : TypedResults.Json(view, EntranceContext.Default.HealthView, statusCode: StatusCodes.Status503ServiceUnavailable);
    }

    private async Task<HealthView> LookAsync(CancellationToken cancellationToken)
    {
        var found = await FindAsync().WaitAsync(cancellationToken);
        return new(
            found.Problems.Count == 0 ? "healthy" : "unhealthy",
            clock.GetUtcNow().UtcDateTime,
            Math.Round(clock.GetElapsedTime(_started).TotalSeconds, 3),
            found.ConnectedShopkeepers,
            found.Problems.Count == 0 ? null : found.Problems);
    }

    // Whoever asks while the relay is being asked waits for the same answer; the client that began it may leave meanwhile.
    private Task<RelayHealth> FindAsync()
    {
        lock (_asking)
        {
            if (_health is null || (_health.IsCompleted && clock.GetElapsedTime(_asked) > KeptFor))
            {
                _asked = clock.GetTimestamp();
                _health = AskAsync();
            }

            return _health;
        }
    }

    private async Task<RelayHealth> AskAsync()
    {
        using var limit = new CancellationTokenSource(AskingLimit, clock);
        var found = await relay.FindAsync(limit.Token);
        Report(found.Problems);
        return found;
    }

    private void Report(IReadOnlyList<string> problems)
    {
        if (problems.Count > 0 && !_unwell)
            logger.RelayUnhealthy(string.Join("; ", problems));
        if (problems.Count == 0 && _unwell)
            logger.RelayHealthy();
        _unwell = problems.Count > 0;
    }
}

/// <summary>Finds out how the relay is: by asking its services, or itself.</summary>
public interface IRelayHealth
{
    /// <summary>Once the token is cancelled, what has not answered does not answer: it is no exception.</summary>
    Task<RelayHealth> FindAsync(CancellationToken cancellationToken);
}

/// <summary>How the relay was when it was asked.</summary>
/// <param name="Problems">What is wrong, one text per service.</param>
/// <param name="ConnectedShopkeepers">Authenticated sockets over all replicas; 0 if nobody can tell.</param>
public sealed record RelayHealth(IReadOnlyList<string> Problems, long ConnectedShopkeepers);

/// <summary>How the relay is.</summary>
/// <param name="Status">`healthy` or `unhealthy`.</param>
/// <param name="Timestamp">Now, UTC.</param>
/// <param name="Uptime">Seconds since the entrance started.</param>
/// <param name="ConnectedShopkeepers">Authenticated sockets over all replicas; 0 where the Notifier cannot tell.</param>
/// <param name="Problems">What is wrong, one text per service; absent where nothing is.</param>
internal sealed record HealthView(
    string Status,
    DateTime Timestamp,
    double Uptime,
    long ConnectedShopkeepers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Problems);
