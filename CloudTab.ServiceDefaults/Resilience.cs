using System.Net.Sockets;
using Amazon.Runtime;
using Amazon.S3;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// The pipelines around Postgres and S3, as keyed services: a timeout for each attempt, retries with jitter, and a circuit breaker
/// that turns an outage into a quick 503 (<see cref="Failures"/>) instead of a queue. Only what may be repeated is run inside
/// them: whoever uses a pipeline answers for that.
/// </summary>
public static class Resilience
{
    /// <summary>Key of the pipeline around Postgres.</summary>
    public const string Postgres = "postgres";

    /// <summary>Key of the pipeline around S3.</summary>
    public const string S3 = "s3";

    internal static void AddResilience(this IHostApplicationBuilder builder)
    {
        builder.Services.AddResiliencePipeline(Postgres, (pipeline, context) => Build(
            pipeline, context.ServiceProvider, IsPassingFailureOfPostgres, attempts: 2, firstDelay: TimeSpan.FromMilliseconds(50), limit: TimeSpan.FromSeconds(10)));
        builder.Services.AddResiliencePipeline(S3, (pipeline, context) => Build(
            pipeline, context.ServiceProvider, IsPassingFailureOfS3, attempts: 3, firstDelay: TimeSpan.FromMilliseconds(100), limit: TimeSpan.FromSeconds(60)));
    }

    /// <summary>Whether an exception tells that Postgres or S3 is away for now: worth a 503, not a 500.</summary>
    public static bool IsUnavailable(Exception exception) =>
        exception is BrokenCircuitException or TimeoutRejectedException
        || IsPassingFailureOfPostgres(exception)
        || IsPassingFailureOfS3(exception);

    private static void Build(
        ResiliencePipelineBuilder pipeline, IServiceProvider services, Func<Exception, bool> passes, int attempts, TimeSpan firstDelay, TimeSpan limit)
    {
        pipeline.TimeProvider = services.GetRequiredService<TimeProvider>();
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
    }

    // A connection that is not opened in time comes out of Npgsql bare where it is the data source's first.
    private static bool IsPassingFailureOfPostgres(Exception exception) => exception is NpgsqlException { IsTransient: true } or TimeoutException;

    // "s3" failures that are not answers (no connection, cut connection) reach us as HttpRequestException or IOException.
    private static bool IsPassingFailureOfS3(Exception exception) => exception switch
    {
        // S3 did answer, and refused some of many keys: the same request would be refused again.
        DeleteObjectsException => false,
        AmazonServiceException { StatusCode: >= System.Net.HttpStatusCode.InternalServerError } => true,
        AmazonServiceException { ErrorCode: "SlowDown" or "RequestTimeout" or "ThrottlingException" } => true,
        AmazonServiceException { StatusCode: default(System.Net.HttpStatusCode) } => true,
        // A connection that is reset while it is opened comes out of HttpClient bare.
        HttpRequestException or SocketException or IOException { InnerException: SocketException } => true,
        _ => false,
    };
}
