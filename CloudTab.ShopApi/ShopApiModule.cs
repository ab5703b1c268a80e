using System.Text.Json.Serialization;
using CloudTab.Pages;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Authentication;

namespace CloudTab.ShopApi;

/// <summary>What the ShopApi is made of, for a host that has the defaults, the database, the object store and the relay.</summary>
public static class ShopApiModule
{
    public static void AddShopApi(this WebApplicationBuilder builder)
    {
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, JsonContext.Default);
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict; // "1000" is a field of the wrong type
        });

        builder.Services.AddSettings<LimitOptions>();
        builder.Services.AddOpenApi(ShopkeeperDocument.Name, ShopkeeperDocument.Describe);

        builder.Services.AddPages();
        builder.Services.AddSingleton<Telemetry>();
        // The framework's lines about each refused call say nothing that the counter of refusals does not.
        builder.Logging.AddFilter(typeof(ApiKeyAuthentication).FullName, LogLevel.Warning);
        builder.Services.AddAuthentication(ApiKeyAuthentication.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, ApiKeyAuthentication>(ApiKeyAuthentication.SchemeName, configureOptions: null);
        builder.Services.AddAuthorization();
    }

    public static void MapShopApi(this WebApplication app)
    {
        app.UseAuthentication();
        app.UseAuthorization();

        var shops = app.MapGroup("").WithGroupName(ShopkeeperDocument.Name);
        shops.MapGroup("/api/shopkeeper").RequireAuthorization().AnswersWith(StatusCodes.Status401Unauthorized, "WWW-Authenticate")
            .MapTickets().MapSessions().MapFiles().MapPrints().MapAgents().MapShop().MapOffer().MapLimits().MapKeys().MapDays();
        shops.MapPages();
        app.MapApiDocument(ShopkeeperDocument.Name);
    }
}
