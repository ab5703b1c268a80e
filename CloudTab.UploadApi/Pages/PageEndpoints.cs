using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using CloudTab.UploadApi.Pages;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace CloudTab.UploadApi;

/// <summary>The pages for customers without script: a form, and what became of it.</summary>
internal static class PageEndpoints
{
    private const string NameField = "customerName";

    public static void MapPages(this IEndpointRouteBuilder routes)
    {
        foreach (var prefix in (string[])["", "/s/{shop}"])
        {
            var group = routes.MapGroup(prefix).ExcludeFromDescription();
            group.MapGet("/", ShowForm);
            group.MapPost("/send", Send)
                .TakesLargeBody()
                .RequireRateLimiting(SessionRateLimit.Sessions);
            group.MapGet("/sessions/{sessionId}", ShowSession);
        }
    }

    private static async Task<RazorComponentResult> ShowForm(
        RequestedShop shop, Shops shops, IOptions<UploadOptions> options, CancellationToken cancellationToken)
    {
        if (await shops.FindAsync(shop.Id, cancellationToken) is not { } found)
            return NotFound(Problems.ShopNotFound);
        return Form(shop, found, options.Value, found.AcceptsUploads ? null : Problems.ShopClosed, StatusCodes.Status200OK);
    }

    private static async Task<RazorComponentResult> ShowSession(
        RequestedSession requested, CustomerViews views, CancellationToken cancellationToken)
    {
        return await views.FindAsync(requested, cancellationToken) is { } found
            ? new RazorComponentResult<SessionPage>(new { Session = found.View, Home = $"{requested.Shop.Prefix}/" })
            : NotFound(Problems.SessionNotFound);
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
            return NotFound(Problems.ShopNotFound);
        var refused = await TrySendAsync(upload, found, request, cancellationToken);
        if (refused is null)
            return new SeeOther($"{shop.Prefix}/sessions/{upload.SessionId}");
        refusals.Count(refused.Code);
        return Form(shop, found, options.Value, refused, refused.Status);
    }

    private static async Task<Problem?> TrySendAsync(
        PageUpload upload, ShopStatus shop, HttpRequest request, CancellationToken cancellationToken)
    {
        await using (upload)
        {
            try
            {
                return await upload.ReceiveAsync(shop.Id, request, NameField, cancellationToken);
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

    private static RazorComponentResult<NotFoundPage> NotFound(Problem problem) =>
        new(new { problem.Detail }) { StatusCode = problem.Status };

    private static RazorComponentResult<FormPage> Form(RequestedShop shop, ShopStatus found, UploadOptions options, Problem? problem, int status)
    {
        var limits = options.For(found.Limits);
        return new(new
        {
            ShopName = found.Name,
            Action = $"{shop.Prefix}/send",
            Accept = string.Join(',', options.Accepted),
            MaxFiles = limits.Files,
            MaxFileSize = limits.FileSize,
            problem?.Detail,
        })
        {
            StatusCode = status,
        };
    }
}
