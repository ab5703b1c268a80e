using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudTab.Client;

/// <summary>Everything that goes over the wire as JSON.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(PrintOptionsChange))]
[JsonSerializable(typeof(NewSession))]
[JsonSerializable(typeof(CreatedSession))]
[JsonSerializable(typeof(UploadAnswer))]
[JsonSerializable(typeof(StatusAnswer))]
[JsonSerializable(typeof(FileChange))]
[JsonSerializable(typeof(FileAnswer))]
[JsonSerializable(typeof(ShopStatus))]
[JsonSerializable(typeof(PendingPage))]
[JsonSerializable(typeof(ProcessingAnswer))]
[JsonSerializable(typeof(SessionAnswer))]
[JsonSerializable(typeof(FileLinkAnswer))]
[JsonSerializable(typeof(TicketAnswer))]
[JsonSerializable(typeof(KeysAnswer))]
[JsonSerializable(typeof(KeyName))]
[JsonSerializable(typeof(NewShopKey))]
[JsonSerializable(typeof(ShopSettings))]
[JsonSerializable(typeof(ShopChange))]
[JsonSerializable(typeof(Offer))]
[JsonSerializable(typeof(OfferAnswer))]
[JsonSerializable(typeof(AuthenticateMessage))]
[JsonSerializable(typeof(MessageHead))]
[JsonSerializable(typeof(AuthenticatedMessage))]
[JsonSerializable(typeof(PendingMessage))]
[JsonSerializable(typeof(SessionAnnounced))]
[JsonSerializable(typeof(SessionUpdated))]
internal sealed partial class JsonContext : JsonSerializerContext;
