using System.Globalization;
using Microsoft.Data.Sqlite;

namespace CloudTab.PrintAgent;

/// <summary>
/// What this PC has asked its printers for, in an SQLite file. A write has reached the disk when the method returns (synchronous=FULL), so
/// that after a power cut the agent knows what it may have done. No name of a customer or a file is in it, and what is deleted is overwritten.
/// The verbs of the command line use the same file while the agent runs.
/// </summary>
internal sealed class Ledger : IDisposable
{
    private const string Columns = "id, file, token, printer, two_steps, copies, at, step, job, outcome, grade, pages, reasons, again";

    private readonly SqliteConnection _database;
    private readonly Lock _lock = new();

    /// <param name="file">Created if it is not there.</param>
    public Ledger(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        _database = new(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false, DefaultTimeout = 10 }.ToString());
        _database.Open();
        Run(
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            PRAGMA secure_delete = ON;
            CREATE TABLE IF NOT EXISTS attempts (
                id TEXT PRIMARY KEY,
                file TEXT NOT NULL,
                token TEXT NOT NULL UNIQUE,
                printer TEXT NOT NULL,
                two_steps INTEGER NOT NULL,
                copies INTEGER NOT NULL,
                at TEXT NOT NULL,
                step INTEGER NOT NULL,
                job INTEGER,
                outcome INTEGER,
                grade TEXT,
                pages INTEGER,
                reasons TEXT NOT NULL,
                again TEXT,
                CHECK ((outcome IS NULL) = (step < 3)));
            CREATE INDEX IF NOT EXISTS attempts_of_file ON attempts (file);
            -- Those that are open (Step.Reported is 5) are asked for each second.
            CREATE INDEX IF NOT EXISTS attempts_open ON attempts (step) WHERE step < 5;
            CREATE TABLE IF NOT EXISTS leftovers (token TEXT PRIMARY KEY, printer TEXT NOT NULL, job INTEGER NOT NULL, at TEXT NOT NULL);
            CREATE TABLE IF NOT EXISTS asked (number INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL, again TEXT, attempts TEXT NOT NULL);
            """);
    }

    /// <summary>Writes the first step of an attempt.</summary>
    public Attempt Add(Attempt attempt)
    {
        Run(
            $"INSERT INTO attempts ({Columns}) VALUES (@id, @file, @token, @printer, @twoSteps, @copies, @at, @step, @job, @outcome, @grade, @pages, @reasons, @again)",
            Parameters(attempt));
        return attempt;
    }

    /// <summary>Writes the attempt's next step, or what is known of it since.</summary>
    /// <param name="isBack">Whether the step is one that was there before; otherwise what is older than the ledger's own word changes nothing.</param>
    /// <returns>The attempt as it is in the ledger.</returns>
    public Attempt Write(Attempt attempt, bool isBack = false)
    {
        var written = Run(
            """
            UPDATE attempts
            SET token = @token, printer = @printer, two_steps = @twoSteps, at = @at, step = @step, job = @job, outcome = @outcome, grade = @grade, pages = @pages, reasons = @reasons
            WHERE id = @id AND (@isBack OR step <= @step)
            """,
            [.. Parameters(attempt), ("@isBack", isBack)]);
        return written > 0 ? attempt : Find(attempt.Id) ?? attempt;
    }

    /// <summary>Attempts whose outcome the relay does not know yet, oldest first.</summary>
    public IReadOnlyList<Attempt> Open() => Read($"SELECT {Columns} FROM attempts INDEXED BY attempts_open WHERE step < 5 ORDER BY rowid");

    /// <summary>The latest attempt to print a file, or null. Not by its time: the PC's clock may have been set back since.</summary>
    public Attempt? LatestOf(Guid file) =>
        Read($"SELECT {Columns} FROM attempts WHERE file = @file ORDER BY rowid DESC LIMIT 1", ("@file", Text(file))).FirstOrDefault();

    /// <summary>Attempts that have failed, or whose outcome nobody knows.</summary>
    public IReadOnlyList<Attempt> NotDone() => Read($"SELECT {Columns} FROM attempts WHERE outcome <> @done", ("@done", (int)Outcome.Done));

    /// <summary>The attempt with this id, as it is now; null if it was forgotten.</summary>
    public Attempt? Find(Guid id) => Find(Text(id));

    /// <summary>The attempt whose id begins so, or null if none or several do.</summary>
    public Attempt? Find(string prefix) =>
        Read($"SELECT {Columns} FROM attempts WHERE substr(id, 1, length(@prefix)) = @prefix LIMIT 2", ("@prefix", prefix)) is [var found] ? found : null;

    /// <summary>The latest attempts, newest first.</summary>
    public IReadOnlyList<Attempt> Latest(int count) => Read($"SELECT {Columns} FROM attempts ORDER BY rowid DESC LIMIT @count", ("@count", count));

    /// <summary>Notes that the document of the attempt's job is to be removed from CUPS or the printer.</summary>
    public void Leave(Attempt attempt) => Run(
        "INSERT OR IGNORE INTO leftovers (token, printer, job, at) VALUES (@token, @printer, @job, @at)",
        ("@token", attempt.Token), ("@printer", attempt.Printer), ("@job", attempt.Job), ("@at", Text(attempt.At)));

    /// <summary>What was left and not removed yet.</summary>
    public IReadOnlyList<Leftover> Leftovers()
    {
        lock (_lock)
        {
            using var command = Command("SELECT printer, job, token FROM leftovers", []);
            using var rows = command.ExecuteReader();
            var leftovers = new List<Leftover>();
            while (rows.Read())
                leftovers.Add(new(rows.GetString(0), rows.GetInt32(1), rows.GetString(2)));
            return leftovers;
        }
    }

    /// <summary>It is removed.</summary>
    public void Remove(Leftover leftover) => Run("DELETE FROM leftovers WHERE token = @token", ("@token", leftover.Token));

    /// <summary>Asks the agent, from its command line, for the session with this pickup code.</summary>
    /// <param name="again">Why those of its files are printed again that have failed by now, or are unknown; null: none is.</param>
    public void Ask(string code, string? again) => Run(
        "INSERT INTO asked (code, again, attempts) VALUES (@code, @again, @attempts)",
        ("@code", code), ("@again", again), ("@attempts", string.Join(',', again is null ? [] : NotDone().Select(attempt => Text(attempt.Id)))));

    /// <summary>What was asked for and is not fulfilled yet, oldest first.</summary>
    /// <param name="after">The number of the last one that is known already.</param>
    public IReadOnlyList<Request> Requests(long after)
    {
        lock (_lock)
        {
            using var command = Command("SELECT number, code, again, attempts FROM asked WHERE number > @after ORDER BY number", [("@after", after)]);
            using var rows = command.ExecuteReader();
            var requests = new List<Request>();
            while (rows.Read())
            {
                var attempts = rows.GetString(3).Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Guid.Parse).ToHashSet();
                requests.Add(new(rows.GetInt64(0), rows.GetString(1), rows.IsDBNull(2) ? null : new(rows.GetString(2), attempts)));
            }

            return requests;
        }
    }

    /// <summary>Forgets a request that is fulfilled, or cannot be.</summary>
    public void RemoveRequest(long number) => Run("DELETE FROM asked WHERE number = @number", ("@number", number));

    /// <summary>Forgets an attempt that has asked no printer for anything, and that nobody else knows of.</summary>
    public void Remove(Guid id) => Run("DELETE FROM attempts WHERE id = @id", ("@id", Text(id)));

    /// <summary>Forgets what is older than this and needs nobody, and what the write-ahead log still holds of it.</summary>
    public void Forget(DateTimeOffset before)
    {
        Run(
            "DELETE FROM attempts WHERE at < @before AND step = @reported; DELETE FROM leftovers WHERE at < @before",
            ("@before", Text(before)), ("@reported", (int)Step.Reported));
        Run("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    public void Dispose() => _database.Dispose();

    private static (string, object?)[] Parameters(Attempt attempt) =>
    [
        ("@id", Text(attempt.Id)), ("@file", Text(attempt.File)), ("@token", attempt.Token), ("@printer", attempt.Printer),
        ("@twoSteps", attempt.TwoSteps), ("@copies", attempt.Copies), ("@at", Text(attempt.At)), ("@step", (int)attempt.Step), ("@job", attempt.Job),
        ("@outcome", (int?)attempt.Outcome), ("@grade", attempt.Grade), ("@pages", attempt.Pages), ("@reasons", attempt.Reasons), ("@again", attempt.Again),
    ];

    private static string Text(Guid id) => id.ToString();

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    private static Attempt Row(SqliteDataReader row)
    {
        return new(
            Guid.Parse(row.GetString(0)), Guid.Parse(row.GetString(1)), row.GetString(2), row.GetString(3), row.GetBoolean(4), row.GetInt32(5),
            DateTimeOffset.Parse(row.GetString(6), CultureInfo.InvariantCulture), (Step)row.GetInt32(7), NumberAt(8), (Outcome?)NumberAt(9), TextAt(10),
            NumberAt(11), row.GetString(12), TextAt(13));

        string? TextAt(int column) => row.IsDBNull(column) ? null : row.GetString(column);

        int? NumberAt(int column) => row.IsDBNull(column) ? null : row.GetInt32(column);
    }

    private int Run(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        lock (_lock)
        {
            using var command = Command(sql, parameters);
            return command.ExecuteNonQuery();
        }
    }

    private List<Attempt> Read(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        lock (_lock)
        {
            using var command = Command(sql, parameters);
            using var rows = command.ExecuteReader();
            var attempts = new List<Attempt>();
            while (rows.Read())
                attempts.Add(Row(rows));
            return attempts;
        }
    }

    private SqliteCommand Command(string sql, ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var command = _database.CreateCommand();
#pragma warning disable CA2100 // every text is a constant of this file
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach (var (name, value) in parameters)
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        return command;
    }
}
