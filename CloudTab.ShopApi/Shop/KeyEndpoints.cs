using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.ShopApi;

/// <summary>The keys of a shop: what its operator's `key` verbs do, by the shop itself.</summary>
internal static class KeyEndpoints
{
    public static RouteGroupBuilder MapKeys(this RouteGroupBuilder group)
    {
        var keys = group.MapGroup("/keys").WithTags("Keys").ForPeople();
        keys.MapGet("", List).WithSummary("List the shop's keys, oldest first, and the hundred that were revoked last");
        keys.MapPost("", Add).WithSummary("Add a key: this answer alone shows it").Answers(Problems.InvalidName, Problems.TooManyKeys);
        keys.MapDelete("/{keyId}", Revoke).WithSummary("Revoke a key, at once and for good").Answers(Problems.KeyNotFound, Problems.LastKey);
        return group;
    }

    private static async Task<Ok<KeysView>> List(Shopkeeper caller, ApiKeys keys, CancellationToken cancellationToken)
    {
        var listed = await keys.ListAsync(caller.Shop, cancellationToken);
        return TypedResults.Ok(new KeysView(true, [.. listed.Select(key => KeyView.Of(key, caller))]));
    }

    private static async Task<Results<Created<NewKeyView>, Problem>> Add(Shopkeeper caller, NewKey wanted, ApiKeys keys, CancellationToken cancellationToken)
    {
        if (!DisplayName.TryClean(wanted.Name, out var name) || name is null)
            return Problems.InvalidName;
        if (await keys.AddAsync(caller.Key, name, wanted.Device, cancellationToken) is not var (text, added))
            return Problems.TooManyKeys;
        return TypedResults.Created((string?)null, new NewKeyView(true, text, added.Id, added.Name, added.Prefix, added.CreatedAt));
    }

    private static async Task<Results<NoContent, Problem>> Revoke(Shopkeeper caller, string keyId, ApiKeys keys, CancellationToken cancellationToken)
    {
        var revocation = Guid.TryParse(keyId, out var key) ? await keys.RevokeAsync(caller.Key, key, cancellationToken) : KeyRevocation.NotFound;
        return revocation switch
        {
            KeyRevocation.NotFound => Problems.KeyNotFound,
            KeyRevocation.Last => Problems.LastKey,
            KeyRevocation.CallerRevoked => Problems.ApiKeyInvalid,
            _ => TypedResults.NoContent(),
        };
    }
}

/// <summary>A key that a shop wants.</summary>
/// <param name="Name">What it is for, e.g. the PC it is used on: 1 to 200 characters.</param>
/// <param name="Device">Whether it is for a print agent: such a key does jobs, changes nothing of its shop, and signs nobody in.</param>
internal sealed record NewKey(string Name, bool Device = false);

/// <summary>A key that was made. `key` is its text: it is shown this once.</summary>
internal sealed record NewKeyView(bool Success, string Key, Guid Id, string Name, string Prefix, DateTime CreatedAt);

/// <summary>The keys of a shop, oldest first.</summary>
internal sealed record KeysView(bool Success, IReadOnlyList<KeyView> Keys);

/// <summary>What may be shown of a key; `current` is the one that asks, `device` one for a print agent. Times are null if it was never used, or not revoked.</summary>
internal sealed record KeyView(Guid Id, string Name, string Prefix, DateTime CreatedAt, DateTime? LastUsedAt, DateTime? RevokedAt, bool Current, bool Device)
{
    public static KeyView Of(ListedKey key, Shopkeeper caller) =>
        new(key.Id, key.Name, key.Prefix, key.CreatedAt, key.LastUsedAt, key.RevokedAt, key.Id == caller.Key.Id, key.Device);
}
