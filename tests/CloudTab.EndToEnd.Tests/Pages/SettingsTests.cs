using System.Net;
using System.Net.Http.Json;
using System.Text;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>What a shop sets for itself at its page.</summary>
[Collection(RunningStandalone.Collection)]
public sealed class SettingsTests(RunningStandalone relay, Browsers browsers) : IAsyncDisposable
{
    private static readonly byte[] Letter = Documents.Pdf(1);

    [Fact]
    public async Task A_key_is_shown_once_and_opens_the_queue_until_it_is_revoked()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        await Expect(counter.Page.Locator("ct-keys tbody tr")).ToContainTextAsync("this device");
        await counter.Page.GetByLabel("Name of a new key").FillAsync("Counter 2");
        await Browsers.RecordAsync(counter.Page, "shop-add-key");
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
        await Expect(counter.Button("Revoke Counter 1")).ToBeFocusedAsync();
        await counter.IsLiveAsync();
    }

    [Fact]
    public async Task A_print_agent_gets_a_key_of_its_own_and_its_printers_are_shown()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        await counter.Page.GetByLabel("Name of a new key").FillAsync("Print agent 1");
        await counter.Page.GetByLabel("For a print agent").CheckAsync();
        await counter.Button("Add a key").ClickAsync();
        var key = await counter.Page.Locator(".key-shown code").InnerTextAsync();
        await Expect(counter.Page.Locator("ct-keys tbody tr", new() { HasText = "Print agent 1" }).Locator(".chip")).ToHaveTextAsync("print agent");

        using var agent = shop.Program(key);
        using var seen = await agent.PutAsJsonAsync(
            "/api/shopkeeper/agent",
            new { name = "counter-pc", version = "1.0", printers = (object[])[new { name = "HP LaserJet", state = "stopped", reasons = (string[])["media-empty-error"] }, new { name = "Photo", state = "idle" }] },
            Token);
        Assert.Equal(HttpStatusCode.NoContent, seen.StatusCode);
        using (var refused = await agent.GetAsync(new Uri("/api/shopkeeper/keys", UriKind.Relative), Token))
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);

        await counter.Page.ReloadAsync();
        await Expect(counter.Page.Locator("ct-agents h3")).ToContainTextAsync("counter-pc");
        await Expect(counter.Page.Locator("ct-agents .chip")).ToHaveTextAsync("online");
        await Expect(counter.Page.Locator("ct-agents li")).ToHaveTextAsync(["HP LaserJet: The printer is out of paper.", "Photo: ready"]);
        await Expect(counter.Page.Locator("ct-agents .hint")).ToHaveCountAsync(0);
        using var holding = await agent.PutAsJsonAsync("/api/shopkeeper/agent", new { name = "counter-pc", version = "1.0", printers = Array.Empty<object>(), autoPrint = "none" }, Token);
        Assert.Equal(HttpStatusCode.NoContent, holding.StatusCode);
        await counter.Page.ReloadAsync();
        await Expect(counter.Page.Locator("ct-agents .hint")).ToHaveTextAsync("Prints nothing by itself: jobs are released at its PC.");
        await Browsers.RecordAsync(counter.Page, "shop-agents");
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
        await Expect(counter.Page.Locator(".shop-name")).ToHaveTextAsync("Print & Copy");
        await Expect(counter.Page).ToHaveTitleAsync("Print & Copy");
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

    [Fact]
    public async Task The_second_click_of_two_does_not_open_the_shop_that_the_first_has_closed()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        await counter.Button("Close the shop").ClickAsync();

        await counter.Button("Open the shop").DispatchEventAsync("click", new { detail = 2 });

        // The page has one change at a time, and makes this one.
        await counter.Page.GetByLabel("Name that customers see").FillAsync("Print & Copy");
        await counter.Page.GetByLabel("Name that customers see").PressAsync("Enter");
        await Expect(counter.Page.Locator(".shop-name")).ToHaveTextAsync("Print & Copy");
        await counter.Page.ReloadAsync();
        await Expect(counter.Button("Open the shop")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task What_another_counter_has_set_meanwhile_is_shown_and_not_overwritten()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        using var other = shop.Program(await shop.AddKeyAsync("Counter 2"));
        var (mono, color, files) = (counter.Page.GetByLabel("A4, Black and white: price"), counter.Page.GetByLabel("A4, Colour: price"), counter.Page.GetByLabel("Files in a job"));
        await Expect(mono).ToHaveValueAsync("");
        await Expect(files).ToHaveValueAsync("");
        foreach (var (setting, value) in ((string, object)[])[
            ("offer", new { currency = "INR", twoSided = true, prices = new[] { new { media = "a4", colorMode = "monochrome", price = 300 } }, upiAddress = (string?)null }),
            ("limits", new { files = 7 })])
        {
            using var set = await other.PutAsJsonAsync($"/api/shopkeeper/{setting}", value, Token);
            Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        }

        await color.FillAsync("10");
        await color.PressAsync("Enter");
        await Expect(counter.Notices.Last).ToContainTextAsync("Another counter has changed this meanwhile.");
        await Expect(mono).ToHaveValueAsync("3");
        await Expect(color).ToHaveValueAsync("10"); // which only this one has filled in
        await Browsers.RecordAsync(counter.Page, "shop-changed-meanwhile");
        await color.PressAsync("Enter");
        await Expect(counter.Notices.Last).ToContainTextAsync("Saved");
        await counter.Page.GetByLabel("One file, MB").FillAsync("5");
        await files.PressAsync("Enter");
        await Expect(files).ToHaveValueAsync("7");
        await files.PressAsync("Enter");
        await Expect(counter.Notices.Last).ToContainTextAsync("Saved");

        await counter.Page.ReloadAsync();
        foreach (var (field, value) in ((ILocator, string)[])[(mono, "3"), (color, "10"), (files, "7"), (counter.Page.GetByLabel("One file, MB"), "5")])
            await Expect(field).ToHaveValueAsync(value);
    }

    [Fact]
    public async Task The_queue_says_that_the_shop_is_closed_until_it_is_open_again()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        using var other = shop.Program(await shop.AddKeyAsync("Counter 2"));
        var page = counter.Page;
        var closed = page.GetByText("The shop is closed: customers cannot send files.");
        await page.GetByRole(AriaRole.Link, new() { Name = "Queue" }).ClickAsync();
        await Expect(page.GetByText("All done")).ToBeVisibleAsync();
        await Expect(closed).ToHaveCountAsync(0);

        await page.GetByRole(AriaRole.Link, new() { Name = "Settings" }).ClickAsync();
        await counter.Button("Close the shop").ClickAsync();
        await Expect(counter.Button("Open the shop")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Queue" }).ClickAsync();
        await Expect(closed).ToBeVisibleAsync();
        await Browsers.RecordAsync(page, "shop-closed");
        var plain = await browsers.OpenAsync(shop.Origin, new() { JavaScriptEnabled = false, StorageState = await page.Context.StorageStateAsync() });
        await plain.GotoAsync("/shop");
        await Expect(plain.GetByText("The shop is closed: customers cannot send files.")).ToBeVisibleAsync();

        await page.Locator(".banner").GetByRole(AriaRole.Link, new() { Name = "Settings" }).ClickAsync();
        await counter.Button("Open the shop").ClickAsync();
        await Expect(counter.Button("Close the shop")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Queue" }).ClickAsync();
        await Expect(page.GetByText("All done")).ToBeVisibleAsync();
        await Expect(closed).ToHaveCountAsync(0);

        // No event tells what another counter does; the page looks when its connection is back, and every three minutes.
        using (var answer = await other.PatchAsJsonAsync("/api/shopkeeper/shop", new { acceptsUploads = false }, Token))
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await page.Context.SetOfflineAsync(true);
        await Expect(counter.Link).ToHaveAttributeAsync("data-state", "broken");
        await page.Context.SetOfflineAsync(false);
        await Expect(closed).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Limits_that_a_shop_sets_are_its_customers_and_never_beyond_the_operator_s()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        var (files, size) = (counter.Page.GetByLabel("Files in a job"), counter.Page.GetByLabel("One file, MB"));
        await Expect(files).ToHaveValueAsync("");
        await Expect(counter.Page.Locator("#most-files")).ToContainTextAsync("50 at most.");
        await Expect(counter.Page.Locator("#most-fileSize")).ToContainTextAsync("50 MB at most.");

        await files.FillAsync("51");
        await files.PressAsync("Enter");
        Assert.False(await files.EvaluateAsync<bool>("field => field.checkValidity()"));
        await files.FillAsync("2");
        await size.FillAsync("0.5");
        await counter.Page.GetByLabel("All files of a job, MB").FillAsync("0.25");
        await size.PressAsync("Enter");
        await Expect(counter.Notices.Last).ToContainTextAsync("all files of a job need as much room as one");
        await counter.Page.GetByLabel("All files of a job, MB").FillAsync("");
        await size.PressAsync("Enter");
        await Expect(counter.Notices.Last).ToContainTextAsync("Saved");
        await counter.Page.ReloadAsync();
        await Expect(files).ToHaveValueAsync("2");
        await Expect(size).ToHaveValueAsync("0.5");
        await Browsers.RecordAsync(counter.Page, "shop-limits");

        var customer = await browsers.OpenAsync(shop.Origin, new() { JavaScriptEnabled = false });
        await customer.GotoAsync($"/s/{shop.Id}/");
        await Expect(customer.Locator("#limits")).ToContainTextAsync("up to 2 files of 512 kB each");

        await files.FillAsync("");
        await size.FillAsync("");
        await size.PressAsync("Enter");
        await Expect(counter.Notices.Last).ToContainTextAsync("Saved");
        await customer.ReloadAsync();
        await Expect(customer.Locator("#limits")).ToContainTextAsync("up to 50 files of 50 MB each");
    }

    [Fact]
    public async Task Prices_that_are_entered_are_what_customers_pay_and_what_the_day_brought()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        await counter.Page.GetByLabel("A4, Black and white: price").FillAsync("2.5");
        await counter.Page.GetByLabel("A4, Colour: offered").CheckAsync();
        await counter.Page.GetByLabel("UPI address").FillAsync("corner@bank");
        await counter.Page.GetByLabel("UPI address").PressAsync("Enter");
        await Expect(counter.Notices).ToContainTextAsync("Saved");
        await counter.Page.ReloadAsync();
        await Expect(counter.Page.GetByLabel("A4, Black and white: price")).ToHaveValueAsync("2.5");
        await Expect(counter.Page.GetByLabel("A4, Black and white: offered")).ToBeCheckedAsync();
        await Expect(counter.Page.GetByLabel("A3, Black and white: offered")).Not.ToBeCheckedAsync();
        await counter.Page.GetByLabel("UPI address").FillAsync("nobody");
        await counter.Page.GetByLabel("UPI address").PressAsync("Enter");
        await Expect(counter.Notices.Last).ToContainTextAsync("Look at the numbers, and at the UPI address");
        await counter.Page.ReloadAsync();
        await Expect(counter.Page.GetByLabel("UPI address")).ToHaveValueAsync("corner@bank");
        await Browsers.RecordAsync(counter.Page, "shop-settings");

        var jobs = new[] { await shop.SendAsync("Asha", ("one.pdf", Letter)), await shop.SendAsync("Rahul", ("three.pdf", Documents.Pdf(3))) };
        await counter.Page.GetByRole(AriaRole.Link, new() { Name = "Queue" }).ClickAsync();
        await Expect(counter.Row(jobs[0])).ToContainTextAsync("₹2.50");
        await Expect(counter.Row(jobs[1])).ToContainTextAsync("₹7.50");
        foreach (var job in jobs)
        {
            await counter.TakeAsync(job);
            await Expect(counter.Sheet).ToContainTextAsync("With you");
            if (job == jobs[1])
                await counter.Button("Mark as paid").ClickAsync();
            await counter.Button("Done").ClickAsync();
            // Nothing of it was printed here: the page asks first.
            if (job == jobs[0])
                await Browsers.RecordAsync(counter.Page, "shop-question");
            await counter.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Done, delete the files" }).ClickAsync();
            await Expect(counter.Row(job)).ToHaveCountAsync(0);
        }

        await counter.Page.GetByRole(AriaRole.Link, new() { Name = "Day" }).ClickAsync();
        foreach (var (figure, value) in ((string, string)[])[("Jobs", "2"), ("Pages", "4"), ("Black and white", "4"), ("Paid", "₹7.50"), ("Not marked as paid", "₹2.50")])
            Assert.Equal(value, await Figure(figure).InnerTextAsync());
        await Browsers.RecordAsync(counter.Page, "shop-day");
        var csv = await counter.Page.RunAndWaitForDownloadAsync(() => counter.Page.GetByRole(AriaRole.Link, new() { Name = "CSV" }).ClickAsync());
        Assert.EndsWith(".csv", csv.SuggestedFilename, StringComparison.Ordinal);
        var lines = (await File.ReadAllTextAsync(await csv.PathAsync(), Token)).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.DoesNotContain("Asha", string.Concat(lines), StringComparison.Ordinal);
        Assert.Contains("Counter 1", lines[1], StringComparison.Ordinal);
        await Expect(counter.Page.Locator("ct-day tbody tr")).ToHaveCountAsync(2);
        await counter.Page.Locator("ct-day tbody tr", new() { HasText = "₹2.50" }).GetByRole(AriaRole.Button).ClickAsync();
        await Expect(Figure("Paid")).ToHaveTextAsync("₹10.00");
        await Expect(Figure("Not marked as paid")).ToHaveTextAsync("₹0.00");
        await counter.Button("The day before").ClickAsync();
        await Expect(counter.Page.GetByText("No job was finished on this day.")).ToBeVisibleAsync();
        await Browsers.RecordAsync(counter.Page, "shop-day-empty");

        ILocator Figure(string name) => counter.Page.Locator(".figures div", new() { Has = counter.Page.GetByText(name, new() { Exact = true }) }).Locator("dd");
    }

    [Fact]
    public async Task The_day_is_the_one_that_it_is_where_the_clock_is_wrong_and_a_zone_that_the_relay_does_not_know_is_named()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Program"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        foreach (var step in (string[])["claim", "complete"])
        {
            using var done = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.SessionId}/{step}", UriKind.Relative), null, Token);
            Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        }

        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var page = counter.Page;
        foreach (var days in (int[])[-3, 3])
        {
            await page.Clock.SetFixedTimeAsync(TimeProvider.System.GetUtcNow().AddDays(days).UtcDateTime);
            await page.GotoAsync("/shop/day");
            await Expect(page.Locator(".figures dd").First).ToHaveTextAsync("1");
            await Expect(counter.Button("The day after")).ToHaveAttributeAsync("aria-disabled", "true");
        }

        // Chromium's name for it.
        await page.RouteAsync("**/days/**", route => route.ContinueAsync(new() { Url = route.Request.Url.Replace("Asia%2FCalcutta", "Atlantis%2FCity", StringComparison.Ordinal) }));
        await page.ReloadAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("This day cannot be shown. Look at the date, and at this PC’s time zone: Asia/Calcutta.");
        await Expect(page.Locator(".figures")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Prices_are_in_the_currency_that_the_shop_enters()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        await counter.Page.GetByLabel("A4, Black and white: price").FillAsync("0.1");
        await counter.Page.GetByLabel("Currency").FillAsync("eur");
        await counter.Page.GetByLabel("Currency").PressAsync("Enter");
        await Expect(counter.Notices).ToContainTextAsync("Saved");
        await counter.Page.ReloadAsync();
        await Expect(counter.Page.GetByLabel("Currency")).ToHaveValueAsync("EUR");
        await Expect(counter.Page.GetByLabel("A4, Black and white: price")).ToHaveValueAsync("0.1");

        var job = await shop.SendAsync("Asha", ("one.pdf", Letter));
        await counter.Page.GetByRole(AriaRole.Link, new() { Name = "Queue" }).ClickAsync();
        await Expect(counter.Row(job).Locator(".job-price")).ToContainTextAsync("€0.10");
    }

    [Fact]
    public async Task An_address_of_the_shop_s_pages_that_does_not_exist_says_so_as_a_page()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var answer = await counter.Page.GotoAsync("/shop/nowhere");
        Assert.Equal(404, answer!.Status);
        await Expect(counter.Page.GetByRole(AriaRole.Heading)).ToHaveTextAsync("Not found");
        await Browsers.RecordAsync(counter.Page, "shop-problem");
        await counter.Page.GetByRole(AriaRole.Link, new() { Name = "Back" }).ClickAsync();
        await counter.IsLiveAsync();
    }

    [Fact]
    public async Task The_poster_leads_to_the_shop_on_one_sheet_of_A4()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await OpenSettingsAsync(shop);
        var poster = await counter.Page.RunAndWaitForPopupAsync(() => counter.Page.GetByRole(AriaRole.Link, new() { Name = "Poster to print" }).ClickAsync());
        await Expect(poster.GetByText($"{shop.Origin}s/{shop.Id}")).ToBeVisibleAsync();
        Assert.Equal($"{shop.Origin}s/{shop.Id}", await Camera.ScanAsync(poster.Locator("svg")));
        await Browsers.RecordAsync(poster, "shop-poster");
        var pdf = await poster.PdfAsync(new() { PreferCSSPageSize = true });
        Assert.Contains("/Type /Pages\n/Count 1\n", Encoding.Latin1.GetString(pdf), StringComparison.Ordinal);
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
