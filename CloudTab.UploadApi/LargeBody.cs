using Microsoft.AspNetCore.Mvc;

namespace CloudTab.UploadApi;

/// <summary>What all endpoints have in common that take bodies of any size.</summary>
internal static class LargeBody
{
    /// <summary>Lifts the limit on the body, since the handler has its own; the client's address and its pace are limited instead.</summary>
    public static RouteHandlerBuilder TakesLargeBody(this RouteHandlerBuilder endpoint) => endpoint
        .WithMetadata(new DisableRequestSizeLimitAttribute())
        .AddEndpointFilter(EarlyAnswer.Filter)
        .AddEndpointFilter(ByteQuota.Filter)
        .ProducesProblem(StatusCodes.Status408RequestTimeout)
        .ProducesProblem(StatusCodes.Status429TooManyRequests);
}
