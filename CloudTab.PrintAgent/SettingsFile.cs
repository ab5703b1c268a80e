using System.Security.Cryptography;
using System.Text;

namespace CloudTab.PrintAgent;

/// <summary>
/// The file `settings` in the agent's folder: a line `NAME=value` each. The key is in it, so that nobody but this user may read it: its mode is
/// 0600, and on Windows the key is encrypted for this user (DPAPI).
/// </summary>
internal static class SettingsFile
{
    private const string Folder = "CLOUDTAB_AGENT_DATA";
    private const string Key = "CLOUDTAB_API_KEY";
    private const string Encrypted = "dpapi:";

    public static string Location => Path.Combine(Environment.GetEnvironmentVariable(Folder) ?? AgentOptions.DefaultFolder, "settings");

    public static IEnumerable<KeyValuePair<string, string?>> Read() => Lines().Select(line => line.Split('=', 2))
        .Where(parts => parts is [not [] and not ['#', ..], _])
        .Select(parts => KeyValuePair.Create(parts[0].Trim(), Decrypt(parts[1].Trim())));

    /// <summary>Sets these; every other line stays as it is.</summary>
    public static async Task WriteAsync(IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken)
    {
        var others = Lines().Where(line => !settings.ContainsKey(line.Split('=', 2)[0].Trim()));
        var lines = settings.Select(one => $"{one.Key}={(one.Key == Key ? Encrypt(one.Value) : one.Value)}").Concat(others).ToList();
        Directory.CreateDirectory(Path.GetDirectoryName(Location)!);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        // Beside it first: a full disk must not take the key.
        var beside = Location + ".new";
        File.Delete(beside);
        await using (var writer = new StreamWriter(beside, options))
        {
            foreach (var line in lines)
                await writer.WriteAsync((line + "\n").AsMemory(), cancellationToken);
        }

        File.Move(beside, Location, overwrite: true);
    }

    private static string[] Lines() => File.Exists(Location) ? File.ReadAllLines(Location) : [];

    private static string Encrypt(string key) => OperatingSystem.IsWindows()
        ? Encrypted + Convert.ToBase64String(ProtectedData.Protect(Encoding.UTF8.GetBytes(key), optionalEntropy: null, DataProtectionScope.CurrentUser))
        : key;

    // What another user has encrypted, or what is damaged, is no key: the agent says that it has none, and `setup` asks for it.
    private static string? Decrypt(string value)
    {
        if (!OperatingSystem.IsWindows() || !value.StartsWith(Encrypted, StringComparison.Ordinal))
            return value;
        try
        {
            return Encoding.UTF8.GetString(ProtectedData.Unprotect(Convert.FromBase64String(value[Encrypted.Length..]), optionalEntropy: null, DataProtectionScope.CurrentUser));
        }
        catch (Exception unreadable) when (unreadable is CryptographicException or FormatException)
        {
            return null;
        }
    }
}
