using System.Text.Json;
using System.Text.Json.Serialization;
using CloudTab.UploadApi.Pages;

namespace CloudTab.UploadApi;

/// <summary>Everything that goes over the wire as JSON, but problem details.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, NumberHandling = JsonNumberHandling.Strict)]
[JsonSerializable(typeof(NewSession))]
[JsonSerializable(typeof(SessionAnswer))]
[JsonSerializable(typeof(StatusAnswer))]
[JsonSerializable(typeof(DeletedSession))]
[JsonSerializable(typeof(ReceiptAnswer))]
[JsonSerializable(typeof(JsonWebKeySet))]
[JsonSerializable(typeof(SubmitAnswer))]
[JsonSerializable(typeof(ShopAnswer))]
[JsonSerializable(typeof(UploadAnswer))]
[JsonSerializable(typeof(FileChange))]
[JsonSerializable(typeof(FileAnswer))]
[JsonSerializable(typeof(DirectFile))]
[JsonSerializable(typeof(DirectUploadAnswer))]
[JsonSerializable(typeof(ShopData))]
[JsonSerializable(typeof(WebManifest))]
internal sealed partial class JsonContext : JsonSerializerContext;
