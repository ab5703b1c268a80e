using System.Data;
using System.Text.Json;
using Dapper;

namespace CloudTab.Relay;

/// <summary>
/// Reads a column of JSON as what it stands for. It is written as text, which the statement casts. What JSON needs to know of the type is made at
/// the first row: at its start a process has other things to compile.
/// </summary>
internal sealed class JsonColumn<T> : SqlMapper.TypeHandler<T>
    where T : class
{
    public override T Parse(object value) => (T)JsonSerializer.Deserialize((string)value, typeof(T), PrintingContext.Default)!;

    public override void SetValue(IDbDataParameter parameter, T? value) => throw new NotSupportedException("Pass the text, and cast it to jsonb.");
}
