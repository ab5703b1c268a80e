using CloudTab.Pages;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using CloudTab.UploadApi.Pages;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>The customers' pages: a form, which script makes more of, and what became of the files. All of it works without script.</summary>
internal static class PageEndpoints
{
    private const string NameField = "customerName";

    // A few fields for the print options of a file.
    private const int LargestFields = 16 << 10;

    public static void MapPages(this IEndpointRouteBuilder routes)
    {
        foreach (var prefix in (string[])["", "/s/{shop}"])
        {
            var group = routes.MapGroup(prefix).ExcludeFromDescription();
            group.MapGet("/", ShowForm);
            group.MapPost("/send", Send).TakesLargeBody().AddEndpointFilter(CreationRateLimit.SessionFilter);
            // Other apps share files with the installed page: without its service worker they arrive here.
            group.MapPost("/share", Send).TakesLargeBody().AddEndpointFilter(CreationRateLimit.SessionFilter);

            var session = group.MapGroup("/sessions/{sessionId}");
            session.MapGet("", ShowSession);
            session.MapGet("/add", ShowFormToAdd);
            session.MapPost("/send", Add).TakesLargeBody().AddEndpointFilter(CreationRateLimit.Filter);
            session.MapPost("/withdraw", Withdraw);
            session.MapPost("/files/{fileId}/remove", Remove).AddEndpointFilter(CreationRateLimit.Filter);
            session.MapPost("/files/{fileId}/options", ChangeOptions)
                .AddEndpointFilter(CreationRateLimit.Filter)
                .WithMetadata(new RequestSizeLimitAttribute(LargestFields));
        }

        routes.MapGet("/manifest.webmanifest", ShowManifest).ExcludeFromDescription();
        routes.MapGet("/sw.js", (HttpContext context) => BuiltAssets.ServeEntry(context, "sw")).ExcludeFromDescription();
    }

    private static async Task<RazorComponentResult> ShowForm(
        RequestedShop shop, Shops shops, IOptions<UploadOptions> options, CancellationToken cancellationToken)
    {
        if (await shops.FindAsync(shop.Id, cancellationToken) is not { } found)
            return Failed(Problems.ShopNotFound);
        return Form(FormView.For(shop, found, options.Value), found.AcceptsUploads ? null : Problems.ShopClosed, StatusCodes.Status200OK);
    }

    private static async Task<Results<JsonHttpResult<WebManifest>, Problem>> ShowManifest(
        Words words, Shops shops, IOptions<UploadOptions> options, CancellationToken cancellationToken, [FromQuery] string? shop = null)
    {
        var requested = shop is null ? new RequestedShop(Shops.Default, IsNamed: false) : new(RequestedShop.Parse(shop), IsNamed: true);
        return await shops.FindAsync(requested.Id, cancellationToken) is { } found
            ? TypedResults.Json(WebManifest.For(FormView.For(requested, found, options.Value), words.Language), JsonContext.Default.WebManifest, "application/manifest+json")
            : Problems.ShopNotFound;
    }

    private static async Task<RazorComponentResult> ShowSession(
        RequestedSession requested, HttpRequest request, CustomerViews views, Shops shops, CancellationToken cancellationToken)
    {
        return await views.FindAsync(requested, cancellationToken) is { } found && await shops.FindAsync(requested.Shop.Id, cancellationToken) is { } shop
            ? new RazorComponentResult<SessionPage>(
                new { Session = found.View, found.IsGone, found.DeletedAt, IsChanging = request.Query.ContainsKey(SessionPage.Change), Shop = shop, requested.Shop.Prefix })
            : Failed(Problems.SessionNotFound, requested);
    }

    private static async Task<RazorComponentResult> ShowFormToAdd(
        RequestedSession requested, CustomerViews views, Shops shops, IOptions<UploadOptions> options, CancellationToken cancellationToken)
    {
        var (form, refused) = await FindFormAsync(requested, views, shops, options.Value, cancellationToken);
        return form is null ? Failed(refused!, requested) : Form(form, problem: null, StatusCodes.Status200OK);
    }

    private static async Task<Results<SeeOther, RazorComponentResult>> Send(
        RequestedShop shop,
        HttpRequest request,
        PageUpload upload,
        Shops shops,
        IOptions<UploadOptions> options,
        Refusals refusals,
        CancellationToken cancellationToken)
    {
        if (await shops.FindAsync(shop.Id, cancellationToken) is not { } found)
            return Failed(Problems.ShopNotFound);
        if (await TrySendAsync(upload, () => upload.ReceiveAsync(shop.Id, request, NameField, cancellationToken)) is { } refused)
            return Refuse(FormView.For(shop, found, options.Value), refused, upload.Texts, refusals);
        return new SeeOther($"{shop.Prefix}/sessions/{upload.SessionId}");
    }

    private static async Task<Results<SeeOther, RazorComponentResult>> Add(
        RequestedSession requested,
        HttpRequest request,
        PageUpload upload,
        CustomerViews views,
        Shops shops,
        IOptions<UploadOptions> options,
        Refusals refusals,
        CancellationToken cancellationToken)
    {
        var (form, ended) = await FindFormAsync(requested, views, shops, options.Value, cancellationToken);
        if (form is null)
            return Failed(ended!, requested);
        if (await TrySendAsync(upload, () => upload.AddAsync(requested, request, NameField, cancellationToken)) is { } refused)
            return Refuse(form, refused, upload.Texts, refusals);
        return SessionOf(requested);
    }

