using System.Net;
using System.Net.Http.Json;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>What is paid and what is not, on the customer's phone and at the counter.</summary>
[Collection(RunningStandalone.Collection)]
public sealed class PaymentTests(RunningStandalone relay, Browsers browsers) : IAsyncDisposable
{
    // A page, whose price is known however busy the machine is.
    private static readonly byte[] Picture = Documents.Png(40, 30);

    [Fact]
    public async Task A_job_that_grew_after_it_was_paid_shows_the_rest_until_that_is_paid_too()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var key = await shop.AddKeyAsync("Counter 1");
        using var program = shop.Program(key);
        using var offered = await program.PutAsJsonAsync(
            "/api/shopkeeper/offer", new { currency = "INR", twoSided = true, prices = new[] { new { media = "a4", colorMode = "monochrome", price = 200 } }, upiAddress = "corner@bank" }, Token);
        Assert.Equal(HttpStatusCode.OK, offered.StatusCode);
        var counter = await Counter.SignInAsync(browsers, shop, key);
        var job = await shop.SendAsync("Asha", ("one.png", Picture), ("two.png", Picture), ("three.png", Picture));
        var phone = await browsers.OpenAsync(shop.Origin);
        await phone.GotoAsync($"/s/{shop.Id}/sessions/{job.SessionId}");
        var pay = phone.Locator(".pay");
        await Expect(pay).ToContainTextAsync("To pay ₹6.00");
        await counter.OpenAsync(job);
        await counter.Button("Mark as paid").ClickAsync();
        await Expect(pay).ToContainTextAsync("Paid ₹6.00");
        await Expect(pay.GetByRole(AriaRole.Link)).ToHaveCountAsync(0);

        await shop.AddAsync(job, ("four.png", Picture));
        await ShowsRestAsync("Paid ₹6.00, ₹2.00 to pay");
        Assert.Matches("&am=2\\.00&cu=INR&", await pay.GetByRole(AriaRole.Link).GetAttributeAsync("href"));
        await Browsers.RecordAsync(phone, "customer-paid-in-part");
        await Browsers.RecordAsync(counter.Page, "shop-paid-in-part");
        var plain = await browsers.OpenAsync(shop.Origin, new() { JavaScriptEnabled = false, StorageState = await counter.Page.Context.StorageStateAsync() });
        await plain.GotoAsync("/shop");
        await Expect(plain.Locator("li.job")).ToContainTextAsync("Paid ₹6.00, ₹2.00 to pay");

        var marked = await counter.Page.RunAndWaitForRequestAsync(() => counter.Button("Mark as paid").ClickAsync(), request => request.Url.EndsWith("/paid", StringComparison.Ordinal));
        Assert.Equal("""{"amount":800}""", marked.PostData);
        await Expect(counter.Button("Paid")).ToHaveAttributeAsync("aria-pressed", "true");
        await Expect(pay).Not.ToContainTextAsync("to pay");
        await Expect(pay).ToContainTextAsync("₹8.00");
        await Expect(counter.Row(job).Locator(".chip.is-good")).ToHaveTextAsync("Paid");

        // Its price is not known.
        await shop.AddAsync(job, ("note.txt", "Print me.\n"u8.ToArray()));
        await ShowsRestAsync("Paid ₹8.00, more to pay");
        await Expect(pay).ToContainTextAsync("The shop tells the rest at the counter.");
        await counter.Button("Mark as paid").ClickAsync();
        await Expect(counter.Button("Paid")).ToHaveAttributeAsync("aria-pressed", "true");

