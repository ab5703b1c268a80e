using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using CloudTab.ShopApi.Pages;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace CloudTab.ShopApi;

/// <summary>The shop's pages. A browser signs in with the shop's key once, and from then on shows its cookie.</summary>
internal static class PageEndpoints
{
    private const string Home = "/shop";

    // A form with the longest key, each character of it encoded.
    private const int LargestForm = 4 * ApiKeys.LongestKey * 3;

    public static void MapPages(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup(Home).ExcludeFromDescription().AddEndpointFilter(AddHeadersAsync);
        group.MapGet("", Show);
        group.MapPost("/sign-in", SignIn).DisableAntiforgery().WithMetadata(new RequestSizeLimitAttribute(LargestForm));
        group.MapPost("/sign-out", SignOut);
    }

    /// <summary>By "no-referrer", which all other answers have, browsers send the Origin of a form as `null`: we could not tell it from others'.</summary>
    private static ValueTask<object?> AddHeadersAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        context.HttpContext.Response.Headers["Referrer-Policy"] = "same-origin";
        return next(context);
    }

    private static RazorComponentResult Show(HttpContext context) =>
        Shopkeeper.Of(context) is { } caller ? new RazorComponentResult<ShopPage>(new { caller.Key.ShopName }) : Form(context, problem: null);

    private static async Task<Results<SeeOther, RazorComponentResult>> SignIn(
        HttpContext context, [FromForm] string? apiKey, ApiKeys keys, SignIns signIns, CancellationToken cancellationToken)
    {
        // Else another site could sign the browser in to a shop of its own, and see what is done there.
        if (!context.Request.IsFromOwnPage())
            return Form(context, Problems.CrossSiteRequest);
        var (key, wait) = await keys.FindAsync(apiKey?.Trim() ?? "", ClientNetwork.Of(context), cancellationToken);
        if (wait is { } time)
        {
            context.Response.Headers.RetryAfter = KeyWait.InSeconds(time);
            return Form(context, Problems.TooManyWrongKeys);
        }

        if (key is null)
            return Form(context, Problems.ApiKeyInvalid);
        if (Shopkeeper.Of(context)?.Key.SignIn is { } before)
            await signIns.EndAsync(before, cancellationToken);
        SignInCookie.Write(context, await signIns.CreateAsync(key, cancellationToken));
        return new SeeOther(Home);
    }

    private static async Task<Results<SeeOther, RazorComponentResult>> SignOut(HttpContext context, SignIns signIns, CancellationToken cancellationToken)
    {
        if (!context.Request.IsFromOwnPage())
            return Form(context, Problems.CrossSiteRequest);
        if (Shopkeeper.Of(context)?.Key.SignIn is { } signIn)
            await signIns.EndAsync(signIn, cancellationToken);
        SignInCookie.Delete(context);
        return new SeeOther(Home);
    }

    private static RazorComponentResult<SignInPage> Form(HttpContext context, Problem? problem)
    {
        if (problem is not null)
            context.RequestServices.GetRequiredService<Refusals>().Count(problem.Code);
        if (problem?.Status == StatusCodes.Status401Unauthorized)
            context.Response.Headers.WWWAuthenticate = ApiKeyAuthentication.SchemeName;
        return new(new { Problem = problem }) { StatusCode = problem?.Status ?? StatusCodes.Status200OK };
    }
}
