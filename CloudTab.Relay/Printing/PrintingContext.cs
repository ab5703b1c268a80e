using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudTab.Relay;

/// <summary>Print options, offers and limits as they are stored, and files as they are read: as clients see them.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, NumberHandling = JsonNumberHandling.Strict)]
[JsonSerializable(typeof(PrintOptions))]
[JsonSerializable(typeof(List<PrintOptions>))]
[JsonSerializable(typeof(Offer))]
[JsonSerializable(typeof(OwnLimits))]
[JsonSerializable(typeof(IReadOnlyList<FileDetails>))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(IReadOnlyList<AgentPrinter>))]
[JsonSerializable(typeof(Print))]
[JsonSerializable(typeof(List<ListedPrint>))]
internal sealed partial class PrintingContext : JsonSerializerContext;
