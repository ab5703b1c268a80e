using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace CloudTab.Relay;

/// <summary>Where Postgres is: `ConnectionStrings__cloudtab` in Npgsql's form, or DATABASE_URL as a postgres:// URI. The first wins.</summary>
public sealed class DatabaseOptions : IValidatableObject
{
    [ConfigurationKeyName("ConnectionStrings:cloudtab")]
    public string? ConnectionString { get; set; }

    [ConfigurationKeyName("DATABASE_URL")]
    public string? DatabaseUrl { get; set; }

    /// <summary>
    /// What DATABASE_URL means if it names no sslmode (PGSSLMODE, as libpq's; default verify-full: the server must have a certificate for
    /// its name by an authority that is trusted here). Platforms write the URL themselves: there this is the place to ask for less.
    /// </summary>
    [ConfigurationKeyName("PGSSLMODE")]
    public string? SslMode { get; set; }

    /// <summary>The connection string in Npgsql's form, with CloudTab's own defaults.</summary>
    public string ToNpgsql() => Read().ConnectionString;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        TryToNpgsql(out var problem) is null ? [new(problem)] : [];

    /// <summary>The same, or null and what is wrong with the settings.</summary>
    internal string? TryToNpgsql(out string? problem)
    {
        try
        {
            problem = null;
            return ToNpgsql();
        }
        catch (Exception unreadable) when (unreadable is FormatException or ArgumentException)
        {
            problem = unreadable.Message;
            return null;
        }
    }

    private NpgsqlConnectionStringBuilder Read()
    {
        var connection = new NpgsqlConnectionStringBuilder
        {
            // Seconds: a request should become a 503 before its client gives up; idle connections must notice a dead peer.
            Timeout = 5,
            CommandTimeout = 15,
            KeepAlive = 15,
            // Every use is one short statement: more connections than this only compete for Postgres's cores.
            MaxPoolSize = 10,
            // Statements that repeat are parsed and planned once for each connection.
            MaxAutoPrepare = 64,
            // No statement leaves anything in its session. Otherwise each is preceded by seven that clear what the one before it may have left.
            NoResetOnClose = true,
            ApplicationName = AppDomain.CurrentDomain.FriendlyName,
        };
        if (!string.IsNullOrEmpty(ConnectionString))
            connection = new NpgsqlConnectionStringBuilder(connection.ConnectionString + ";" + ConnectionString);
        else if (!string.IsNullOrEmpty(DatabaseUrl))
            ReadUrl(DatabaseUrl, SslMode, connection);
        else
            throw new FormatException("Set ConnectionStrings__cloudtab or DATABASE_URL: no database is named");
        if (string.IsNullOrEmpty(connection.Host))
            throw new FormatException("ConnectionStrings__cloudtab names no Host");
        return connection;
    }

    // libpq's connection URI: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
    private static void ReadUrl(string url, string? sslMode, NpgsqlConnectionStringBuilder connection)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("postgres" or "postgresql") || uri.Host.Length == 0)
            throw new FormatException("DATABASE_URL is not of the form postgres://user:password@host:5432/database");

        var user = uri.UserInfo.Split(':', 2);
        connection.Host = uri.Host;
        connection.Port = uri.IsDefaultPort || uri.Port < 0 ? 5432 : uri.Port;
        connection.Username = Uri.UnescapeDataString(user[0]);
        connection.Password = user.Length == 2 ? Uri.UnescapeDataString(user[1]) : null;
        connection.Database = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/'));
        // Without a word on it Npgsql would take any certificate, and none. What stays on this machine nobody else can read.
        if (!string.IsNullOrEmpty(sslMode))
            connection.SslMode = SslModeOf(sslMode, "PGSSLMODE");
        else if (!uri.IsLoopback)
            connection.SslMode = Npgsql.SslMode.VerifyFull;
        foreach (var pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = (pair.Split('=', 2)[0], Uri.UnescapeDataString(pair.Split('=', 2).ElementAtOrDefault(1) ?? ""));
            if (name == "channel_binding")
                continue;
            if (name == "sslmode")
                connection.SslMode = SslModeOf(value, "DATABASE_URL");
            else if (name == "sslrootcert")
                connection.RootCertificate = value;
            else
                throw new FormatException($"DATABASE_URL: the parameter '{name}' is not supported; use ConnectionStrings__cloudtab");
        }
    }

    private static SslMode SslModeOf(string value, string setting) =>
        Enum.TryParse<SslMode>(value.Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out var mode)
            ? mode
            : throw new FormatException($"{setting}: there is no sslmode '{value}'");
}
