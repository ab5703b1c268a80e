using CloudTab.Pages;
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

    // Those that are served next. The script asks for the others.
    private const int PendingLimit = 100;

    // A form with the longest key, each character of it encoded.
    private const int LargestForm = 4 * ApiKeys.LongestKey * 3;

    public static void MapPages(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup(Home).ExcludeFromDescription().AddEndpointFilter(AddHeadersAsync);
        foreach (var view in (string[])["", "/day", "/settings"])
            group.MapGet(view, Show);
        group.MapGet("/preview", ShowPreview);
        group.MapGet("/poster", ShowPoster);
        group.MapPost("/sign-in", SignIn).DisableAntiforgery().WithMetadata(new RequestSizeLimitAttribute(LargestForm));
        group.MapPost("/sign-out", SignOut);
    }

    /// <summary>By "no-referrer", which all other answers have, browsers send the Origin of a form as `null`: we could not tell it from others'.</summary>
    private static ValueTask<object?> AddHeadersAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        context.HttpContext.Response.Headers["Referrer-Policy"] = "same-origin";
        return next(context);
    }

    private static async Task<RazorComponentResult> Show(
        HttpContext context, SessionViews views, ShopSettings settings, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (Shopkeeper.Of(context) is not { Key: var key } || await settings.FindAsync(key, cancellationToken) is not { } shop)
            return Form(context, problem: null);
        if (await views.NextAsync(key, PendingLimit, cancellationToken) is not { } pending)
            return Form(context, problem: null);
        var processing = await views.ProcessingAsync(key, cancellationToken);
        var languages = Words.All.Select(words => new Language(words.Language, words["language"]));
        return new RazorComponentResult<ShopPage>(new
        {
            Beginning = new QueueBeginning(clock.Now(), shop, pending, processing, [.. languages]),
            IsQueue = context.Request.Path == Home,
        });
    }

    /// <summary>
    /// The frame that shows a customer's file. Its policy takes its origin away, so that whatever a file might do to the program that reads it, the
    /// shop's session is out of reach. It loads our own program and nothing else. `allow-modals` is what printing needs.
    /// </summary>
    private static RazorComponentResult<PreviewPage> ShowPreview(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = "sandbox allow-scripts allow-modals; default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
            + "connect-src 'self'; worker-src blob:; img-src blob: data:; font-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
        response.Headers.XFrameOptions = "SAMEORIGIN";
        return new();
    }

    /// <summary>What the shop prints and puts on its counter: its address as a QR code.</summary>
    private static RazorComponentResult ShowPoster(HttpContext context)
    {
        return Shopkeeper.Of(context) is { Key: var key }
            ? new RazorComponentResult<PosterPage>(new { key.ShopName, CustomerUrl = ShopEndpoints.CustomerUrl(context.Request, key.Shop) })
            : Form(context, problem: null);
    }

    private static async Task<Results<SeeOther, RazorComponentResult>> SignIn(
        HttpContext context, [FromForm] string? apiKey, ApiKeys keys, SignIns signIns, CancellationToken cancellationToken)
    {
        // Else another site could sign the browser in to a shop of its own, and see what is done there.
        if (!context.Request.IsFromOwnPage())
            return Form(context, Problems.CrossSiteRequest);
        var (key, wait) = await keys.FindAsync(apiKey?.Trim() ?? "", ClientNetwork.Of(context), cancellationToken);
        if (wait is { } time)
        {
            context.Response.SetRetryAfter(time);
            return Form(context, Problems.TooManyWrongKeys);
        }

        if (key is null)
            return Form(context, Problems.ApiKeyInvalid);
        if (key.IsDevice)
            return Form(context, Problems.DeviceKey);
        if (SignInCookie.IsDiscarded(context.Request))
            return Form(context, Problems.HttpsRequired);
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

/// <summary>What the shop's page begins with, for its script: the relay's time, and what waits, in the order in which it was submitted.</summary>
public sealed record QueueBeginning(
    DateTimeOffset Now, OwnShop Shop, IReadOnlyList<PendingSession> Pending, IReadOnlyList<ProcessingSession> Processing, IReadOnlyList<Language> Languages);

/// <summary>A language that the pages speak: its tag, and its own name.</summary>
public sealed record Language(string Tag, string Name);
