using System.Reflection;
using System.Security.Claims;
using System.Text.Encodings.Web;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.Options;

namespace CloudTab.ShopApi;

/// <summary>
/// A shop's key on every call of a shopkeeper: in the header `X-API-Key`, or as the cookie of a browser that the key has signed in. A browser
/// adds the cookie to requests of any page, so what changes something must come from a page of our own.
/// </summary>
internal sealed class ApiKeyAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder,
    ApiKeys keys,
    SignIns signIns) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "ApiKey";
    public const string Header = "X-API-Key";

    private Problem _refusal = Problems.ApiKeyRequired;
    private TimeSpan? _wait;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        // The middleware asks for every request, and where the services are one process not all are for shops.
        if (Context.GetEndpoint()?.Metadata.GetMetadata<IEndpointGroupNameMetadata>()?.EndpointGroupName != ShopkeeperDocument.Name)
            return Task.FromResult(AuthenticateResult.NoResult());
        if (Request.Headers[Header] is [{ Length: > 0 } text])
            return FindKeyAsync(HeaderBytes.AsText(text));
        return SignInCookie.Read(Request) is { } secret ? FindSignInAsync(secret) : Task.FromResult(AuthenticateResult.NoResult());
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (_wait is { } wait)
            Response.SetRetryAfter(wait);
        if (_refusal.Status == StatusCodes.Status401Unauthorized)
            Response.Headers.WWWAuthenticate = SchemeName; // RFC 9110, section 15.5.2: a 401 must name a challenge.
        return _refusal.ExecuteAsync(Context);
    }

    private async Task<AuthenticateResult> FindKeyAsync(string text)
    {
        (var key, _wait) = await keys.FindAsync(text, ClientNetwork.Of(Context), Context.RequestAborted);
        if (_wait is not null)
            return Refuse(Problems.TooManyWrongKeys);
        return key is null ? Refuse(Problems.ApiKeyInvalid) : Accept(key);
    }

    private async Task<AuthenticateResult> FindSignInAsync(string secret)
    {
        if (!IsSafe(Request.Method) && !Request.IsFromOwnPage())
            return Refuse(Problems.CrossSiteRequest);
        var key = await signIns.FindAsync(secret, Context.RequestAborted);
        return key is null ? Refuse(Problems.SignedOut) : Accept(key);
    }

    private AuthenticateResult Accept(ShopKey key)
    {
        Context.Features.Set(new Shopkeeper(key));
        var identity = new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, key.Id.ToString())], SchemeName);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    private AuthenticateResult Refuse(Problem refusal)
    {
        _refusal = refusal;
        return AuthenticateResult.Fail(refusal.Title);
    }

    /// <summary>RFC 9110, section 9.2.1.</summary>
    internal static bool IsSafe(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method);
}

/// <summary>What only people do.</summary>
internal static class People
{
    /// <summary>Refuses the keys of devices.</summary>
    public static TBuilder ForPeople<TBuilder>(this TBuilder endpoints)
        where TBuilder : IEndpointConventionBuilder => endpoints
        .AddEndpointFilter(static (context, next) => Shopkeeper.Of(context.HttpContext) is { Key.IsDevice: true } ? new(Problems.DeviceKey) : next(context))
        .Answers(Problems.DeviceKey);
}

/// <summary>Who calls: the key, and with it the shop that everything is scoped to.</summary>
internal sealed record Shopkeeper(ShopKey Key) : IEndpointParameterMetadataProvider
{
    public string Shop => Key.Shop;

    /// <summary>The shopkeeper of a request, or null if it shows no key.</summary>
    public static Shopkeeper? Of(HttpContext context) => context.Features.Get<Shopkeeper>();

    /// <summary>Called by the framework to make a handler's parameter.</summary>
    public static ValueTask<Shopkeeper?> BindAsync(HttpContext context) => ValueTask.FromResult(Of(context));

    /// <summary>Called by the framework for every endpoint with such a parameter.</summary>
    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder)
    {
        foreach (var problem in (Problem[])[Problems.ApiKeyRequired, Problems.ApiKeyInvalid, Problems.SignedOut, Problems.TooManyWrongKeys])
            builder.Metadata.Add(problem);
        if (builder.Metadata.OfType<HttpMethodMetadata>().Any(method => !method.HttpMethods.All(ApiKeyAuthentication.IsSafe)))
            builder.Metadata.Add(Problems.CrossSiteRequest);
    }
}