    private static async Task<Results<SeeOther, RazorComponentResult>> Withdraw(
        RequestedSession requested, Sessions sessions, Removal removal, CancellationToken cancellationToken)
    {
        // A page that was loaded before the claim still has its button: a phone that slept, or one without script. What is on paper then would be paid by
        // nobody. A program that withdraws a claimed session knows what it does.
        var (outcome, session) = await sessions.CancelAsync(requested.Shop.Id, requested.Id, cancellationToken, onlyUnclaimed: true);
        if (outcome != Outcome.Done)
            return Failed(Problems.For(outcome), requested);
        await removal.TryRemoveAsync(session, cancellationToken);
        return SessionOf(requested);
    }

    private static async Task<Results<SeeOther, RazorComponentResult>> Remove(
        RequestedSession requested, string fileId, StoredFiles storedFiles, Removal removal, CancellationToken cancellationToken)
    {
        _ = Guid.TryParseExact(fileId, "D", out var file);
        var (outcome, session) = await storedFiles.TakeBackAsync(requested.Shop.Id, requested.Id, file, cancellationToken);
        if (outcome != Outcome.Done)
            return Failed(Problems.For(outcome), requested);
        await removal.TryRemoveAsync(session, cancellationToken);
        return SessionOf(requested);
    }

    private static async Task<Results<SeeOther, RazorComponentResult>> ChangeOptions(
        RequestedSession requested, string fileId, HttpRequest request, OptionChanges changes, CancellationToken cancellationToken)
    {
        if (await ReadFieldsAsync(request, cancellationToken) is not { } fields)
            return Failed(Problems.InvalidFileChange, requested);
        _ = Guid.TryParseExact(fileId, "D", out var file);
        var change = FormOptions.OfWholeForm(fields);
        var (outcome, _, fault) = await changes.ChangeAsync(requested.Shop.Id, requested.Id, file, change, cancellationToken);
        if (fault is not null)
            return Failed(Problems.InvalidPrintOptions(fault), requested);
        return outcome == Outcome.Done ? SessionOf(requested) : Failed(Problems.For(outcome), requested);
    }

    /// <summary>The fields of a form; null where the request has none that can be read.</summary>
    private static async Task<IFormCollection?> ReadFieldsAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return request.HasFormContentType ? await request.ReadFormAsync(cancellationToken) : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>The form that adds to a session, or why there is none.</summary>
    private static async Task<(FormView? Form, Problem? Refused)> FindFormAsync(
        RequestedSession requested, CustomerViews views, Shops shops, UploadOptions options, CancellationToken cancellationToken)
    {
        if (await views.FindAsync(requested, cancellationToken) is not { View: var session } || await shops.FindAsync(requested.Shop.Id, cancellationToken) is not { } shop)
            return (null, Problems.SessionNotFound);
        return session.Status is "open" or "pending" or "processing" ? (FormView.For(requested.Shop, shop, options, session), null) : (null, Problems.SessionClosed);
    }

    private static async Task<Problem?> TrySendAsync(PageUpload upload, Func<Task<Problem?>> receive)
    {
        await using (upload)
        {
            try
            {
                return await receive();
            }
            catch (BadHttpRequestException malformed)
            {
                return malformed.StatusCode switch
                {
                    StatusCodes.Status408RequestTimeout => Problems.TimedOut,
                    StatusCodes.Status429TooManyRequests => Problems.TooManyBytes,
                    _ => Problems.NotMultipart,
                };
            }
            catch (Exception outage) when (Outage.Is(outage))
            {
                return Problems.Unavailable;
            }
        }
    }

    private static SeeOther SessionOf(RequestedSession requested) => new($"{requested.Shop.Prefix}/sessions/{requested.Id}");

    /// <summary>The form once more, as it was filled in, but for its files: browsers keep those to themselves.</summary>
    private static RazorComponentResult<FormPage> Refuse(FormView form, Problem problem, IReadOnlyDictionary<string, string> texts, Refusals refusals)
    {
        refusals.Count(problem.Code);
        var options = PrintOptionsChange.FromFields(texts)?.Apply(form.Options, form.Shop.Offer).Options ?? form.Options;
        return Form(form with { CustomerName = texts.GetValueOrDefault(NameField), Options = options }, problem, problem.Status);
    }

    private static RazorComponentResult<FormPage> Form(FormView form, Problem? problem, int status) =>
        new(new { Form = form with { Problem = problem } }) { StatusCode = status };

    private static RazorComponentResult<ProblemPage> Failed(Problem problem, RequestedSession? session = null)
    {
        // Without the session there is still the form, to send the files again.
        var back = session is not { } from ? null : problem.Code == Problems.SessionNotFound.Code ? $"{from.Shop.Prefix}/" : $"{from.Shop.Prefix}/sessions/{from.Id}";
        return new(new { problem.Status, problem.Code, problem.Detail, Back = back }) { StatusCode = problem.Status };
    }
}
