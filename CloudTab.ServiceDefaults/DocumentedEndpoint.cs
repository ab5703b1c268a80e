using Microsoft.AspNetCore.Builder;

namespace CloudTab.ServiceDefaults;

/// <summary>What the API's document must say of an endpoint and no signature shows, because the handler reads or writes HTTP by itself.</summary>
public static class DocumentedEndpoint
{
    /// <summary>The body that a request has: of this type as JSON, or bytes.</summary>
    public static TBuilder Takes<TBuilder>(this TBuilder endpoint, string contentType, Type? type = null)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new TakenBody(contentType, type));

    /// <summary>Headers that a request must have.</summary>
    public static TBuilder Requires<TBuilder>(this TBuilder endpoint, params string[] headers)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new TakenHeaders(Required: true, headers));

    /// <summary>Headers that a request may have.</summary>
    public static TBuilder Allows<TBuilder>(this TBuilder endpoint, params string[] headers)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new TakenHeaders(Required: false, headers));

    /// <summary>Headers that an answer with this status has.</summary>
    public static TBuilder AnswersWith<TBuilder>(this TBuilder endpoint, int status, params string[] headers)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new ResponseHeaders(status, headers));

    /// <summary>The bytes that a 200 has.</summary>
    public static TBuilder SendsBytes<TBuilder>(this TBuilder endpoint, string contentType)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new SentBytes(contentType));
}

internal sealed record TakenBody(string ContentType, Type? Type);

internal sealed record TakenHeaders(bool Required, string[] Names);

internal sealed record SentBytes(string ContentType);

internal sealed record ResponseHeaders(int Status, string[] Names);
