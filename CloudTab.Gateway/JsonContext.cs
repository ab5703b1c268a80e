using System.Text.Json.Serialization;

namespace CloudTab.Gateway;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Presence))]
internal sealed partial class JsonContext : JsonSerializerContext;
