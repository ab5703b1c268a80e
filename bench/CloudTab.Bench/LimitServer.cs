using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace CloudTab.Bench;

/// <summary>What any .NET server must at least do with an upload: Kestrel reads the body and drops it, or takes its SHA-256 first.</summary>
internal static class LimitServer
{
    public static async Task<int> RunAsync(string work)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        app.MapGet("/", () => "ready");
        app.MapPost("/", async context =>
        {
            using var sha256 = work == "sha256" ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
            await ReadAsync(context, sha256);
        });
        await app.RunAsync();
        return 0;
    }

    private static async Task ReadAsync(HttpContext context, IncrementalHash? sha256)
    {
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        while (true)
        {
            var read = await context.Request.BodyReader.ReadAsync(context.RequestAborted);
            foreach (var segment in read.Buffer)
                sha256?.AppendData(segment.Span);
            context.Request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                break;
        }

        sha256?.GetHashAndReset();
    }
}
