using System.Text.Json.Serialization;

namespace CloudTab.ServiceDefaults;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HealthView))]
[JsonSerializable(typeof(CardView))]
internal sealed partial class EntranceContext : JsonSerializerContext;
