using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace CloudTab.ShopApi;

/// <summary>What the shop prints, and for how much.</summary>
internal static class OfferEndpoints
{
    private const long LargestBody = 16 << 10;

    public static RouteGroupBuilder MapOffer(this RouteGroupBuilder group)
    {
        var offer = group.MapGroup("/offer").WithTags("Offer").ForPeople();
        offer.MapGet("", Get).WithSummary("Look at what the shop prints, and for how much").AnswersWith(200, "ETag").Answers(Problems.ApiKeyInvalid);
        offer.MapPut("", Put).WithSummary("Set what the shop prints, and for how much")
            .WithDescription("Jobs that were sent before keep the prices that their customers were told.")
            .WithMetadata(new RequestSizeLimitAttribute(LargestBody))
            .Allows("If-Match").AnswersWith(200, "ETag")
            .Answers(Problems.InvalidOffer("currency must be three letters of ISO 4217, such as INR."), Problems.ChangedMeanwhile, Failures.Of(400), Failures.Of(408), Failures.Of(413));
        return group;
    }

    private static async Task<Results<Ok<OfferAnswer>, Problem>> Get(Shopkeeper caller, HttpResponse response, Offers offers, CancellationToken cancellationToken)
    {
        return await offers.FindAsync(caller.Shop, cancellationToken) is { } offer ? Answer(response, offer) : Problems.ApiKeyInvalid;
    }

    private static async Task<Results<Ok<OfferAnswer>, Problem>> Put(Shopkeeper caller, HttpContext context, Offer offer, Offers offers, CancellationToken cancellationToken)
    {
        if (offer.WhyInvalid() is { } reason)
            return Problems.InvalidOffer(reason);
        var before = context.Request.IsConditional() ? await offers.FindAsync(caller.Shop, cancellationToken) : null;
        if (before is not null && !context.Request.Expects(before.ToJson()))
            return Problems.ChangedMeanwhile;
        var outcome = await offers.SetAsync(caller.Key, offer, before, cancellationToken);
        return outcome == Outcome.Done ? Answer(context.Response, offer) : Problems.For(outcome);
    }

    private static Ok<OfferAnswer> Answer(HttpResponse response, Offer offer)
    {
        response.AddTag(offer.ToJson());
        return TypedResults.Ok(new OfferAnswer(true, offer));
    }
}

/// <summary>A shop's offer.</summary>
internal sealed record OfferAnswer(bool Success, Offer Offer);
