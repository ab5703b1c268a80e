using System.Reflection;
using System.Text.Json.Serialization;

namespace CloudTab.Relay;

/// <summary>The values of enumerations by the names that clients and the operator give them.</summary>
public static class WireNames
{
    /// <summary>All names, in the order of the values.</summary>
    public static IReadOnlyCollection<string> Of<T>()
        where T : struct, Enum => Named<T>.Values.Keys;

    /// <summary>The name of a value.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => Named<T>.Values.Single(named => EqualityComparer<T>.Default.Equals(named.Value, value)).Key;

    /// <summary>The value that has exactly this name, or null.</summary>
    public static T? Find<T>(string name)
        where T : struct, Enum => Named<T>.Values.TryGetValue(name, out var value) ? value : null;

    private static class Named<T>
        where T : struct, Enum
    {
        public static readonly Dictionary<string, T> Values = typeof(T).GetFields(BindingFlags.Public | BindingFlags.Static).ToDictionary(
            field => field.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()!.Name, field => (T)field.GetValue(null)!, StringComparer.Ordinal);
    }
}

/// <summary>Reads and writes a value as its name. A number is refused: it would be the place of a value in our source.</summary>
public sealed class WireNameConverter<T>() : JsonStringEnumConverter<T>(namingPolicy: null, allowIntegerValues: false)
    where T : struct, Enum;
