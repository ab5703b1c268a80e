using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Mvc;

namespace CloudTab.UploadApi;

/// <summary>What all endpoints that take bodies of any size have in common.</summary>
internal static class LargeBody
{
    /// <summary>Lifts the limit on the body's size, since the handler has its own; instead, the rate of its address and its silence are limited.</summary>
    public static RouteHandlerBuilder TakesLargeBody(this RouteHandlerBuilder endpoint) => endpoint
        .IsUnlimited()
        .IsCharged();

    /// <summary>The same for a protocol that adds to every answer, also to the one for an address that has sent too much.</summary>
    public static RouteHandlerBuilder TakesLargeBody(
        this RouteHandlerBuilder endpoint, Func<EndpointFilterInvocationContext, EndpointFilterDelegate, ValueTask<object?>> protocol) => endpoint
        .IsUnlimited()
        .AddEndpointFilter(protocol)
        .IsCharged();

    private static RouteHandlerBuilder IsUnlimited(this RouteHandlerBuilder endpoint) => endpoint
        .WithMetadata(new DisableRequestSizeLimitAttribute())
        .Answers(Problems.OfReceiving);

    private static RouteHandlerBuilder IsCharged(this RouteHandlerBuilder endpoint) => endpoint
        .AddEndpointFilter(ByteRateLimit.Filter)
        .Answers(Problems.TooManyBytes);
}
