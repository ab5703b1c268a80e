using System.Net;
using System.Net.Sockets;
using Amazon.Runtime;
using Amazon.S3;
using Microsoft.AspNetCore.Http;
using Npgsql;
using Polly;

namespace CloudTab.Relay;

/// <summary>Tells a failure of Postgres or S3 that passes from a mistake of our own.</summary>
public static class Outage
{
    /// <summary>Whether Postgres, S3 or a scanner that must be asked is away for now: worth a 503, not a 500.</summary>
    public static bool Is(Exception exception) => exception is ExecutionRejectedException or ScannerAwayException || OfPostgres(exception) || OfS3(exception);

    /// <summary>Whether Postgres or S3 is away, or S3 refuses what it was asked: what nobody waits for is then left undone.</summary>
    public static bool IsOrRefusal(Exception exception) => Is(exception) || exception is AmazonServiceException or AmazonClientException;

    // If the data source's very first connection times out, Npgsql throws a bare TimeoutException.
    internal static bool OfPostgres(Exception exception) => exception is NpgsqlException { IsTransient: true } or TimeoutException;

    // All connections of the pool are in use: Postgres is well, and to try again would only make the queue longer. Npgsql has no other
    // sign of it.
    internal static bool OfFullPool(Exception exception) =>
        exception is NpgsqlException { InnerException: TimeoutException } && exception.Message.StartsWith("The connection pool has been exhausted", StringComparison.Ordinal);

    internal static bool OfS3(Exception exception) => exception switch
    {
        // S3 did answer, and refused some of many keys: it would refuse the same request again.
        DeleteObjectsException => false,
        // The store will never be able to do what it was asked.
        AmazonServiceException { StatusCode: HttpStatusCode.NotImplemented } => false,
        AmazonServiceException { StatusCode: >= HttpStatusCode.InternalServerError } => true,
        AmazonServiceException { ErrorCode: "SlowDown" or "RequestTimeout" or "ThrottlingException" } => true,
        AmazonServiceException { StatusCode: default(HttpStatusCode) } => true,
        // Without an answer: no connection, or one that was cut. One that is reset while it is opened comes out of HttpClient bare.
        HttpRequestException or SocketException or IOException { InnerException: SocketException } => true,
        _ => false,
    };
}

/// <summary>Answers an outage with 503.</summary>
internal sealed class OutageHandler(IProblemDetailsService problems) : Microsoft.AspNetCore.Diagnostics.IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (!Outage.Is(exception))
            return false;
        httpContext.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return await problems.TryWriteAsync(
            new() { HttpContext = httpContext, ProblemDetails = { Status = StatusCodes.Status503ServiceUnavailable } });
    }
}
