using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Logging;

namespace CloudTab.ServiceDefaults;

/// <summary>GET /health: how the relay is as a whole.</summary>
internal sealed class HealthCard
{
    private static readonly TimeSpan AskingLimit = TimeSpan.FromSeconds(3);

    private readonly IRelayHealth _relay;
    private readonly TimeProvider _clock;
    private readonly ILogger<HealthCard> _logger;
    private readonly long _started;
    private readonly KeptAnswer<RelayHealth> _health;
    private bool _unwell;

    public HealthCard(IRelayHealth relay, TimeProvider clock, ILogger<HealthCard> logger)
    {
        (_relay, _clock, _logger) = (relay, clock, logger);
        _started = clock.GetTimestamp();
        _health = new(AskAsync, clock);
    }

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
        var found = await _health.GetAsync().WaitAsync(cancellationToken);
        return new(
            found.Problems.Count == 0 ? "healthy" : "unhealthy",
            _clock.GetUtcNow().UtcDateTime,
            Math.Round(_clock.GetElapsedTime(_started).TotalSeconds, 3),
            found.ConnectedShopkeepers,
            found.Problems.Count == 0 ? null : found.Problems);
    }

    private async Task<RelayHealth> AskAsync()
    {
        using var limit = new CancellationTokenSource(AskingLimit, _clock);
        var found = await _relay.FindAsync(limit.Token);
        Report(found.Problems);
        return found;
    }

    private void Report(IReadOnlyList<string> problems)
    {
        if (problems.Count > 0 && !_unwell)
            _logger.RelayUnhealthy(string.Join("; ", problems));
        if (problems.Count == 0 && _unwell)
            _logger.RelayHealthy();
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
