using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace CloudTab.Relay;

/// <summary>
/// The pipelines around Postgres and S3, as keyed services: a timeout for each attempt, retries with jitter, and a circuit breaker
/// that turns an outage into a quick 503 (<see cref="OutageHandler"/>) instead of a queue. Run only what may be repeated inside them.
/// </summary>
internal static class Resilience
{
    public static void AddPostgresPipeline(this IHostApplicationBuilder builder) => builder.AddPipeline(
        "postgres", failure => Outage.OfPostgres(failure) && !Outage.OfFullPool(failure), attempts: 2, firstDelay: TimeSpan.FromMilliseconds(50), limit: TimeSpan.FromSeconds(10));

    public static void AddS3Pipeline(this IHostApplicationBuilder builder) => builder.AddPipeline(
        "s3", Outage.OfS3, attempts: 3, firstDelay: TimeSpan.FromMilliseconds(100), limit: TimeSpan.FromSeconds(60));

    private static void AddPipeline(
        this IHostApplicationBuilder builder, string key, Func<Exception, bool> passes, int attempts, TimeSpan firstDelay, TimeSpan limit)
    {
        // Single attempts are not worth a line: the caller answers or logs how it ended, and Polly's own meter counts them.
        builder.Logging.AddFilter("Polly", LogLevel.None);
        builder.Services.ConfigureOpenTelemetryMeterProvider(metrics => metrics.AddMeter("Polly"));
        builder.Services.AddResiliencePipeline(key, pipeline =>
        {
            // By the machine's clock, which is Polly's default: Postgres' own is set when Postgres comes back, and may then jump to a time before
            // that at which the circuit was to close.
            var failures = new PredicateBuilder().Handle<TimeoutRejectedException>().Handle<Exception>(passes);
            pipeline
                .AddRetry(new RetryStrategyOptions
                {
                    ShouldHandle = failures,
                    MaxRetryAttempts = attempts,
                    Delay = firstDelay,
                    BackoffType = DelayBackoffType.Exponential,
                    UseJitter = true,
                })
                .AddCircuitBreaker(new CircuitBreakerStrategyOptions
                {
                    ShouldHandle = failures,
                    FailureRatio = 0.5,
                    MinimumThroughput = 20,
                    SamplingDuration = TimeSpan.FromSeconds(5),
                    BreakDuration = TimeSpan.FromSeconds(1),
                })
                .AddTimeout(limit);
        });
    }
}
