using System.Text.Json.Serialization;

namespace CloudTab.Gateway;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HealthView))]
[JsonSerializable(typeof(CardView))]
[JsonSerializable(typeof(Presence))]
internal sealed partial class JsonContext : JsonSerializerContext;
