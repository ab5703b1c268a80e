using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>A service's own Program, run in this process by Kestrel on a free loopback port. Its options class names it.</summary>
internal sealed class ServiceHost<TOptions> : WebApplicationFactory<TOptions>
    where TOptions : class
{
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly string _environment;
    private readonly TimeProvider _clock;

    private ServiceHost(IReadOnlyDictionary<string, string> settings, string environment, TimeProvider clock)
    {
        _settings = settings;
        _environment = environment;
        _clock = clock;
    }

    public Uri Address => ClientOptions.BaseAddress;

    public static ServiceHost<TOptions> Start(IReadOnlyDictionary<string, string> settings, string environment, TimeProvider clock)
    {
        var host = new ServiceHost<TOptions>(settings, environment, clock);
        host.UseKestrel(0);
        host.StartServer();
        return host;
    }

    /// <summary>A plain client over the network: no redirects followed, no cookies.</summary>
    public HttpClient Client() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Address };

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment(_environment);
        foreach (var (name, value) in _settings)
            builder.UseSetting(name, value);
        builder.ConfigureTestServices(services => services.AddSingleton(_clock));
    }
}
