using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CloudTab.Clients.Tests;

/// <summary>Somebody's own page on another origin than the relay's: a file input, and the clients from npm.</summary>
public sealed class TestPage : IAsyncDisposable
{
    private WebApplication? _server;

    /// <summary>Its origin, as browsers write it.</summary>
    public string Origin => _server!.Urls.Single();

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _server = builder.Build();
        _server.MapGet("/", () => Results.Content("""<!doctype html><title>Shop</title><input type="file" multiple><script src="/page.js"></script>""", "text/html"));
        _server.MapGet("/page.js", async () => Results.Content(await NodePackages.ScriptForBrowsersAsync(), "text/javascript"));
        await _server.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}
