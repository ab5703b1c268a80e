using System.Net;
using System.Reflection;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.Metadata;

namespace CloudTab.UploadApi;

/// <summary>The shop that a request means: the one in its path (`/s/{shop}/…`), else the default shop.</summary>
/// <param name="Id">Id of the shop. It is empty, as no shop's id is, if the path names what no shop can be called.</param>
/// <param name="IsNamed">Whether the path names it.</param>
internal readonly record struct RequestedShop(string Id, bool IsNamed)
{
    private const int LongestId = 63;

    /// <summary>What stands before the paths of this shop's endpoints.</summary>
    public string Prefix => IsNamed ? $"/s/{Id}" : "";

    /// <summary>The shop of a request.</summary>
    public static RequestedShop Of(HttpContext context) =>
        context.GetRouteValue("shop") is string named ? new(Parse(named), true) : new(Shops.Default, false);

    /// <summary>Called by the framework to make a handler's parameter.</summary>
    public static ValueTask<RequestedShop> BindAsync(HttpContext context) => ValueTask.FromResult(Of(context));

    /// <summary>The text as an id that a shop may have; empty if no shop can have it.</summary>
    public static string Parse(string text) =>
        text.Length is > 0 and <= LongestId && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') ? text : "";
}

/// <summary>The session that a request's path names.</summary>
/// <param name="Id">The session id. It is empty, so that no session is found, if the path holds what no session id can be.</param>
/// <param name="Client">The address that asks for it.</param>
internal readonly record struct RequestedSession(RequestedShop Shop, string Id, IPAddress Client) : IEndpointParameterMetadataProvider
{
    /// <summary>Called by the framework to make a handler's parameter.</summary>
    public static ValueTask<RequestedSession> BindAsync(HttpContext context) => ValueTask.FromResult(
        new RequestedSession(
            RequestedShop.Of(context), context.GetRouteValue("sessionId") is string id && SessionId.IsWellFormed(id) ? id : "", ClientNetwork.Of(context)));

    /// <summary>Called by the framework for every endpoint with such a parameter.</summary>
    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) => builder.Metadata.Add(Problems.SessionNotFound);
}

/// <summary>The upload that a request's path names.</summary>
/// <param name="Id">The upload id. It is empty, so that no upload is found, if the path holds what no upload id can be.</param>
/// <param name="Client">The address that asks for it.</param>
internal readonly record struct RequestedUpload(RequestedShop Shop, string Id, IPAddress Client) : IEndpointParameterMetadataProvider
{
    /// <summary>Called by the framework to make a handler's parameter.</summary>
    public static ValueTask<RequestedUpload> BindAsync(HttpContext context) => ValueTask.FromResult(
        new RequestedUpload(
            RequestedShop.Of(context), context.GetRouteValue("uploadId") is string id && UploadId.IsWellFormed(id) ? id : "", ClientNetwork.Of(context)));

    /// <summary>Called by the framework for every endpoint with such a parameter.</summary>
    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) => builder.Metadata.Add(Problems.UploadNotFound);
}
