using System.Text.Json;

namespace CloudTab.DevHost;

/// <summary>What <c>dotnet run</c> would have set for an AppHost that a test runs instead: the environment of its first launch profile.</summary>
internal static class LaunchSettings
{
    public static IEnumerable<KeyValuePair<string, string?>> EnvironmentOf(string appHostDirectory)
    {
        var file = Path.Combine(appHostDirectory, "Properties", "launchSettings.json");
        if (!File.Exists(file))
            return [];

        using var document = JsonDocument.Parse(File.ReadAllText(file));
        var profile = document.RootElement.GetProperty("profiles").EnumerateObject().First().Value;
        return profile.TryGetProperty("environmentVariables", out var variables)
            ? [.. variables.EnumerateObject().SelectMany(variable => Keys(variable.Name)
                .Select(key => KeyValuePair.Create(key, variable.Value.GetString())))]
            : [];
    }

    /// <summary>The host reads its own settings, the environment's name above all, without their prefix.</summary>
    private static string[] Keys(string variable) =>
        variable.StartsWith("DOTNET_", StringComparison.Ordinal) ? [variable, variable["DOTNET_".Length..]] : [variable];
}
