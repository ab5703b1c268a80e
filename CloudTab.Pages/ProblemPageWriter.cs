using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace CloudTab.Pages;

/// <summary>
/// A browser that asked for a page gets its failures as one. Programs get problem details, and so does everything below /api, unless somebody
/// has followed a link to there (Sec-Fetch-Mode, https://www.w3.org/TR/fetch-metadata/; old browsers do not send it).
/// </summary>
internal sealed class ProblemPageWriter(IOptions<ProblemDetailsOptions> options) : IProblemDetailsWriter
{
    private const string Html = "text/html";

    public bool CanWrite(ProblemDetailsContext context)
    {
        var request = context.HttpContext.Request;
        return (request.Headers["Sec-Fetch-Mode"] == "navigate" || !request.Path.ToString().Contains("/api/", StringComparison.Ordinal))
            && MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted)
            && accepted.Any(type => type.MediaType.Equals(Html, StringComparison.OrdinalIgnoreCase));
    }

    public ValueTask WriteAsync(ProblemDetailsContext context)
    {
        var problem = context.ProblemDetails;
        problem.Status ??= context.HttpContext.Response.StatusCode;
        options.Value.CustomizeProblemDetails?.Invoke(context);
        var page = new RazorComponentResult<ProblemPage>(new
        {
            Status = problem.Status.Value,
            Code = problem.Extensions["code"] as string ?? "",
            Detail = problem.Detail ?? "",
            Back = context.HttpContext.Request.Path.StartsWithSegments("/shop", StringComparison.Ordinal) ? "/shop" : null,
            TraceId = problem.Status >= StatusCodes.Status500InternalServerError ? problem.Extensions["traceId"] as string : null,
        })
        {
            StatusCode = problem.Status,
        };
        return new(page.ExecuteAsync(context.HttpContext));
    }
}
