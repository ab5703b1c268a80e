using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace CloudTab.ShopApi;

/// <summary>How much the shop lets its customers send: what its operator's `shop limit` verb does, by the shop itself and never beyond that.</summary>
internal static class LimitEndpoints
{
    private const long LargestBody = 4 << 10;

    public static RouteGroupBuilder MapLimits(this RouteGroupBuilder group)
    {
        var limits = group.MapGroup("/limits").WithTags("Limits").ForPeople();
        limits.MapGet("", Get).WithSummary("Look at how much customers may send").AnswersWith(200, "ETag").Answers(Problems.ApiKeyInvalid);
        limits.MapPut("", Put).WithSummary("Set how much customers may send")
            .WithDescription("What is null or missing is left to the relay's operator. What customers have sent already stays.")
            .WithMetadata(new RequestSizeLimitAttribute(LargestBody))
            .Allows("If-Match").AnswersWith(200, "ETag")
            .Answers(
                Problems.ChangedMeanwhile,
                Problems.InvalidLimits("files must be a whole number from 1 to 50, which this relay's operator allows, or null."),
                Failures.Of(400), Failures.Of(408), Failures.Of(413));
        return group;
    }

    private static async Task<Results<Ok<LimitsAnswer>, Problem>> Get(
        Shopkeeper caller, HttpResponse response, ShopSettings settings, IOptions<LimitOptions> options, CancellationToken cancellationToken)
    {
        return await settings.FindLimitsAsync(caller.Shop, cancellationToken) is { } limits
            ? Answer(response, limits.OwnLimits, MostOf(limits, options.Value))
            : Problems.ApiKeyInvalid;
    }

    private static async Task<Results<Ok<LimitsAnswer>, Problem>> Put(
        Shopkeeper caller, HttpContext context, OwnLimits limits, ShopSettings settings, IOptions<LimitOptions> options, CancellationToken cancellationToken)
    {
        if (await settings.FindLimitsAsync(caller.Shop, cancellationToken) is not { } before)
            return Problems.ApiKeyInvalid;
        // If the operator lowers its own meanwhile, they still hold: of both the lower one counts.
        var most = MostOf(before, options.Value);
        if (limits.WhyInvalid(most) is { } reason)
            return Problems.InvalidLimits(reason);
        if (!context.Request.Expects(TextOf(before.OwnLimits, most)))
            return Problems.ChangedMeanwhile;
        var outcome = await settings.SetLimitsAsync(caller.Key, limits, context.Request.IsConditional() ? before.OwnLimits : null, cancellationToken);
        return outcome == Outcome.Done ? Answer(context.Response, limits, most) : Problems.For(outcome);
    }

    private static Ok<LimitsAnswer> Answer(HttpResponse response, OwnLimits limits, UploadLimits most)
    {
        response.AddTag(TextOf(limits, most));
        return TypedResults.Ok(new LimitsAnswer(true, limits, most));
    }

    private static string TextOf(OwnLimits limits, UploadLimits most) => $"{limits.ToJson()} {most}";

    private static UploadLimits MostOf(StoredLimits limits, LimitOptions options) => options.For(limits.Limits with { Own = null });
}

/// <summary>How much a shop lets its customers send, and the most that the relay's operator allows. A limit that is null is the operator's.</summary>
internal sealed record LimitsAnswer(bool Success, OwnLimits Limits, UploadLimits Most);
