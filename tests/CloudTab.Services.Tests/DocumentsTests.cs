using System.Net;
using CloudTab.ShopApi;
using CloudTab.Testing;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>
/// docs/openapi/ holds what the services say of their APIs. After a change of an API, <c>WRITE_DOCUMENTS=1 dotnet test --project
/// tests/CloudTab.Services.Tests --filter-class '*DocumentsTests'</c> writes it anew. That a document has every problem that an endpoint
/// answers is seen to by each test that gets one (<see cref="ServiceHost{TOptions}"/>).
/// </summary>
public sealed class DocumentsTests(DocumentsTests.Fixture relay, RelayFixture production) : IClassFixture<DocumentsTests.Fixture>, IClassFixture<RelayFixture>
{
    [Theory]
    [InlineData("customer")]
    [InlineData("shopkeeper")]
    public async Task The_repository_holds_what_each_service_says_of_itself(string name)
    {
        using var client = name == "customer" ? relay.UploadApi() : relay.ShopApi(key: null);
        var served = await client.GetStringAsync(new Uri($"/openapi/{name}.json", UriKind.Relative), Token);
        var path = Path.Combine(Repository.PathOf("docs/openapi"), $"{name}.json");
        if (Environment.GetEnvironmentVariable("WRITE_DOCUMENTS") is not null)
            await File.WriteAllTextAsync(path, served + "\n", Token);

        Assert.Equal(await File.ReadAllTextAsync(path, Token), served + "\n");
    }

    [Fact]
    public async Task The_page_asks_no_other_origin()
    {
        using var client = relay.UploadApi();
        using var page = await client.GetAsync(new Uri("/docs/", UriKind.Relative), Token);
        using var script = await client.GetAsync(new Uri("/docs/scalar.js", UriKind.Relative), Token);

        var policy = page.Headers.GetValues("Content-Security-Policy").Single();
        var html = await page.Content.ReadAsStringAsync(Token);
        Assert.StartsWith("default-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("://", html, StringComparison.Ordinal);
        Assert.Contains($"nonce=\"{policy.Split("'nonce-")[1].Split('\'')[0]}\"", html, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, script.StatusCode);
    }

    [Theory]
    [InlineData("/docs")]
    [InlineData("/docs/")]
    [InlineData("/docs/scalar.js")]
    [InlineData("/openapi/customer.json")]
    [InlineData("/openapi/shopkeeper.json")]
    public async Task Outside_Development_nothing_is_there(string path)
    {
        foreach (var client in (HttpClient[])[production.Host<UploadOptions>().Client(), production.Host<ApiKeyAuthentication>().Client()])
        {
            using (client)
            using (var answer = await client.GetAsync(new Uri(path, UriKind.Relative), Token))
                await answer.IsProblemAsync(HttpStatusCode.NotFound, "not_found");
        }
    }

    public sealed class Fixture(Dependencies dependencies) : RelayFixture(dependencies)
    {
        protected override string EnvironmentName => "Development";
    }
}
