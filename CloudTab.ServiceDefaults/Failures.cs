using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// Every failure leaves as RFC 9457 problem details with `code`, `success: false` and `message`. A service's own Problems.cs lists what
/// it expects. This class answers what the framework finds, an outage of Postgres or S3 (503), and the unexpected (500), which tells
/// nothing but its trace id.
/// </summary>
public static class Failures
{
    /// <summary>The problem that a bare status becomes.</summary>
    public static Problem Of(int status) => new(status, CodeOf(status), ReasonPhrases.GetReasonPhrase(status), DetailOf(status));

    /// <summary>Asks a client that is refused to wait so long: in whole seconds, and at least one.</summary>
    public static void SetRetryAfter(this HttpResponse response, TimeSpan wait) =>
        response.Headers.RetryAfter = Math.Max(1, Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);

    internal static void AddFailures(this IHostApplicationBuilder builder)
    {
        builder.Services.AddProblemDetails(problems => problems.CustomizeProblemDetails = context => Complete(context.ProblemDetails, context.HttpContext));
        builder.Services.AddSingleton<IProblemDetailsWriter, ProblemWriter>();
        builder.Services.AddExceptionHandler<RequestFailureHandler>();
    }

    /// <summary>
    /// Writes a problem whatever the client says it accepts. If that is neither JSON nor anything, the framework's writer writes nothing;
    /// RFC 9110, section 15.5.7, prefers an answer of another type to none.
    /// </summary>
    private sealed class ProblemWriter(IOptions<ProblemDetailsOptions> options) : IProblemDetailsWriter
    {
        public bool CanWrite(ProblemDetailsContext context) => true;

        public ValueTask WriteAsync(ProblemDetailsContext context)
        {
            var problem = context.ProblemDetails;
            problem.Status ??= context.HttpContext.Response.StatusCode;
            problem.Title ??= ReasonPhrases.GetReasonPhrase(problem.Status.Value);
            problem.Type ??= "about:blank";
            options.Value.CustomizeProblemDetails?.Invoke(context);
            return new(context.HttpContext.Response.WriteAsJsonAsync(
                problem, options: null, ProblemExtensions.ContentType, context.HttpContext.RequestAborted));
        }
    }

    private static void Complete(ProblemDetails problem, HttpContext context)
    {
        var status = problem.Status ?? context.Response.StatusCode;
        problem.Detail ??= DetailOf(status);
        problem.Extensions.TryAdd("code", CodeOf(status));
        if (problem.Extensions["code"] is string code)
        {
            context.RequestServices.GetRequiredService<Refusals>().Count(code);
            Activity.Current?.SetTag(Refusals.CodeAttribute, code);
        }

        problem.Extensions["success"] = false;
        problem.Extensions["message"] = problem.Detail;
        problem.Extensions["traceId"] = (Activity.Current?.TraceId ?? ActivityTraceId.CreateRandom()).ToHexString();
    }

    private static string CodeOf(int status) => status switch
    {
        StatusCodes.Status404NotFound => "not_found",
        StatusCodes.Status405MethodNotAllowed => "method_not_allowed",
        StatusCodes.Status408RequestTimeout => "request_timeout",
        StatusCodes.Status413PayloadTooLarge => "request_too_large",
        StatusCodes.Status415UnsupportedMediaType => "unsupported_media_type",
        StatusCodes.Status429TooManyRequests => "too_many_requests",
        StatusCodes.Status502BadGateway or StatusCodes.Status503ServiceUnavailable or StatusCodes.Status504GatewayTimeout => "unavailable",
        >= 500 => "internal_error",
        _ => "invalid_request",
    };

    private static string DetailOf(int status) => status switch
    {
        StatusCodes.Status404NotFound => "There is nothing at this address.",
        StatusCodes.Status405MethodNotAllowed => "This address does not support this method.",
        StatusCodes.Status408RequestTimeout => "No data arrived for too long. Try again.",
        StatusCodes.Status429TooManyRequests => "Too many requests from this address. Try again later.",
        StatusCodes.Status502BadGateway or StatusCodes.Status503ServiceUnavailable or StatusCodes.Status504GatewayTimeout =>
            "The service is not available right now. Try again in a moment.",
        StatusCodes.Status413PayloadTooLarge => "The request is too large.",
        StatusCodes.Status415UnsupportedMediaType => "The request has the wrong Content-Type.",
        >= 500 => "Something went wrong on our side.",
        _ => "The request could not be understood.",
    };

    /// <summary>Every 503 says when to try again, whichever code answers it. So do 429 and 507, which take longer: a minute has to pass, and people have to clear the queue.</summary>
    internal static void UseRetryAfter(this WebApplication app) => app.Use((context, next) =>
    {
        context.Response.OnStarting(
            static state =>
            {
                var response = (HttpResponse)state;
                if (response.StatusCode is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable or StatusCodes.Status507InsufficientStorage)
                    response.Headers.TryAdd("Retry-After", response.StatusCode == StatusCodes.Status503ServiceUnavailable ? "2" : "60");
                return Task.CompletedTask;
            },
            context.Response);
        return next(context);
    });

    /// <summary>Answers a malformed request with its own 4xx, and what took too long with 503.</summary>
    private sealed class RequestFailureHandler(IProblemDetailsService problems) : IExceptionHandler
    {
        public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
        {
            if (StatusOf(exception) is not { } status)
                return false;
            context.Response.StatusCode = status;
            return await problems.TryWriteAsync(new ProblemDetailsContext { HttpContext = context, ProblemDetails = { Status = status } });
        }

        private static int? StatusOf(Exception exception) => exception switch
        {
            BadHttpRequestException malformed => malformed.StatusCode,
            // A time limit of our own ran out. (If the client has left, the exception middleware answers before this is asked.)
            OperationCanceledException => StatusCodes.Status503ServiceUnavailable,
            _ => null,
        };
    }
}
