using System.Globalization;
using System.Reflection;
using System.Security.Claims;
using System.Text.Encodings.Web;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.Options;

namespace CloudTab.ShopApi;

/// <summary>The header `X-API-Key` on every call of a shopkeeper.</summary>
internal sealed class ApiKeyAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder,
    ApiKeys keys) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "ApiKey";
    public const string Header = "X-API-Key";

    private Problem _refusal = Problems.ApiKeyRequired;
    private TimeSpan? _wait;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Headers[Header] is not [{ Length: > 0 } text])
            return AuthenticateResult.NoResult();

        (var key, _wait) = await keys.FindAsync(HeaderBytes.AsText(text), ClientNetwork.Of(Context.Connection.RemoteIpAddress), Context.RequestAborted);
        if (_wait is not null)
            return Refuse(Problems.TooManyWrongKeys);
        if (key is null)
            return Refuse(Problems.ApiKeyInvalid);

        Context.Features.Set(new Shopkeeper(key));
        var identity = new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, key.Id.ToString())], SchemeName);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (_wait is { } wait)
            Response.Headers.RetryAfter = Math.Max(1, Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        else
            Response.Headers.WWWAuthenticate = SchemeName; // RFC 9110, section 15.5.2: a 401 must name a challenge.
        return _refusal.ExecuteAsync(Context);
    }

    private AuthenticateResult Refuse(Problem refusal)
    {
        _refusal = refusal;
        return AuthenticateResult.Fail(refusal.Title);
    }
}

/// <summary>Who calls: the key, and with it the shop that everything is scoped to.</summary>
internal sealed record Shopkeeper(ShopKey Key) : IEndpointParameterMetadataProvider
{
    public string Shop => Key.Shop;

    /// <summary>Called by the framework to make a handler's parameter.</summary>
    public static ValueTask<Shopkeeper?> BindAsync(HttpContext context) => ValueTask.FromResult(context.Features.Get<Shopkeeper>());

    /// <summary>Called by the framework for every endpoint with such a parameter.</summary>
    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder)
    {
        foreach (var problem in (Problem[])[Problems.ApiKeyRequired, Problems.ApiKeyInvalid, Problems.TooManyWrongKeys])
            builder.Metadata.Add(problem);
    }
}
