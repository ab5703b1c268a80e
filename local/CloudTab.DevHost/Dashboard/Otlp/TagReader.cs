using System.Globalization;
using System.Text.Json.Nodes;
using Google.Protobuf.Collections;

namespace CloudTab.DevHost.Dashboard.Otlp;

/// <summary>Reads OTLP's attributes into what the dashboard keeps: keys and values as text, bounded, equal ones shared.</summary>
internal sealed class TagReader(TelemetryLimits limits)
{
    private readonly StringPool _pool = new();

    public string Pooled(string text) => _pool.Of(text);

    public Tag[] Read(RepeatedField<KeyValue> attributes)
    {
        if (attributes.Count == 0)
            return [];
        var read = new Tag[Math.Min(attributes.Count, limits.MaxAttributeCount)];
        for (var i = 0; i < read.Length; i++)
            read[i] = new Tag(_pool.Of(attributes[i].Key), Text(attributes[i].Value));
        return read;
    }

    /// <summary>The service and the replica that a resource names itself as.</summary>
    public TelemetrySource Source(Resource? resource)
    {
        string service = "unknown", instance = "";
        foreach (var attribute in resource?.Attributes ?? [])
        {
            if (attribute.Key == "service.name")
                service = Text(attribute.Value);
            else if (attribute.Key == "service.instance.id")
                instance = Text(attribute.Value);
        }

        return new TelemetrySource(service, instance);
    }

    public string Text(AnyValue? value) => Cut(value?.ValueCase switch
    {
        null or AnyValue.ValueOneofCase.None => "",
        AnyValue.ValueOneofCase.StringValue => value.StringValue,
        AnyValue.ValueOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        AnyValue.ValueOneofCase.IntValue => value.IntValue.ToString(CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.DoubleValue => value.DoubleValue.ToString(CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.BytesValue => value.BytesValue.ToBase64(),
        _ => Json(value)?.ToJsonString() ?? "",
    });

    private static JsonNode? Json(AnyValue? value) => value?.ValueCase switch
    {
        AnyValue.ValueOneofCase.StringValue => value.StringValue,
        AnyValue.ValueOneofCase.BoolValue => value.BoolValue,
        AnyValue.ValueOneofCase.IntValue => value.IntValue,
        AnyValue.ValueOneofCase.DoubleValue when double.IsFinite(value.DoubleValue) => value.DoubleValue,
        AnyValue.ValueOneofCase.DoubleValue => value.DoubleValue.ToString(CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.BytesValue => value.BytesValue.ToBase64(),
        AnyValue.ValueOneofCase.ArrayValue => new JsonArray([.. value.ArrayValue.Values.Select(Json)]),
        AnyValue.ValueOneofCase.KvlistValue => JsonObject(value.KvlistValue),
        _ => null,
    };

    private static JsonObject JsonObject(KeyValueList list)
    {
        // Not by the constructor: a key that comes twice is the sender's mistake, and no reason to refuse all that came with it.
        var json = new JsonObject();
        foreach (var member in list.Values)
            json[member.Key] = Json(member.Value);
        return json;
    }

    private string Cut(string text) => text.Length <= limits.MaxAttributeLength ? _pool.Of(text) : text[..limits.MaxAttributeLength];
}

internal readonly record struct Tag(string Key, string Value);

/// <summary>Who sent it: a service, and which of its replicas.</summary>
internal sealed record TelemetrySource(string Service, string Instance)
{
    /// <summary>Whether this is the service, or the very replica (<c>name-instance</c>, a resource's id), that somebody asked for.</summary>
    public bool Is(string? resource) => resource is null || resource == Service
        || (resource.Length == Service.Length + Instance.Length + 1
            && resource.StartsWith(Service, StringComparison.Ordinal) && resource.EndsWith(Instance, StringComparison.Ordinal));
}
