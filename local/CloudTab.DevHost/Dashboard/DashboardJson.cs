using System.Text.Json;
using System.Text.Json.Serialization;
using CloudTab.DevHost.Dashboard.Logs;
using CloudTab.DevHost.Dashboard.Metrics;
using CloudTab.DevHost.Dashboard.Otlp;
using CloudTab.DevHost.Dashboard.Resources;
using CloudTab.DevHost.Dashboard.Traces;
using Microsoft.AspNetCore.Mvc;

namespace CloudTab.DevHost.Dashboard;

[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(TagsConverter), typeof(InstrumentKindConverter)])]
[JsonSerializable(typeof(ResourceList))]
[JsonSerializable(typeof(ResourceEnvironment))]
[JsonSerializable(typeof(RevealedVariable))]
[JsonSerializable(typeof(ConsoleLine[]))]
[JsonSerializable(typeof(TelemetryTotals))]
[JsonSerializable(typeof(LogList))]
[JsonSerializable(typeof(TraceList))]
[JsonSerializable(typeof(TraceView))]
[JsonSerializable(typeof(InstrumentList))]
[JsonSerializable(typeof(Chart))]
[JsonSerializable(typeof(ProblemDetails))]
internal sealed partial class DashboardJson : JsonSerializerContext
{
    /// <summary>Makes other options write as <see cref="Default"/> does: a context brings them its types, not its settings.</summary>
    public static void Configure(JsonSerializerOptions options)
    {
        options.TypeInfoResolverChain.Insert(0, Default);
        options.DefaultIgnoreCondition = Default.Options.DefaultIgnoreCondition;
        foreach (var converter in Default.Options.Converters)
            options.Converters.Add(converter);
    }
}

/// <summary>Attributes as one object.</summary>
internal sealed class TagsConverter : JsonConverter<Tag[]>
{
    public override Tag[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, Tag[] value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var tag in value)
            writer.WriteString(tag.Key, tag.Value);
        writer.WriteEndObject();
    }
}

internal sealed class InstrumentKindConverter() : JsonStringEnumConverter<InstrumentKind>(JsonNamingPolicy.CamelCase, allowIntegerValues: false);
