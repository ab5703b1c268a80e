using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudTab.ServiceDefaults;

/// <summary>Starts a service, or says in one line why it cannot start.</summary>
public static class Start
{
    /// <summary>Runs the host until SIGTERM.</summary>
    /// <returns>The exit code: 0, or 78 (EX_CONFIG of sysexits.h) where a setting is wrong.</returns>
    public static Task<int> RunOrExplainAsync(this IHost host) => host.RunOrExplainAsync(async () =>
    {
        await host.RunAsync();
        return 0;
    });

    /// <summary>Runs something to completion instead of the host.</summary>
    /// <returns>Its exit code, or 78 where a setting is wrong.</returns>
    public static async Task<int> RunOrExplainAsync(this IHost host, Func<Task<int>> run)
    {
        if (Check(host.Services) is { } problem)
        {
            await Console.Error.WriteLineAsync($"Not started: {problem}");
            return 78;
        }

        return await run();
    }

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
            return string.Join("; ", invalid.Failures);
        }
        catch (AggregateException several) when (several.InnerExceptions.All(one => one is OptionsValidationException))
        {
            return string.Join("; ", several.InnerExceptions.Cast<OptionsValidationException>().SelectMany(invalid => invalid.Failures));
        }
        catch (InvalidOperationException unreadable) when (unreadable.Source == "Microsoft.Extensions.Configuration.Binder")
        {
            return unreadable.Message;
        }
    }
}
