using System.Text.Json;
using Aspire.Hosting;

namespace CloudTab.DevHost;

/// <summary>
/// The folder that outlives a run: <c>CLOUDTAB_DATA</c>, else <c>.cloudtab</c> beside the AppHost's folder. One AppHost at a time may use it.
/// </summary>
internal sealed class DataFolder(string path) : IDisposable
{
    private FileStream? _lock;

    public string Path => path;

    public static DataFolder Of(IDistributedApplicationBuilder builder)
    {
        var repository = System.IO.Path.Combine(builder.AppHostDirectory, "..");
        return new DataFolder(System.IO.Path.GetFullPath(builder.Configuration["CLOUDTAB_DATA"] ?? ".cloudtab", System.IO.Path.GetFullPath(repository)));
    }

    /// <summary>Takes the folder; the lock is the kernel's and ends with this process, however that ends.</summary>
    /// <exception cref="DistributedApplicationException">Another AppHost has it.</exception>
    public void Lock()
    {
        Directory.CreateDirectory(path);
        try
        {
            _lock = new FileStream(System.IO.Path.Combine(path, "apphost.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e is not DirectoryNotFoundException and not FileNotFoundException && File.Exists(System.IO.Path.Combine(path, "apphost.lock")))
        {
            throw new DistributedApplicationException(
                $"Another AppHost runs on {path}: end it, or set CLOUDTAB_DATA to another folder.", e);
        }
    }

    public void Dispose() => _lock?.Dispose();
}

/// <summary>Generated values that must be the same in the next run, in <c>secrets.json</c>, readable by its owner only.</summary>
internal sealed class SecretStore(DataFolder folder)
{
    private static readonly Lock Exclusive = new();

    private readonly string _file = Path.Combine(folder.Path, "secrets.json");

    public string GetOrAdd(string key, Func<string> create)
    {
        lock (Exclusive)
        {
            var secrets = File.Exists(_file)
                ? JsonSerializer.Deserialize<SortedDictionary<string, string>>(File.ReadAllText(_file)) ?? []
                : [];
            if (secrets.TryGetValue(key, out var known))
                return known;

            secrets[key] = create();
            Save(secrets);
            return secrets[key];
        }
    }

    private void Save(SortedDictionary<string, string> secrets)
    {
        Directory.CreateDirectory(folder.Path);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

        // Written beside and renamed: a full disk or a crash leaves the old file whole.
        var draft = _file + ".new";
        using (var stream = new FileStream(draft, options))
            JsonSerializer.Serialize(stream, secrets);
        File.Move(draft, _file, overwrite: true);
    }
}
