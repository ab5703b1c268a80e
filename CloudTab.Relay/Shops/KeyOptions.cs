using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudTab.Relay;

/// <summary>Which API keys are looked at.</summary>
public sealed class KeyOptions
{
    private const int DefaultFailures = 30;

    /// <summary>
    /// Wrong keys that one client address may send in a minute, over HTTP and sockets and to all replicas together
    /// (RATE_LIMIT_KEY_FAILURES_PER_MINUTE, default 30, in Development no limit). Too small, and a new PC behind an address where others
    /// try wrong keys waits; too large, and a key that people have made up can be guessed.
    /// </summary>
    [ConfigurationKeyName("RATE_LIMIT_KEY_FAILURES_PER_MINUTE")]
    [Range(1, 1_000_000)]
    public int? FailuresPerMinute { get; set; }

    /// <summary>Fewest characters of a key: in Development any will do.</summary>
    internal int ShortestKey { get; private set; } = 1;

    internal void Harden(IHostEnvironment environment)
    {
        if (environment.IsDevelopment())
            return;
        FailuresPerMinute ??= DefaultFailures;
        ShortestKey = ApiKeys.ShortestKey;
    }
}

public static class KeyExtensions
{
    public static void AddApiKeys(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<KeyOptions>().BindConfiguration("").ValidateDataAnnotations()
            .PostConfigure<IHostEnvironment>((keys, environment) => keys.Harden(environment));
        builder.Services.AddSingleton<ApiKeys>();
        builder.Services.AddSingleton<SignIns>();
        builder.Services.AddSingleton<Tickets>();
    }
}
