using Microsoft.AspNetCore.Mvc;

namespace CloudTab.UploadApi;

/// <summary>What all endpoints have in common that take bodies of any size.</summary>
internal static class LargeBody
{
    /// <summary>Lifts the limit on the body, since the handler has its own; the client's address and its pace are limited instead.</summary>
    public static RouteHandlerBuilder TakesLargeBody(this RouteHandlerBuilder endpoint) => endpoint
        .AnswersEarly()
        .IsCharged();

    /// <summary>The same for a protocol that has a say in every answer, also where the address has sent too much.</summary>
    public static RouteHandlerBuilder TakesLargeBody(
        this RouteHandlerBuilder endpoint, Func<EndpointFilterInvocationContext, EndpointFilterDelegate, ValueTask<object?>> protocol) => endpoint
        .AnswersEarly()
        .AddEndpointFilter(protocol)
        .IsCharged();

    private static RouteHandlerBuilder AnswersEarly(this RouteHandlerBuilder endpoint) => endpoint
        .WithMetadata(new DisableRequestSizeLimitAttribute())
        .AddEndpointFilter(RefusedBody.Filter)
        .ProducesProblem(StatusCodes.Status408RequestTimeout)
        .ProducesProblem(StatusCodes.Status503ServiceUnavailable)
        .ProducesProblem(StatusCodes.Status507InsufficientStorage);

    private static RouteHandlerBuilder IsCharged(this RouteHandlerBuilder endpoint) => endpoint
        .AddEndpointFilter(ByteRateLimit.Filter)
        .ProducesProblem(StatusCodes.Status429TooManyRequests);
}
