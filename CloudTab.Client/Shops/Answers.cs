namespace CloudTab.Client;

// What the relay wraps around its answers to a shop.
internal sealed record SessionAnswer(SessionDetails Session);

internal sealed record ProcessingAnswer(IReadOnlyList<ProcessingSession> Sessions);

internal sealed record FileLinkAnswer(FileLink File);

internal sealed record TicketAnswer(string Ticket, int ExpiresIn);

internal sealed record KeysAnswer(IReadOnlyList<ShopKey> Keys);

internal sealed record KeyName(string Name);

internal sealed record OfferAnswer(Offer Offer);
