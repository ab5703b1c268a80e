namespace CloudTab.Client;

/// <summary>The first message of a socket.</summary>
internal sealed record AuthenticateMessage(string Type, string ApiKey);

/// <summary>What every message has, and what those have that end a socket or an attempt.</summary>
/// <param name="RetryAfterMs">A pause that the relay asks for, in milliseconds.</param>
internal sealed record MessageHead(string? Type, string? Code, string? Message, double? RetryAfterMs);

internal sealed record AuthenticatedMessage(ShopkeeperView Shopkeeper);

internal sealed record ShopkeeperView(string Id, string Name);

/// <summary>The newest pending sessions.</summary>
/// <param name="More">Whether there are others.</param>
internal sealed record PendingMessage(IReadOnlyList<PendingSession> Sessions, bool More);
