using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;

namespace CloudTab.AppHost;

/// <summary>What the application is started with: environment variables, or <c>Name=value</c> on the command line.</summary>
internal sealed class Settings
{
    /// <summary>The folder that outlives a run; a relative one lies beside the AppHost's.</summary>
    [ConfigurationKeyName("CLOUDTAB_DATA"), Required(ErrorMessage = "CLOUDTAB_DATA names no folder.")]
    public string Data { get; init; } = ".cloudtab";

    /// <summary>Where the gateway listens.</summary>
    [ConfigurationKeyName("PORT"), Range(1, 65535, ErrorMessage = "PORT must be between 1 and 65535.")]
    public int Port { get; init; } = 5000;

    /// <summary>Replicas of UploadApi, ShopApi and Notifier.</summary>
    [Range(1, 100, ErrorMessage = "Replicas must be between 1 and 100.")]
    public int Replicas { get; init; } = 1;

    /// <summary>Whether Postgres and S3 are containers; null: where a container runtime answers.</summary>
    public bool? Containers { get; init; }

    /// <summary>Which container runtime to ask and to use; null: docker, then podman.</summary>
    [ConfigurationKeyName("ASPIRE_CONTAINER_RUNTIME")]
    public string? Runtime { get; init; }

    /// <summary>What `aspire publish` writes files for; unless Kubernetes, Docker Compose.</summary>
    public Target PublishTo { get; init; }

    /// <summary>A key of the default shop; null: generated.</summary>
    [ConfigurationKeyName("SHOPKEEPER_API_KEY")]
    public string? ShopkeeperKey { get; init; }

    /// <summary>Later images of LocalStack ask for one.</summary>
    [ConfigurationKeyName("LOCALSTACK_AUTH_TOKEN")]
    public string? LocalStackToken { get; init; }

    /// <summary>The settings; where one of them is no good, one line says which, and there are none.</summary>
    public static Settings? Read(IConfiguration configuration)
    {
        try
        {
            var settings = configuration.Get<Settings>() ?? new Settings();
            Validator.ValidateObject(settings, new ValidationContext(settings), validateAllProperties: true);
            return settings;
        }
        catch (Exception e) when (e is InvalidOperationException or ValidationException)
        {
            Console.Error.WriteLine(e.Message);
            Environment.ExitCode = 1;
            return null;
        }
    }

    internal enum Target
    {
        Compose,
        Kubernetes,
    }
}
