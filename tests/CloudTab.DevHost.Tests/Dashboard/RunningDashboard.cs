using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Aspire.Hosting;
using CloudTab.DevHost.Dashboard;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.DevHost.Tests.Dashboard;

/// <summary>An application with its dashboard, and a browser that has opened the printed link.</summary>
public sealed class RunningDashboard : IAsyncDisposable
{
    public const string OtlpKey = "the-key-of-this-test";
    public const string Protobuf = "application/x-protobuf";

    private readonly RunningApplication _running;

    private RunningDashboard(RunningApplication running)
    {
        _running = running;
        Server = running.App.Services.GetRequiredService<DashboardServer>();
        Browser = new HttpClient(new HttpClientHandler { CookieContainer = new CookieContainer(), AllowAutoRedirect = false }) { BaseAddress = Server.Address };
        Stranger = new HttpClient { BaseAddress = Server.Address };
    }

    public DistributedApplication App => _running.App;

    public DashboardServer Server { get; }

    public HttpClient Browser { get; }

    /// <summary>Somebody without the cookie.</summary>
    public HttpClient Stranger { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static Task<RunningDashboard> StartAsync(params string[] settings) => StartAsync(_ => { }, settings);

    public static async Task<RunningDashboard> StartAsync(Action<IDistributedApplicationBuilder> model, params string[] settings) =>
        await LogInAsync(await RunningApplication.StartAsync(model, ["--dashboard", $"AppHost:OtlpApiKey={OtlpKey}", .. settings]));

    public static async Task<RunningDashboard> StartAppHostAsync() =>
        await LogInAsync(await RunningApplication.StartAppHostAsync("--dashboard"));

    public async Task<JsonElement> GetAsync(string path) => await Browser.GetFromJsonAsync<JsonElement>(path, Token);

    /// <summary>The resource, or its only replica, of this name.</summary>
    public async Task<JsonElement> ResourceAsync(string displayName) =>
        (await GetAsync("/api/resources")).GetProperty("resources").EnumerateArray().Single(resource => resource.GetProperty("displayName").GetString() == displayName);

    public Task<HttpResponseMessage> ExportAsync(string path, IMessage message) => ExportAsync(path, message.ToByteArray());

    public async Task<HttpResponseMessage> ExportAsync(string path, byte[] body, string type = Protobuf, string? encoding = null, string? key = OtlpKey)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue(type) } } };
        if (encoding is not null)
            request.Content.Headers.ContentEncoding.Add(encoding);
        if (key is not null)
            request.Headers.Add("x-otlp-api-key", key);
        return await Stranger.SendAsync(request, Token);
    }

    /// <summary>A stream's events, each with its JSON.</summary>
    public async IAsyncEnumerable<(string Type, JsonElement Data)> EventsAsync(string path, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Token);
        await using var stream = await Browser.GetStreamAsync(new Uri(path, UriKind.Relative), linked.Token);
        await foreach (var item in SseParser.Create(stream).EnumerateAsync(linked.Token))
            yield return (item.EventType, JsonSerializer.Deserialize<JsonElement>(item.Data));
    }

    public async ValueTask DisposeAsync()
    {
        Browser.Dispose();
        Stranger.Dispose();
        await _running.DisposeAsync();
    }

    private static async Task<RunningDashboard> LogInAsync(RunningApplication running)
    {
        var dashboard = new RunningDashboard(running);
        using var login = await dashboard.Browser.GetAsync(dashboard.Server.Link, Token);
        Assert.Equal(HttpStatusCode.Redirect, login.StatusCode);
        return dashboard;
    }
}
