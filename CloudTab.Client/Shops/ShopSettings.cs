using System.Text.Json.Serialization;

namespace CloudTab.Client;

/// <summary>What a shop says of itself.</summary>
/// <param name="AcceptsUploads">Whether customers may send files.</param>
/// <param name="CustomerUrl">Where its customers send their files.</param>
public sealed record ShopSettings(string Id, string Name, bool AcceptsUploads, Uri CustomerUrl);

/// <summary>What a shop changes of itself; what is null stays.</summary>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="AcceptsUploads">False ends sessions that were not submitted.</param>
public sealed record ShopChange(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Name = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? AcceptsUploads = null);

/// <summary>What may be shown of a key.</summary>
/// <param name="Prefix">The first characters of its text.</param>
/// <param name="LastUsedAt">Null if it was never used.</param>
/// <param name="RevokedAt">Null if it was not revoked.</param>
/// <param name="Current">Whether it is the client's own.</param>
/// <param name="Device">Whether it is for a print agent, and opens only what that needs.</param>
public sealed record ShopKey(Guid Id, string Name, string Prefix, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt, DateTimeOffset? RevokedAt, bool Current, bool Device = false);

/// <summary>A key that was made.</summary>
/// <param name="Key">Its text: the relay shows it this once.</param>
public sealed record NewShopKey(string Key, Guid Id, string Name, string Prefix, DateTimeOffset CreatedAt);

/// <summary>What a browser's socket authenticates with.</summary>
/// <param name="Value">Good once, on any replica.</param>
/// <param name="Lifetime">From now on.</param>
public sealed record SocketTicket(string Value, TimeSpan Lifetime);

/// <summary>A link to a file's bytes, which needs no key and is good for five minutes.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="Sha256">64 hexadecimal digits.</param>
public sealed record FileLink(Guid Id, string Name, string Type, long Size, string Sha256, Uri DownloadUrl);
