using System.ComponentModel.DataAnnotations;

namespace CloudTab.Gateway;

/// <summary>
/// Where the services are: one address or more for each, as Aspire and every orchestrator that imitates it name them
/// (`services__upload-api__http__0`, `services__upload-api__http__1` …).
/// </summary>
internal sealed class GatewayOptions : IValidatableObject
{
    /// <summary>Addresses of the UploadApi's replicas (services__upload-api__http__0 …).</summary>
    [ConfigurationKeyName("services:upload-api:http")]
    public string[] UploadApi { get; set; } = [];

    /// <summary>Addresses of the ShopApi's replicas (services__shop-api__http__0 …).</summary>
    [ConfigurationKeyName("services:shop-api:http")]
    public string[] ShopApi { get; set; } = [];

    /// <summary>Addresses of the Notifier's replicas (services__notifier__http__0 …).</summary>
    [ConfigurationKeyName("services:notifier:http")]
    public string[] Notifier { get; set; } = [];

    /// <summary>Addresses of the Janitor's replicas (services__janitor__http__0 …): only /health asks them.</summary>
    [ConfigurationKeyName("services:janitor:http")]
    public string[] Janitor { get; set; } = [];

    /// <summary>Every service by the name that problems call it.</summary>
    public IEnumerable<(string Name, string[] Addresses)> Services =>
        [(Routes.UploadApi, UploadApi), (Routes.ShopApi, ShopApi), (Routes.Notifier, Notifier), (Routes.Janitor, Janitor)];

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (name, addresses) in Services)
        {
            if (addresses.Length == 0)
                yield return new($"services__{name}__http__0 is not set: say where {name} is");
            foreach (var address in addresses.Where(address => !IsHttp(address)))
                yield return new($"services__{name}__http: '{address}' is not an address such as http://10.0.0.1:8080");
        }
    }

    private static bool IsHttp(string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps);
}
