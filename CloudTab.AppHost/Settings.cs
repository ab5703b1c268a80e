using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;

namespace CloudTab.AppHost;

/// <summary>What the application is started with: environment variables, or <c>Name=value</c> on the command line.</summary>
internal sealed class Settings : IValidatableObject
{
    /// <summary>The folder that outlives a run; a relative one lies beside the AppHost's.</summary>
    [ConfigurationKeyName("CLOUDTAB_DATA"), Required(ErrorMessage = "CLOUDTAB_DATA names no folder.")]
    public string Data { get; set; } = ".cloudtab";

    /// <summary>Where the gateway listens.</summary>
    [ConfigurationKeyName("PORT"), Range(1, 65535, ErrorMessage = "PORT must be between 1 and 65535.")]
    public int Port { get; init; } = 5000;

    /// <summary>Replicas of UploadApi, ShopApi and Notifier.</summary>
    [Range(1, 100, ErrorMessage = "Replicas must be between 1 and 100.")]
    public int Replicas { get; init; } = 1;

    /// <summary>Whether Postgres and S3 are containers; otherwise they are programs of this repository.</summary>
    public bool Containers { get; init; }

    /// <summary>A key of the default shop; null: generated.</summary>
    [ConfigurationKeyName("SHOPKEEPER_API_KEY")]
    public string? ShopkeeperKey { get; init; }

    /// <summary>Later images of LocalStack ask for one.</summary>
    [ConfigurationKeyName("LOCALSTACK_AUTH_TOKEN")]
    public string? LocalStackToken { get; init; }

    /// <summary>Tests run the application on ports of their own.</summary>
    [ConfigurationKeyName("DcpPublisher:RandomizePorts")]
    public bool RandomizePorts { get; init; }

    /// <summary>The settings, or null after one line on standard error that says which of them cannot be used.</summary>
    public static Settings? Read(IDistributedApplicationBuilder builder)
    {
        try
        {
            var settings = builder.Configuration.Get<Settings>() ?? new Settings();
            Validator.ValidateObject(settings, new ValidationContext(settings), validateAllProperties: true);
            if (settings.ShopkeeperKey is { Length: > 0 } key)
                builder.Configuration["Parameters:shopkeeper-key"] = key;
            settings.Data = Path.GetFullPath(settings.Data, Path.GetFullPath("..", builder.AppHostDirectory));
            return settings;
        }
        catch (Exception e) when (e is InvalidOperationException or ValidationException)
        {
            Console.Error.WriteLine(e.Message);
            return null;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!Containers && !NodeIsThere())
            yield return new("Node.js, which runs the local PostgreSQL, is not in PATH: install version 20.19+ or 22.12+, or run with Containers=true.");
        if (!RandomizePorts && IsTaken(Port))
            yield return new($"Port {Port}, which the gateway listens on, is taken by another program: end that, or set PORT to another one.");
    }

    private static bool NodeIsThere()
    {
        try
        {
            using var node = Process.Start(new ProcessStartInfo("node", "--version") { UseShellExecute = false, RedirectStandardOutput = true });
            return node is not null;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }

    private static bool IsTaken(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return false;
        }
        catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return true;
        }
    }
}
