using System.Globalization;

namespace CloudTab.LocalPostgres;

/// <summary>Settings, from environment variables of these names.</summary>
public sealed class PostgresOptions
{
    /// <summary>POSTGRES_DATA: the data folder, kept between runs.</summary>
    public string Data { get; private set; } = "";

    /// <summary>POSTGRES_PASSWORD: of the superuser <c>postgres</c>, set anew at each start.</summary>
    public string Password { get; private set; } = "";

    /// <summary>POSTGRES_DB: a database that is made unless it is there.</summary>
    public string Database { get; private set; } = "postgres";

    /// <summary>PGPORT: the TCP port on 127.0.0.1.</summary>
    public int Port { get; private set; }

    /// <summary>POSTGRES_BIN: the folder of initdb and postgres; null: found on the machine, else from npm.</summary>
    public string? Binaries { get; private set; }

    /// <summary>POSTGRES_SOURCE=npm: npm's binaries whatever the machine has.</summary>
    public bool OnlyNpm { get; private set; }

    /// <summary>POSTGRES_OPTIONS: more server settings, <c>name=value</c> separated by spaces. Tests turn fsync off with it.</summary>
    public IReadOnlyList<string> ServerSettings { get; private set; } = [];

    /// <exception cref="CannotRunException">A setting is missing or unusable.</exception>
    internal void Read(IConfiguration configuration)
    {
        Data = Path.GetFullPath(Required("POSTGRES_DATA"));
        Password = Required("POSTGRES_PASSWORD");
        if (Password.Any(char.IsControl))
            throw new CannotRunException("POSTGRES_PASSWORD has a control character.");
        Database = configuration["POSTGRES_DB"] ?? Database;
        Port = int.TryParse(Required("PGPORT"), CultureInfo.InvariantCulture, out var port) ? port : throw new CannotRunException("PGPORT is no number.");
        Binaries = configuration["POSTGRES_BIN"];
        OnlyNpm = configuration["POSTGRES_SOURCE"] == "npm";
        ServerSettings = (configuration["POSTGRES_OPTIONS"] ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);

        string Required(string name) =>
            configuration[name] is { Length: > 0 } value ? value : throw new CannotRunException($"{name} is not set.");
    }
}

/// <summary>Something that the one who starts this can put right; the message says what, in one line.</summary>
public sealed class CannotRunException : Exception
{
    public CannotRunException()
    {
    }

    public CannotRunException(string message)
        : base(message)
    {
    }

    public CannotRunException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
