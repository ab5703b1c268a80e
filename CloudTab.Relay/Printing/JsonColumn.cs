using System.Data;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dapper;

namespace CloudTab.Relay;

/// <summary>Reads a column of JSON as what it stands for. It is written as text, which the statement casts.</summary>
internal sealed class JsonColumn<T>(JsonTypeInfo<T> type) : SqlMapper.TypeHandler<T>
    where T : class
{
    public override T Parse(object value) => JsonSerializer.Deserialize((string)value, type)!;

    public override void SetValue(IDbDataParameter parameter, T? value) => throw new NotSupportedException("Pass the text, and cast it to jsonb.");
}