        async Task ShowsRestAsync(string rest)
        {
            foreach (var place in (ILocator[])[pay, counter.Row(job), counter.Sheet.Locator(".bill")])
                await Expect(place).ToContainTextAsync(rest);
            await Expect(counter.Button("Mark as paid")).ToHaveAttributeAsync("aria-pressed", "false");
            await Expect(counter.Row(job).Locator(".chip.is-good")).ToHaveCountAsync(0);
        }
    }

    [Fact]
    public async Task That_a_job_was_paid_is_taken_back_only_after_a_question()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var other = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 2"));
        var job = await shop.SendAsync("Asha", ("one.png", Picture));
        foreach (var one in (Counter[])[counter, other])
            await one.OpenAsync(job);
        var question = counter.Page.GetByRole(AriaRole.Dialog);

        // Another counter is faster, and the button under the finger means the opposite.
        await other.Button("Mark as paid").ClickAsync();
        await counter.Button("Paid").ClickAsync();
        await Expect(question).ToContainTextAsync($"{job.PickupCode}: not paid after all?");
        await Browsers.RecordAsync(counter.Page, "shop-unpaid");
        await question.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        await Expect(question).ToHaveCountAsync(0);
        await counter.Page.ReloadAsync();
        await Expect(counter.Row(job).Locator(".chip.is-good")).ToHaveTextAsync("Paid");

        await counter.OpenAsync(job);
        await counter.Button("Paid").ClickAsync();
        await question.GetByRole(AriaRole.Button, new() { Name = "Not paid" }).ClickAsync();
        foreach (var one in (Counter[])[counter, other])
            await Expect(one.Button("Mark as paid")).ToHaveAttributeAsync("aria-pressed", "false");
    }

    [Fact]
    public async Task The_rest_of_a_finished_job_is_paid_on_the_day_sheet()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var key = await shop.AddKeyAsync("Counter 1");
        using var program = shop.Program(key);
        using var offered = await program.PutAsJsonAsync(
            "/api/shopkeeper/offer", new { currency = "INR", twoSided = true, prices = new[] { new { media = "a4", colorMode = "monochrome", price = 200 } } }, Token);
        Assert.Equal(HttpStatusCode.OK, offered.StatusCode);
        var job = await shop.SendAsync("Asha", ("one.png", Picture), ("two.png", Picture), ("three.png", Picture));
        await PostAsync(job, "paid");
        await shop.AddAsync(job, ("four.png", Picture));
        await PostAsync(job, "claim");
        await PostAsync(job, "complete");
        var counter = await Counter.SignInAsync(browsers, shop, key);
        await counter.Page.GetByRole(AriaRole.Link, new() { Name = "Day" }).ClickAsync();
        var row = counter.Page.Locator("ct-day tbody tr");
        var button = row.GetByRole(AriaRole.Button);
        await Expect(row).ToContainTextAsync("Paid ₹6.00, ₹2.00 to pay");
        await Expect(button).ToHaveAttributeAsync("aria-pressed", "false");
        await Browsers.RecordAsync(counter.Page, "shop-day-paid-in-part");
        await counter.Page.SetViewportSizeAsync(390, 844);
        Assert.True(await counter.Page.Locator("ct-day .table-room").EvaluateAsync<bool>("room => room.scrollWidth <= room.clientWidth"), "A part of the row is off the phone's screen.");

        await button.ClickAsync();

        await Expect(button).ToHaveAttributeAsync("aria-pressed", "true");
        await Expect(row).Not.ToContainTextAsync("to pay");
        await Expect(counter.Page.Locator(".figures")).ToContainTextAsync("₹8.00");

        // The same button takes it back now: the second click of two does not.
        var question = counter.Page.GetByRole(AriaRole.Dialog);
        await button.ClickAsync();
        await Expect(question).ToContainTextAsync("Token 1: not paid after all?");
        await counter.Page.Keyboard.PressAsync("Escape");
        await Expect(question).ToHaveCountAsync(0);
        await counter.Page.ReloadAsync();
        await Expect(button).ToHaveAttributeAsync("aria-pressed", "true");
        await button.ClickAsync();
        await question.GetByRole(AriaRole.Button, new() { Name = "Not paid" }).ClickAsync();
        await Expect(button).ToHaveAttributeAsync("aria-pressed", "false");

        async Task PostAsync(SentJob job, string verb)
        {
            using var answer = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.SessionId}/{verb}", UriKind.Relative), content: null, Token);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    public ValueTask DisposeAsync() => browsers.CloseAsync();
}
