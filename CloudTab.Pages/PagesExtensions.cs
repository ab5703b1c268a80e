using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Unicode;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Pages;

/// <summary>What a service needs to show pages.</summary>
public static class PagesExtensions
{
    /// <summary>Razor components rendered by the server, <see cref="Words"/> in the request's language, and failures as pages.</summary>
    public static void AddPages(this IServiceCollection services)
    {
        // Two services with pages may be one process.
        if (services.Any(service => service.ServiceType == typeof(Words)))
            return;
        services.AddRazorComponents();
        // It comes along for tokens that no page here has, and would write a key to the home folder at each start.
        services.Remove(services.Single(service => service.ImplementationType?.Name == "DataProtectionHostedService"));
        services.AddHttpContextAccessor();
        services.AddScoped(scope => Words.Of(scope.GetRequiredService<IHttpContextAccessor>().HttpContext!));
        // Every letter of Hindi would take eight as an entity.
        services.AddSingleton(HtmlEncoder.Create(UnicodeRanges.All));
        // Before the one that writes JSON for everybody.
        services.Insert(0, ServiceDescriptor.Singleton<IProblemDetailsWriter, ProblemPageWriter>());
        services.Configure<BrotliCompressionProviderOptions>(brotli => brotli.Level = CompressionLevel.Fastest);
        services.AddResponseCompression(compression =>
        {
            // Over HTTPS too: no page repeats what another site could put into its request, beside a secret (BREACH).
            compression.EnableForHttps = true;
            compression.MimeTypes = ["text/html"];
        });
    }

    /// <summary>
    /// Compresses the customers' pages. Only those: nothing may come between a request for bytes and them, and the shop's pages have names that
    /// strangers choose beside other customers' secrets (BREACH).
    /// </summary>
    public static void UsePages(this IApplicationBuilder app) => app.UseWhen(
        context => HttpMethods.IsGet(context.Request.Method)
            && !context.Request.Path.ToString().Contains("/api/", StringComparison.Ordinal)
            && !context.Request.Path.StartsWithSegments("/shop", StringComparison.OrdinalIgnoreCase),
        pages => pages.UseResponseCompression());
}
