using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
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
        host.UseKestrel();
        host.StartServer();
        return host;
    }

    /// <summary>A plain client over the network: no redirects followed, no cookies.</summary>
    public HttpClient Client() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Address };

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment(_environment);
        // Not UseKestrel(0): that writes the port into a server which may have started by then (dotnet/aspnetcore#67714).
        builder.UseUrls("http://127.0.0.1:0");
        foreach (var (name, value) in _settings)
            builder.UseSetting(name, value);
        builder.ConfigureTestServices(services => services.AddSingleton(_clock).PostConfigure<ProblemDetailsOptions>(TellUnnamed));
    }

    /// <summary>
    /// A problem that its endpoint does not name is missing from the API's document. Its code then says so, and the test that expects the
    /// code fails with these words.
    /// </summary>
    private static void TellUnnamed(ProblemDetailsOptions options)
    {
        var complete = options.CustomizeProblemDetails;
        options.CustomizeProblemDetails = context =>
        {
            complete?.Invoke(context);
            var (problem, http) = (context.ProblemDetails, context.HttpContext);
            var endpoint = http.GetEndpoint() ?? http.Features.Get<IExceptionHandlerFeature>()?.Endpoint;
            var named = endpoint?.Metadata.GetOrderedMetadata<Problem>() ?? [];
            if (named.Count > 0 && !named.Any(one => one.Status == problem.Status && one.Code.Equals(problem.Extensions["code"])))
                problem.Extensions["code"] = $"{problem.Status} {problem.Extensions["code"]} is not among the Answers(…) of {endpoint}";
        };
    }
}
