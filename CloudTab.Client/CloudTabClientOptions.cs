using Microsoft.Extensions.Options;

namespace CloudTab.Client;

/// <summary>Where the relay is, for whom the client speaks, and how long it tries.</summary>
public sealed class CloudTabClientOptions
{
    /// <summary>The relay's public origin, such as `https://print.example`. Required.</summary>
    public Uri? Address { get; set; }

    /// <summary>A key of the shop. Needed for <see cref="CloudTabClient.Shop"/> only.</summary>
    public string? ApiKey { get; set; }

    /// <summary>Id of the shop that <see cref="CloudTabClient.Customer"/> sends files to; null is the relay's default shop.</summary>
    public string? Shop { get; set; }

    /// <summary>
    /// Longest time that a call may take, and that a download may go without a byte. 30 s. On a slow line a small value ends calls that
    /// would have been answered.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How often a call that may be repeated is tried again, and a transfer without a new byte in between, until its failure is thrown.
    /// 4; 0 never tries again.
    /// </summary>
    public int MaxRetries { get; set; } = 4;

    /// <summary>Longest pause before a call is tried again. 30 s. If the relay asks for more (`Retry-After`), its refusal is thrown at once.</summary>
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>What is wrong with the options, or null.</summary>
    internal string? Fault()
    {
        if (Address is not { IsAbsoluteUri: true, Scheme: "http" or "https", PathAndQuery: "/", Fragment: "", UserInfo: "" })
            return $"{nameof(Address)} must be the relay's origin, such as https://print.example.";
        if (ApiKey is not null && (ApiKey.Length == 0 || ApiKey.Any(letter => letter is <= ' ' or > '~')))
            return $"{nameof(ApiKey)} must be visible ASCII characters, or null.";
        if (Shop is { Length: 0 })
            return $"{nameof(Shop)} must be the id of a shop, or null for the default shop.";
        if (Timeout <= TimeSpan.Zero || Timeout > TimeSpan.FromDays(1))
            return $"{nameof(Timeout)} must be more than nothing, and a day at most.";
        if (MaxRetries is < 0 or > 100)
            return $"{nameof(MaxRetries)} must be 0 to 100.";
        return MaxRetryDelay < TimeSpan.Zero || MaxRetryDelay > TimeSpan.FromDays(1) ? $"{nameof(MaxRetryDelay)} must be a day at most." : null;
    }

    /// <summary>Refuses options that cannot work when the application starts.</summary>
    internal sealed class Validator : IValidateOptions<CloudTabClientOptions>
    {
        /// <inheritdoc/>
        public ValidateOptionsResult Validate(string? name, CloudTabClientOptions options) =>
            options.Fault() is { } fault ? ValidateOptionsResult.Fail(fault) : ValidateOptionsResult.Success;
    }
}
