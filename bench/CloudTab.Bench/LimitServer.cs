using System.Security.Cryptography;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CloudTab.Bench;

/// <summary>
/// The two halves of a relay, each alone: POST / reads a body and drops it, or takes its SHA-256 first; POST /s3/{size} sends as many
/// bytes to S3 that nobody has sent here.
/// </summary>
internal static class LimitServer
{
    /// <param name="work">`discard` or `sha256`.</param>
    /// <param name="pool">Kestrel's memory pool: `default` or `64k`.</param>
    public static async Task<int> RunAsync(string work, string pool)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        // Silent connections are measured, and not ended.
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MinRequestBodyDataRate = null);
        if (pool == "64k")
            builder.UseLargeSocketBlocks();
        builder.Services.AddSingleton<S3Client>();
        await using var app = builder.Build();
        app.MapGet("/", () => "ready");
        app.MapPost("/", async context =>
        {
            using var sha256 = work == "sha256" ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
            await ReadAsync(context, sha256);
        });
        app.MapPost("/s3/{size:int}", (int size, S3Client s3) => s3.SendAsync(size));
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
