using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudTab.ServiceDefaults;

/// <summary>Starts a service, or says in one line why it cannot start.</summary>
public static partial class Start
{
    /// <summary>Runs the host until SIGTERM.</summary>
    /// <returns>The exit code: 0, or of sysexits.h 78 (EX_CONFIG) if a setting is wrong and 70 (EX_SOFTWARE) if a fault stopped the host.</returns>
    public static Task<int> RunOrExplainAsync(this IHost host) => host.RunOrExplainAsync(async () =>
    {
        await host.RunAsync();
        return 0;
    });

    /// <summary>Runs something to completion instead of the host, once the settings are known to be right.</summary>
    /// <returns>Its exit code; or 78 if a setting is wrong, or 70 if a fault stopped the host.</returns>
    public static async Task<int> RunOrExplainAsync(this IHost host, Func<Task<int>> run)
    {
        if (Check(host.Services) is { } problem)
        {
            await Console.Error.WriteLineAsync($"Not started: {problem}");
            return 78;
        }

        // The host stops when a background service fails, also by a cancellation of its own, and its RunAsync then returns as after SIGTERM.
        // Services that fail later, because the host stops, change nothing.
        var faulted = false;
        using var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() => faulted = host.HasFaulted());
        var exitCode = await run();
        return faulted ? 70 : exitCode;
    }

    /// <summary>Whether a background service has failed.</summary>
    public static bool HasFaulted(this IHost host) => host.Services.GetServices<IHostedService>().Any(
        service => service is BackgroundService { ExecuteTask: { IsCompleted: true, IsCompletedSuccessfully: false } });

    /// <summary>What is wrong with the settings, or null.</summary>
    private static string? Check(IServiceProvider services)
    {
        try
        {
            services.GetService<IStartupValidator>()?.Validate();
            return null;
        }
        catch (OptionsValidationException invalid)
        {
            return Explain([invalid]);
        }
        catch (AggregateException several) when (several.InnerExceptions.All(one => one is OptionsValidationException))
        {
            return Explain(several.InnerExceptions.Cast<OptionsValidationException>());
        }
        catch (InvalidOperationException unreadable) when (unreadable.Source == "Microsoft.Extensions.Configuration.Binder")
        {
            return unreadable.Message;
        }
    }

    private static string Explain(IEnumerable<OptionsValidationException> invalid) =>
        string.Join("; ", invalid.SelectMany(one => one.Failures.Select(failure => Explain(one.OptionsType, failure))).Distinct(StringComparer.Ordinal));

    // The operator knows the setting, not the property that it is bound to.
    private static string Explain(Type options, string failure)
    {
        if (DataAnnotation().Match(failure) is not { Success: true } annotated)
            return failure;
        var member = annotated.Groups["member"].Value;
        var setting = options.GetProperty(member)?.GetCustomAttribute<ConfigurationKeyNameAttribute>()?.Name;
        var error = annotated.Groups["error"].Value;
        return setting is null ? error : error.Replace($"The field {member} ", $"{setting} ", StringComparison.Ordinal);
    }

    [GeneratedRegex("^DataAnnotation validation failed for '.*' members: '(?<member>.*?)' with the error: '(?<error>.*)'\\.$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex DataAnnotation();
}
