using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CloudTab.LocalPostgres;

/// <summary>
/// Who runs the server: this process's own user, or, since PostgreSQL refuses to run as root, an unprivileged one in root's place.
/// </summary>
internal sealed class ServerUser
{
    private readonly string? _owner;
    private readonly string[] _prefix;

    private ServerUser(string? owner, string[] prefix)
    {
        _owner = owner;
        _prefix = prefix;
    }

    /// <exception cref="CannotRunException">This is root, and there is no way to become someone else.</exception>
    public static ServerUser Find()
    {
        if (!Environment.IsPrivilegedProcess)
            return new ServerUser(null, []);

        var accounts = File.ReadLines("/etc/passwd").Select(line => line.Split(':')).Where(fields => fields.Length > 3).ToList();
        var account = accounts.Find(fields => fields[0] == "postgres") ?? accounts.Find(fields => fields[0] == "nobody")
            ?? throw new CannotRunException("PostgreSQL does not run as root, and there is no user postgres or nobody.");
        var setpriv = Programs.Find("setpriv")
            ?? throw new CannotRunException("PostgreSQL does not run as root: install setpriv (util-linux), or start this as another user.");
        return new ServerUser(
            $"{account[2]}:{account[3]}", [setpriv, "--reuid", account[2], "--regid", account[3], "--clear-groups", "--"]);
    }

    /// <summary>The command line that runs a program as this user.</summary>
    public string[] Command(params string[] command) => [.. _prefix, .. command];

    /// <summary>
    /// Makes the folder that holds the server's data (and npm's binaries), one that the server's user can reach: the wanted one, or, where
    /// that lies under a folder closed to others, such as /root, one under /var/tmp whose name comes from the wanted one's path.
    /// </summary>
    public async Task<string> MakeReachableAsync(string wanted, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(wanted);
        if (await CanAsync("-x", wanted, cancellationToken))
            return wanted;

        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(wanted)))[..16];
        var fallback = $"/var/tmp/cloudtab-postgres-{name}";
        if (!Path.Exists(fallback))
            await MakeOwnAsync(fallback, cancellationToken);

        // Anyone may make folders in /var/tmp: one that is someone else's, or a link to elsewhere, is not to be trusted.
        if (new DirectoryInfo(fallback).LinkTarget is not null || !await CanAsync("-O", fallback, cancellationToken))
            throw new CannotRunException($"{fallback} belongs to someone else: remove it, or choose another data folder.");
        Console.WriteLine($"PostgreSQL's user cannot reach {wanted}: its data is in {fallback}.");
        return fallback;
    }

    /// <summary>Makes a folder that belongs to this user, and that nobody else may enter.</summary>
    public async Task MakeOwnAsync(string folder, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (_owner is not null)
            await Programs.RunAsync(["chown", _owner, folder], cancellationToken);
    }

    private async Task<bool> CanAsync(string test, string folder, CancellationToken cancellationToken) =>
        (await Programs.TryAsync(Command("test", test, folder), cancellationToken)).ExitCode == 0;
}

/// <summary>Other programs, run to completion.</summary>
internal static class Programs
{
    /// <summary>The program's path, if it is in PATH.</summary>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <returns>The exit code (127 where there is no such program) and what it wrote, standard error included.</returns>
    public static async Task<(int ExitCode, string Output)> TryAsync(
        string[] command, CancellationToken cancellationToken, string input = "")
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        try
        {
            using var process = Process.Start(start)!;
            try
            {
                await process.StandardInput.WriteAsync(input);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It ended before it read: its exit code tells more.
            }

            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            try
            {
                await process.WaitForExitAsync(cancellationToken);
                return (process.ExitCode, await output + await errors);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                throw;
            }
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (127, e.Message);
        }
    }

    /// <exception cref="CannotRunException">It failed; the message has what it wrote last.</exception>
    public static async Task<string> RunAsync(string[] command, CancellationToken cancellationToken, string input = "")
    {
        var (exitCode, output) = await TryAsync(command, cancellationToken, input);
        if (exitCode == 0)
            return output;

        var last = output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).TakeLast(3);
        var program = command.First(word => !word.StartsWith('-') && !word.EndsWith("setpriv", StringComparison.Ordinal) && !IsNumber(word));
        throw new CannotRunException($"{Path.GetFileName(program)} failed with {exitCode}: {string.Join(" / ", last)}");
    }

    private static bool IsNumber(string word) => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
