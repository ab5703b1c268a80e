using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudTab.ShopApi;

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(PendingSessions))]
[JsonSerializable(typeof(SessionView))]
[JsonSerializable(typeof(Answer))]
[JsonSerializable(typeof(FileLinkView))]
internal sealed partial class JsonContext : JsonSerializerContext;
