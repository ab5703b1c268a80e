using System.Net;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>What a shop sets for itself at its page.</summary>
[Collection(RunningAppHost.Collection)]
public sealed class SettingsTests(RunningAppHost relay, Browsers browsers) : IAsyncDisposable
{
    private static readonly byte[] Letter = Documents.Pdf(1);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_is_shown_once_and_opens_the_queue_until_it_is_revoked()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        await Expect(counter.Page.Locator("ct-keys tbody tr")).ToContainTextAsync("this device");
        await counter.Page.GetByLabel("Name of a new key").FillAsync("Counter 2");
        await counter.Button("Add a key").ClickAsync();
        var key = await counter.Page.Locator(".key-shown code").InnerTextAsync();
        await Expect(counter.Page.Locator("ct-keys tbody tr")).ToHaveCountAsync(2);
        await Browsers.RecordAsync(counter.Page, "shop-new-key");
        await counter.Button("I have it").ClickAsync();
        await Expect(counter.Page.GetByText(key)).ToHaveCountAsync(0);

        var row = counter.Page.Locator("ct-keys tbody tr", new() { HasText = "Counter 2" });
        await Expect(row).ToContainTextAsync("never");
        using (var program = shop.Program(key))
        using (var answer = await program.GetAsync(new Uri("/api/shopkeeper/sessions/pending", UriKind.Relative), Token))
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await counter.Page.ReloadAsync();
        await Expect(row).Not.ToContainTextAsync("never");

        await counter.Button("Revoke Counter 1").ClickAsync();
        await counter.Page.Locator("dialog").GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        await Expect(counter.Page.Locator("dialog")).ToHaveCountAsync(0);
        await counter.IsLiveAsync();
    }

    [Fact]
    public async Task A_revoked_key_ends_the_page_that_it_signed_in()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var other = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 2"));
        await shop.SendAsync("Asha", ("letter.pdf", Letter));

        await counter.Page.GetByRole(AriaRole.Link, new() { Name = "Settings" }).ClickAsync();
        await Expect(counter.Page.Locator("ct-keys tbody tr")).ToHaveCountAsync(2);
        await counter.Button("Revoke Counter 2").ClickAsync();
        await Browsers.RecordAsync(counter.Page, "shop-revoke");
        await counter.Page.Locator("dialog").GetByRole(AriaRole.Button, new() { Name = "Revoke" }).ClickAsync();
        await Expect(counter.Page.Locator("ct-keys tbody tr", new() { HasText = "Counter 2" })).ToContainTextAsync("revoked");

        await Expect(other.Link).ToHaveAttributeAsync("data-state", "signed-out");
        await Expect(other.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("This device is signed out");
        await Browsers.RecordAsync(other.Page, "shop-signed-out");
        await other.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in" }).ClickAsync();
        await Expect(other.Page.Locator("input[name=apiKey]")).ToBeVisibleAsync();
        await counter.IsLiveAsync();
    }

    [Fact]
    public async Task A_shop_is_closed_opened_and_named_and_its_customers_see_it()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        var customer = await browsers.OpenAsync(shop.Origin, new() { JavaScriptEnabled = false });

        await counter.Page.GetByLabel("Name that customers see").FillAsync("Print & Copy");
        await counter.Page.GetByLabel("Name that customers see").PressAsync("Enter");
        await Expect(counter.Notices).ToContainTextAsync("Saved");
        await customer.GotoAsync($"/s/{shop.Id}/");
        await Expect(customer.Locator("body")).ToContainTextAsync("Print & Copy");

        await counter.Button("Close the shop").ClickAsync();
        await Expect(counter.Page.GetByRole(AriaRole.Heading, new() { Name = "The shop is closed" })).ToBeVisibleAsync();
        await customer.ReloadAsync();
        await Expect(customer.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();

        await counter.Button("Open the shop").ClickAsync();
        await Expect(counter.Page.GetByRole(AriaRole.Heading, new() { Name = "The shop is open" })).ToBeVisibleAsync();
        await customer.ReloadAsync();
        await Expect(customer.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);
        await Expect(counter.Page.Locator(".address a").First).ToHaveAttributeAsync("href", $"{shop.Origin}s/{shop.Id}");
    }

    public ValueTask DisposeAsync() => browsers.CloseAsync();

    private async Task<Counter> OpenSettingsAsync(PageShop shop)
    {
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        await counter.Page.GetByRole(AriaRole.Link, new() { Name = "Settings" }).ClickAsync();
        await Expect(counter.Page.GetByRole(AriaRole.Heading, new() { Name = "The shop is open" })).ToBeVisibleAsync();
        return counter;
    }
}
