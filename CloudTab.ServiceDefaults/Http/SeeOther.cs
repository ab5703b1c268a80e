using Microsoft.AspNetCore.Http;

namespace CloudTab.ServiceDefaults;

/// <summary>303: what a form's answer is, so that reloading the page does not send the form again (RFC 9110, 15.4.4).</summary>
public sealed class SeeOther(string location) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status303SeeOther;
        httpContext.Response.Headers.Location = location;
        return Task.CompletedTask;
    }
}
