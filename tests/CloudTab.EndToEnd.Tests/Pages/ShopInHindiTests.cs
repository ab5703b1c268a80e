using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>The shop's page in Hindi: no word of it is left in English.</summary>
[Collection(RunningStandalone.Collection)]
public sealed class ShopInHindiTests(RunningStandalone relay, Browsers browsers) : IAsyncDisposable
{
    private static readonly BrowserNewContextOptions InIndia = new() { Locale = "hi-IN" };

    [Fact]
    public async Task The_way_in_and_what_does_not_exist_is_told_in_Hindi()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var page = await browsers.OpenAsync(shop.Origin, new(InIndia));
        await page.GotoAsync("/shop");
        await Hindi.AssertAsync(page, "sign-in");
        await page.Locator("input[name=apiKey]").FillAsync("ctk_of-another-time_0000000000000000000000000");
        await page.Locator("button[type=submit]").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        await Hindi.AssertAsync(page, "refused key");
        await page.GotoAsync("/shop/nowhere");
        await Hindi.AssertAsync(page, "not found");
    }

    [Fact]
    public async Task A_job_its_files_and_its_receipt_are_told_in_Hindi()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var key = await shop.AddKeyAsync("काउंटर 1");
        using var other = shop.Program(await shop.AddKeyAsync("काउंटर 2"));
        var counter = await Counter.SignInAsync(browsers, shop, key, new(InIndia));
        var page = counter.Page;
        await Hindi.AssertAsync(page, "empty");

        var job = await shop.SendAsync(
            "आशा", new { copies = 2, colorMode = "color", sides = "two-sided-long-edge", pageRanges = "2-3", scaling = "none" }, ("1.pdf", Documents.Pdf(3)), ("2.png", Documents.Png(40, 30)));
        var theirs = await shop.SendAsync(customer: null, ("3.pdf", Documents.Pdf(1)));
        using var claimed = await other.PostAsync(new Uri($"/api/shopkeeper/sessions/{theirs.SessionId}/claim", UriKind.Relative), content: null, Token);
        var file = (await claimed.Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("session").GetProperty("files")[0].GetProperty("id").GetGuid();
        using var reported = await other.PostAsJsonAsync(
            $"/api/shopkeeper/files/{file}/prints", new { attempt = Guid.NewGuid(), printer = "काउंटर", state = "printing", reasons = (string[])["media-empty-error"] }, Token);
        Assert.Equal(HttpStatusCode.OK, reported.StatusCode);
        await Expect(counter.Row(theirs)).ToContainTextAsync("काउंटर 2");
        await counter.OpenAsync(theirs);
        await Expect(page.Locator(".state.is-theirs")).ToBeVisibleAsync();
        await Expect(counter.Row(theirs).Locator(".warning")).ToBeVisibleAsync();
        await Hindi.AssertAsync(page, "another counter's job");
        await page.Locator(".job-foot .verbs button").ClickAsync();
        await Expect(page.Locator("#reason")).ToBeFocusedAsync();
        await Hindi.AssertAsync(page, "give back");
        await page.Keyboard.PressAsync("Escape");
        await counter.Row(job).Locator(".take").ClickAsync();
        await Expect(page.Locator(".file")).ToHaveCountAsync(2);
        await Hindi.AssertAsync(page, "job");
        await Browsers.RecordAsync(page, "shop-hindi-job");

        await page.Locator(".file .file-tools button").First.ClickAsync();
        await Expect(page.Locator("dialog.viewer .primary")).ToBeEnabledAsync();
        await Hindi.AssertAsync(page, "preview");
        await page.Keyboard.PressAsync("Escape");
        await page.Locator(".paid").ClickAsync();
        await Expect(page.Locator(".paid.is-paid")).ToBeVisibleAsync();
        await page.Locator(".job-foot .primary").ClickAsync();
        await Expect(page.Locator("dialog.question")).ToBeVisibleAsync();
        await Hindi.AssertAsync(page, "question");
        await page.Locator("dialog.question .primary").ClickAsync();
        await Expect(counter.Row(job)).ToHaveCountAsync(0);
        await Hindi.AssertAsync(page, "done");
        await page.Locator("#search").FillAsync(job.PickupCode);
        await Hindi.AssertAsync(page, "not found in the queue");
        await page.Locator("#search").PressAsync("Enter");
        await Expect(counter.Notices).ToHaveCountAsync(2);
        await Hindi.AssertAsync(page, "told of its end");

        var plain = await browsers.OpenAsync(shop.Origin, new(InIndia) { JavaScriptEnabled = false, StorageState = await page.Context.StorageStateAsync() });
        await plain.GotoAsync("/shop");
        await Expect(plain.Locator("noscript p")).ToBeVisibleAsync();
        await Hindi.AssertAsync(plain, "without script");

        await page.Context.SetOfflineAsync(true);
        await Expect(counter.Link).ToHaveAttributeAsync("data-state", "broken");
        await Hindi.AssertAsync(page, "offline");
        await page.Context.SetOfflineAsync(false);
        await counter.IsLiveAsync();

        var customer = await browsers.OpenAsync(shop.Origin, new(InIndia));
        await customer.GotoAsync($"/s/{shop.Id}/sessions/{job.SessionId}");
        await customer.Locator("a[href*='/receipt/']").ClickAsync();
        await customer.WaitForURLAsync("**/receipt/**");
        // The signed text, digests, an address and the shop's id are of no language.
        await customer.EvaluateAsync("""
            (shop) => {
              document.querySelectorAll('code, p a').forEach((part) => part.remove())
              document.querySelectorAll('main p').forEach((part) => (part.textContent = part.textContent.replace(shop, '')))
            }
            """, shop.Id);
        await Hindi.AssertAsync(customer, "receipt");
    }

    [Fact]
    public async Task The_day_the_settings_and_the_poster_are_told_in_Hindi()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var key = await shop.AddKeyAsync("काउंटर 1");
        var counter = await Counter.SignInAsync(browsers, shop, key, new(InIndia));
        var page = counter.Page;
        await page.GotoAsync("/shop/day");
        await Expect(page.Locator(".figures")).ToBeVisibleAsync();
        await Hindi.AssertAsync(page, "day");

        await page.GotoAsync("/shop/settings");
        await Expect(page.Locator("ct-keys tbody tr")).ToHaveCountAsync(1);
        await Expect(page.Locator("ct-limits input")).ToHaveCountAsync(4);
        await Expect(page.Locator("ct-offer table")).ToBeVisibleAsync();
        await Browsers.RecordAsync(page, "shop-hindi-settings");
        await page.Locator(".address").EvaluateAsync("address => address.querySelector('p').lastElementChild.remove()"); // an address is of no language
        await Hindi.AssertAsync(page, "settings");
        await page.Locator("#upi").FillAsync("nobody");
        await page.Locator("#upi").PressAsync("Enter");
        await Expect(counter.Notices).ToHaveCountAsync(1);
        await Hindi.AssertAsync(page, "refused prices");
        await page.Locator("#key-name").FillAsync("काउंटर 2");
        await page.Locator("#key-name").PressAsync("Enter");
        await Expect(page.Locator("ct-keys tbody tr")).ToHaveCountAsync(2);
        await page.Locator(".key-shown code").EvaluateAsync("key => key.remove()");
        await Hindi.AssertAsync(page, "new key");
        await page.Locator("ct-keys tbody .danger").Last.ClickAsync();
        await Expect(page.Locator("dialog.question")).ToBeVisibleAsync();
        await Hindi.AssertAsync(page, "revoke");

        await page.GotoAsync("/shop/poster");
        await Browsers.RecordAsync(page, "shop-hindi-poster");
        await page.Locator(".poster-address").EvaluateAsync("address => address.remove()");
        await Hindi.AssertAsync(page, "poster");
    }

    public ValueTask DisposeAsync() => browsers.CloseAsync();
}
