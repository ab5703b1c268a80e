using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Pages;

/// <summary>What a service needs to show pages.</summary>
public static class PagesExtensions
{
    /// <summary>Razor components rendered by the server, and <see cref="Words"/> in the request's language.</summary>
    public static void AddPages(this IServiceCollection services)
    {
        services.AddRazorComponents();
        services.AddHttpContextAccessor();
        services.AddScoped(scope => Words.Of(scope.GetRequiredService<IHttpContextAccessor>().HttpContext!));
    }
}
