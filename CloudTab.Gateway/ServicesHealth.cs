using System.Net.Sockets;
using System.Text.Json;
using CloudTab.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace CloudTab.Gateway;

/// <summary>How the services are: each is asked whether it is ready, and is well where one of its replicas is.</summary>
internal sealed class ServicesHealth(IHttpClientFactory clients, IOptions<GatewayOptions> options) : IRelayHealth
{
    public async Task<RelayHealth> FindAsync(CancellationToken cancellationToken)
    {
        var connected = ConnectedShopkeepersAsync(cancellationToken);
        var asked = await Task.WhenAll(options.Value.Services.Select(service => ProblemOfAsync(service.Name, service.Addresses, cancellationToken)));
        return new([.. asked.OfType<string>()], await connected);
    }

    /// <returns>What is wrong with a service, or null where one of its replicas is ready.</returns>
    private async Task<string?> ProblemOfAsync(string name, string[] addresses, CancellationToken cancellationToken)
    {
        var problems = await Task.WhenAll(addresses.Select(address => AskAsync(address, cancellationToken)));
        return problems.Contains(null) ? null : $"{name}: {problems[0]}";
    }

    private async Task<string?> AskAsync(string address, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await clients.CreateClient().GetAsync(new Uri(new Uri(address), "/health/ready"), cancellationToken);
            return answer.IsSuccessStatusCode ? null : await answer.Content.ReadAsStringAsync(cancellationToken);
        }
        catch (Exception silent) when (silent is HttpRequestException or SocketException or OperationCanceledException)
        {
            return "does not answer";
        }
    }

    private async Task<long> ConnectedShopkeepersAsync(CancellationToken cancellationToken)
    {
        foreach (var address in options.Value.Notifier)
        {
            try
            {
                var presence = await clients.CreateClient().GetFromJsonAsync(
                    new Uri(new Uri(address), "/presence"), JsonContext.Default.Presence, cancellationToken);
                return presence!.ConnectedShopkeepers;
            }
            catch (Exception silent) when (silent is HttpRequestException or SocketException or OperationCanceledException or JsonException)
            {
                // The next replica knows as much: presence is in the database.
            }
        }

        return 0;
    }
}

/// <summary>What the Notifier answers to GET /presence.</summary>
internal sealed record Presence(long ConnectedShopkeepers);
