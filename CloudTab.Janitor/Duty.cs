using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace CloudTab.Janitor;

/// <summary>A duty of the Janitor: what is done, and how often.</summary>
/// <param name="Name">What metrics and logs call it.</param>
/// <param name="Interval">From the start of one round to that of the next.</param>
/// <param name="RunOnceAsync">Does one batch.</param>
internal sealed record Duty(string Name, TimeSpan Interval, Func<CancellationToken, Task<Batch>> RunOnceAsync);

/// <summary>What one batch of a duty came to.</summary>
/// <param name="Done">Things that were done: sessions ended, files removed, uploads aborted …</param>
/// <param name="More">Whether there may be more to do at once.</param>
/// <param name="Refused">Things that S3 would not do; they are tried again in a later round.</param>
internal sealed record Batch(int Done, bool More, int Refused = 0);

internal static class DutyExtensions
{
    /// <summary>Adds a duty and the loop around it.</summary>
    public static IServiceCollection AddDuty<TDuty>(
        this IServiceCollection services,
        string name,
        Func<JanitorOptions, int> interval,
        Func<TDuty, Func<CancellationToken, Task<Batch>>> runOnce)
        where TDuty : class
    {
        services.TryAddSingleton<TDuty>();
        services.AddSingleton<IHostedService>(provider =>
        {
            var options = provider.GetRequiredService<IOptions<JanitorOptions>>();
            var duty = new Duty(name, TimeSpan.FromMilliseconds(interval(options.Value)), runOnce(provider.GetRequiredService<TDuty>()));
            return ActivatorUtilities.CreateInstance<DutyLoop>(provider, duty);
        });
        return services;
    }
}
