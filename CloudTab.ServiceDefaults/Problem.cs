using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// A failure that a service expects, as problem details (RFC 9457). It is an answer, and it is metadata of the endpoints that can give it:
/// those that <see cref="ProblemExtensions.Answers"/> names, and the two that every endpoint can give.
/// </summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Code">What programs go by: it never changes.</param>
/// <param name="Title">The kind of failure.</param>
/// <param name="Detail">What to tell the person.</param>
public sealed record Problem(int Status, string Code, string Title, string Detail) : IResult, IEndpointMetadataProvider, IProducesResponseTypeMetadata
{
    /// <summary>The problem's type, if a protocol has a name for it.</summary>
    public string? Type { get; init; }

    /// <summary>Members that the type has.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Members { get; init; } = [];

    Type? IProducesResponseTypeMetadata.Type => typeof(ProblemDetails);

    int IProducesResponseTypeMetadata.StatusCode => Status;

    IEnumerable<string> IProducesResponseTypeMetadata.ContentTypes => [ProblemExtensions.ContentType];

    /// <summary>Sends it. The answer is complete in itself: what the framework would add depends on the request's Accept header.</summary>
    public Task ExecuteAsync(HttpContext httpContext) => ToResult().ExecuteAsync(httpContext);

    internal ProblemHttpResult ToResult() => TypedResults.Problem(
        Detail,
        statusCode: Status,
        title: Title,
        type: Type,
        extensions: new Dictionary<string, object?>(Members, StringComparer.Ordinal)
        {
            ["code"] = Code,
            ["success"] = false,
            ["message"] = Detail,
        });

    /// <summary>Called by the framework for every endpoint whose signature has a problem in it.</summary>
    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder)
    {
        builder.Metadata.Add(Failures.Of(StatusCodes.Status500InternalServerError));
        builder.Metadata.Add(Failures.Of(StatusCodes.Status503ServiceUnavailable));
    }
}

/// <summary>What endpoints say about their failures.</summary>
public static class ProblemExtensions
{
    internal const string ContentType = "application/problem+json";

    /// <summary>Names the problems that an endpoint, or each of a group, can answer. The API's document lists them.</summary>
    public static TBuilder Answers<TBuilder>(this TBuilder endpoint, params Problem[] problems)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata([.. problems]);
}
