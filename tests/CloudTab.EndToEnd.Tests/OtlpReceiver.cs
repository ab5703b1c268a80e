using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CloudTab.EndToEnd.Tests;

/// <summary>
/// Where services send their telemetry: OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp). It keeps every body as it
/// came.
/// </summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Export> _exports = new();

    private OtlpReceiver()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _app = builder.Build();
        _app.Urls.Add("http://127.0.0.1:0");
        _app.MapPost("/v1/{signal}", KeepAsync);
    }

    /// <summary>The value of OTEL_EXPORTER_OTLP_ENDPOINT.</summary>
    public string Address => _app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single();

    public IReadOnlyCollection<Export> Exports => _exports;

    public static async Task<OtlpReceiver> StartAsync(CancellationToken cancellationToken)
    {
        var receiver = new OtlpReceiver();
        await receiver._app.StartAsync(cancellationToken);
        return receiver;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task<IResult> KeepAsync(string signal, HttpRequest request)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        _exports.Enqueue(new(signal, body.ToArray()));
        return Results.Bytes([], "application/x-protobuf"); // an empty answer: everything was taken
    }
}

/// <summary>What a service sent at once.</summary>
/// <param name="Signal">`traces`, `metrics` or `logs`.</param>
public sealed record Export(string Signal, byte[] Body)
{
    /// <summary>
    /// The export by the service that it is of. All three signals begin alike: resources (1), each with its attributes (1.1) and, by
    /// scope (2), what it sent (2.2).
    /// </summary>
    public IEnumerable<(string Service, IEnumerable<Protobuf> Sent)> Services()
    {
        foreach (var resource in new Protobuf(Body).Messages(1))
        {
            var service = Attributes.Of(resource.Messages(1).Single(), 1)["service.name"];
            yield return ((string)service!, resource.Messages(2).SelectMany(scope => scope.Messages(2)));
        }
    }
}
