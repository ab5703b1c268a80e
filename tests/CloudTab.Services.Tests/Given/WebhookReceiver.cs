using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CloudTab.Relay;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CloudTab.Services.Tests;

/// <summary>A shop's own program, which is posted its events.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private WebhookReceiver(WebApplication app) => _app = app;

    /// <summary>All that was posted, to whichever path.</summary>
    public ConcurrentQueue<Posted> Posts { get; } = new();

    /// <summary>The status that a message is answered with; it may take its time.</summary>
    public Func<Posted, CancellationToken, Task<int>> Answer { get; set; } = (_, _) => Task.FromResult(StatusCodes.Status204NoContent);

    public static async Task<WebhookReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(host => host.ShutdownTimeout = TimeSpan.Zero);
        var receiver = new WebhookReceiver(builder.Build());
        receiver._app.Run(receiver.AnswerAsync);
        await receiver._app.StartAsync(Token);
        return receiver;
    }

    public string AddressOf(string path) => _app.Urls.Single() + path;

    /// <summary>What was posted to a path.</summary>
    public Posted[] At(string path) => [.. Posts.Where(post => post.Path == path)];

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var headers = context.Request.Headers;
        var post = new Posted(
            context.Request.Method, context.Request.Path, context.Request.ContentType, headers["webhook-id"]!, headers["webhook-timestamp"]!,
            headers["webhook-signature"]!, body.ToArray());
        Posts.Enqueue(post);
        context.Response.Headers.Location = AddressOf("/elsewhere");
        context.Response.StatusCode = await Answer(post, context.RequestAborted);
    }
}

/// <summary>A message as it came.</summary>
internal sealed record Posted(string Method, string Path, string? ContentType, string Id, string Timestamp, string Signature, byte[] Body)
{
    public JsonElement Json => JsonElement.Parse(Body);

    /// <summary>Whether one of its signatures is by this secret, as the specification says how to look.</summary>
    public bool IsSignedBy(byte[] secret)
    {
        var content = Encoding.UTF8.GetBytes($"{Id}.{Timestamp}.{Encoding.UTF8.GetString(Body)}");
        return Signature.Split(' ').Contains("v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, content)));
    }
}

/// <summary>A relay whose webhooks may lead to this machine.</summary>
public sealed class WebhookFixture(Dependencies dependencies) : RelayFixture(dependencies)
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["WEBHOOKS_TO_PRIVATE_ADDRESSES"] = "true",
    };

    /// <summary>A new shop with a webhook.</summary>
    public async Task<(TestShop Shop, NewWebhook Webhook)> ShopWithWebhookAsync(string url)
    {
        var shop = await ShopAsync();
        return (shop, await this.Service<Webhooks>().AddAsync(shop.Id, url, Token));
    }

    /// <summary>A webhook as its operator sees it.</summary>
    public async Task<ListedWebhook> FindAsync(string shop, Guid webhook) =>
        Assert.Single(await this.Service<Webhooks>().ListAsync(shop, Token), one => one.Id == webhook);
}
