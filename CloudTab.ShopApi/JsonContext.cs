using System.Text.Json;
using System.Text.Json.Serialization;
using CloudTab.Relay;

namespace CloudTab.ShopApi;

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, NumberHandling = JsonNumberHandling.Strict)]
[JsonSerializable(typeof(PendingSessions))]
[JsonSerializable(typeof(ProcessingSessions))]
[JsonSerializable(typeof(SessionView))]
[JsonSerializable(typeof(QueueBeginning))]
[JsonSerializable(typeof(Answer))]
[JsonSerializable(typeof(FileLinkView))]
[JsonSerializable(typeof(TicketView))]
[JsonSerializable(typeof(DaySheetView))]
[JsonSerializable(typeof(FinishedJobs))]
[JsonSerializable(typeof(NewKey))]
[JsonSerializable(typeof(NewKeyView))]
[JsonSerializable(typeof(KeysView))]
[JsonSerializable(typeof(ShopChange))]
[JsonSerializable(typeof(ShopView))]
[JsonSerializable(typeof(OfferAnswer))]
[JsonSerializable(typeof(GiveBack))]
[JsonSerializable(typeof(Payment))]
[JsonSerializable(typeof(PrintReport))]
[JsonSerializable(typeof(PrintAnswer))]
[JsonSerializable(typeof(PrintsView))]
[JsonSerializable(typeof(AgentReport))]
[JsonSerializable(typeof(AgentsView))]
[JsonSerializable(typeof(LimitsAnswer))]
internal sealed partial class JsonContext : JsonSerializerContext;
