using System.Net;
using System.Security.Cryptography;

namespace CloudTab.Services.Tests;

public sealed class PreviewTests(RelayFixture relay) : IClassFixture<RelayFixture>
{
    [Theory]
    [InlineData("application/pdf", "a \"quoted\" रिपोर्ट.pdf")]
    [InlineData("image/jpeg", "photo.jpg")]
    [InlineData("image/png", "photo.png")]
    [InlineData("image/webp", "photo.webp")]
    [InlineData("image/heic", "photo.heic")]
    [InlineData("image/tiff", "scan.tiff")]
    public async Task A_picture_or_a_PDF_is_shown_inline_with_nothing_that_it_could_run_or_load(string type, string name)
    {
        var file = new GivenFile(name, RandomNumberGenerator.GetBytes(10_000), type);
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id, "Asha", file);
        using var browser = await relay.BrowserAsync(shop.Key);

        using var answer = await browser.GetAsync(Address(given), Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(file.Content, await answer.Content.ReadAsByteArrayAsync(Token));
        Assert.Equal(type, answer.Content.Headers.ContentType?.ToString());
        Assert.Equal("inline", answer.Content.Headers.ContentDisposition?.DispositionType);
        Assert.Equal(name, answer.Content.Headers.ContentDisposition?.FileNameStar);
        Assert.Equal("sandbox; default-src 'none'; frame-ancestors 'none'", answer.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("same-origin", answer.Headers.GetValues("Cross-Origin-Resource-Policy").Single());
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("DENY", answer.Headers.GetValues("X-Frame-Options").Single());
        Assert.True(answer.Headers.CacheControl?.NoStore);
    }

    [Fact]
    public async Task A_reader_of_PDFs_may_ask_for_a_range()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id, "Asha", new GivenFile("ten.pdf", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
        using var browser = await relay.BrowserAsync(shop.Key);
        using var request = new HttpRequestMessage(HttpMethod.Get, Address(given)) { Headers = { Range = new(2, 4) } };

        using var answer = await browser.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.PartialContent, answer.StatusCode);
        Assert.Equal([2, 3, 4], await answer.Content.ReadAsByteArrayAsync(Token));
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("text/csv")]
    [InlineData("text/html")]
    [InlineData("image/svg+xml")]
    [InlineData("application/xhtml+xml")]
    [InlineData("application/vnd.openxmlformats-officedocument.wordprocessingml.document")]
    public async Task Nothing_else_is_shown(string type)
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id, "Asha", new GivenFile("photo.png", [1], type));
        using var browser = await relay.BrowserAsync(shop.Key);

        using var answer = await browser.GetAsync(Address(given), Token);

        await answer.IsProblemAsync(HttpStatusCode.UnsupportedMediaType, "no_preview");
        Assert.Null(answer.Content.Headers.ContentDisposition);
    }

    [Fact]
    public async Task What_the_shop_cannot_download_is_not_shown_either()
    {
        var shop = await relay.ShopAsync();
        var (given, infected, deleted) = (await relay.SubmitAsync(shop.Id), await relay.SubmitAsync(shop.Id), await relay.SubmitAsync(shop.Id));
        await relay.ExecuteAsync("UPDATE files SET scan = 'infected' WHERE session = @Id", infected);
        await relay.ExecuteAsync("UPDATE files SET status = 'deleting' WHERE session = @Id", deleted);
        using var browser = await relay.BrowserAsync(shop.Key);
        using var other = await relay.BrowserAsync((await relay.ShopAsync()).Key);

        using var foreign = await other.GetAsync(Address(given), Token);
        using var unknown = await browser.GetAsync("/api/shopkeeper/files/x/preview", Token);
        using var bad = await browser.GetAsync(Address(infected), Token);
        using var gone = await browser.GetAsync(Address(deleted), Token);

        await foreign.IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
        await unknown.IsProblemAsync(HttpStatusCode.NotFound, "file_not_found");
        await bad.IsProblemAsync(HttpStatusCode.Forbidden, "file_infected");
        await gone.IsProblemAsync(HttpStatusCode.Gone, "file_deleted");
    }

    private static string Address(GivenSession session) => $"/api/shopkeeper/files/{session.Files[0]}/preview";
}
