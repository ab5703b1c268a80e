using System.Globalization;

namespace CloudTab.LocalPostgres;

/// <summary>PostgreSQL's data folder: made once, and made fit for a start each time.</summary>
internal sealed class DataCluster(string folder, ServerUser user, TimeProvider time)
{
    /// <summary>A predecessor that was told to end, or whose AppHost was killed, needs a moment to write its data.</summary>
    private static readonly TimeSpan PredecessorPatience = TimeSpan.FromSeconds(20);

    private readonly string _pidFile = Path.Combine(folder, "postmaster.pid");

    public string Folder => folder;

    /// <summary>The version that wrote the data; null where there is none yet.</summary>
    public int? Major => File.Exists(Path.Combine(folder, "PG_VERSION"))
        ? int.Parse(File.ReadAllText(Path.Combine(folder, "PG_VERSION")).Trim(), CultureInfo.InvariantCulture)
        : null;

    /// <summary>Makes the folder unless it is there. It is made beside and renamed: an interrupted initdb leaves nothing behind that looks whole.</summary>
    public async Task CreateAsync(PostgresBinaries binaries, CancellationToken cancellationToken)
    {
        if (Major is not null)
            return;

        var draft = folder + ".new";
        if (Directory.Exists(draft))
            Directory.Delete(draft, recursive: true);
        if (Directory.Exists(folder))
            Directory.Delete(folder);
        await user.MakeOwnAsync(draft, cancellationToken);

        // The locale must exist on any machine that opens the data later; macOS lacks C.UTF-8.
        var locale = OperatingSystem.IsMacOS() ? "C" : "C.UTF-8";
        await Programs.RunAsync(
            user.Command(binaries.Initdb, "-D", draft, "-U", "postgres", "-E", "UTF8", "--locale", locale, "--auth", "reject"),
            cancellationToken);

        // Over TCP on this machine, with the password, and in no other way: there is no socket file either.
        await File.WriteAllTextAsync(Path.Combine(draft, "pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n", cancellationToken);
        Directory.Move(draft, folder);
    }

    /// <summary>Sets the superuser's password without a running server, so that no start ever trusts a connection without one.</summary>
    public async Task SetPasswordAsync(PostgresBinaries binaries, string password, CancellationToken cancellationToken)
    {
        var literal = password.Replace("'", "''", StringComparison.Ordinal);
        await Programs.RunAsync(
            user.Command(binaries.Postgres, "--single", "-D", folder, "-c", "password_encryption=scram-sha-256", "postgres"),
            cancellationToken,
            $"ALTER ROLE postgres PASSWORD '{literal}'\n");
    }

    /// <summary>Waits for a server that still runs on the data, and clears away the mark of one that was killed.</summary>
    /// <exception cref="CannotRunException">A server goes on running on it.</exception>
    public async Task WaitForPredecessorAsync(CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (File.Exists(_pidFile))
        {
            var line = (await File.ReadAllLinesAsync(_pidFile, cancellationToken)).FirstOrDefault() ?? "";
            if (!int.TryParse(line, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var processId)
                || !await IsServerAsync(Math.Abs(processId), cancellationToken))
            {
                // PostgreSQL itself would refuse to start where the number now belongs to some other process.
                File.Delete(_pidFile);
                return;
            }

            if (time.GetElapsedTime(started) > PredecessorPatience)
                throw new CannotRunException($"Another PostgreSQL (process {Math.Abs(processId)}) runs on {folder}: end it first.");
            await Task.Delay(TimeSpan.FromMilliseconds(100), time, cancellationToken);
        }
    }

    private async Task<bool> IsServerAsync(int processId, CancellationToken cancellationToken)
    {
        var commandLine = $"/proc/{processId}/cmdline";
        if (!OperatingSystem.IsLinux())
            return (await Programs.TryAsync(["ps", "-o", "args=", "-p", $"{processId}"], cancellationToken)).Output.Contains(folder, StringComparison.Ordinal);
        try
        {
            return (await File.ReadAllTextAsync(commandLine, cancellationToken)).Contains(folder, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
