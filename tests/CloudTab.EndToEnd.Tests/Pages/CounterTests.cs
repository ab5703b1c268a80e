using System.Net;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>The queue at the shop's counter, in browsers against the running application.</summary>
[Collection(RunningStandalone.Collection)]
public sealed class CounterTests(RunningStandalone relay, Browsers browsers) : IAsyncDisposable
{
    private static readonly byte[] Letter = Documents.Pdf(3);

    [Fact]
    public async Task A_key_signs_a_browser_in_and_stays_in_no_place_that_script_can_read()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var key = await shop.AddKeyAsync("Counter 1");
        var page = await browsers.OpenAsync(shop.Origin);
        await page.GotoAsync("/shop");
        await Browsers.RecordAsync(page, "shop-sign-in");

        await page.Locator("input[name=apiKey]").FillAsync("ctk_of-another-time_0000000000000000000000000");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        await Browsers.RecordAsync(page, "shop-sign-in-refused");

        await page.Locator("input[name=apiKey]").FillAsync(key);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await new Counter(page).IsLiveAsync();
        await Expect(page.GetByText("All done")).ToBeVisibleAsync();
        await Browsers.RecordAsync(page, "shop-empty");

        var cookie = Assert.Single(await page.Context.CookiesAsync(), one => one.Value.Length > 30);
        Assert.True(cookie is { HttpOnly: true, SameSite: SameSiteAttribute.Strict });
        Assert.DoesNotContain(key, cookie.Value, StringComparison.Ordinal);
        Assert.DoesNotContain(key, await page.EvaluateAsync<string>("JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_plain_HTTP_the_form_says_that_the_page_needs_HTTPS()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        // A name that is no loopback's, for which the relay is asked as a proxy.
        var page = await browsers.OpenAsync(new Uri("http://shop.test"), new() { Proxy = new() { Server = shop.Origin.Authority } });
        await page.GotoAsync("/shop");

        await page.Locator("input[name=apiKey]").FillAsync(await shop.AddKeyAsync("Counter 1"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();

        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("this page needs HTTPS");
    }

    [Fact]
    public async Task Of_two_counters_that_take_a_job_at_once_one_has_it_and_both_say_who()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counters = new[]
        {
            await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1")),
            await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 2")),
        };
        var job = await shop.SendAsync("Rahul", ("letter.pdf", Letter));
        await Task.WhenAll(counters.Select(counter => Expect(counter.Row(job)).ToBeVisibleAsync()));

        // Both press before either hears of the other.
        await Task.WhenAll(counters.Select(counter => counter.Row(job).Locator(".take").EvaluateAsync("button => button.click()")));

        foreach (var counter in counters)
            await Expect(counter.Section(job)).Not.ToContainTextAsync("Waiting");
        var winner = await counters[0].Section(job).GetByText("With you").IsVisibleAsync() ? 0 : 1;
        await Expect(counters[winner].Section(job)).ToContainTextAsync("With you");
        await Expect(counters[1 - winner].Section(job)).ToContainTextAsync("At other counters");
        await Expect(counters[1 - winner].Row(job)).ToContainTextAsync($"Counter {winner + 1}");
        await Expect(counters[1 - winner].Notices).ToContainTextAsync("Another counter was faster");
        await counters[1 - winner].OpenAsync(job);
        await Expect(counters[1 - winner].Sheet).ToContainTextAsync($"With Counter {winner + 1}");
        await Expect(counters[1 - winner].Button("Done")).ToHaveCountAsync(0);
        await Browsers.RecordAsync(counters[1 - winner].Page, "shop-other-counter");

        // To look at it does no harm; to print it is for the one who has it.
        var viewer = counters[1 - winner].Page.Locator("dialog.viewer");
        await counters[1 - winner].Page.Locator(".file").GetByRole(AriaRole.Button, new() { Name = "View" }).ClickAsync();
        await Expect(viewer.FrameLocator("iframe").Locator("canvas").First).ToBeVisibleAsync();
        await Expect(viewer.GetByRole(AriaRole.Button)).ToHaveCountAsync(1); // closes it
        await Expect(viewer.GetByRole(AriaRole.Link)).ToHaveCountAsync(0);
        await counters[1 - winner].Page.Keyboard.PressAsync("Escape");

        await counters[winner].Button("Put back").ClickAsync();
        foreach (var counter in counters)
            await Expect(counter.Section(job)).ToContainTextAsync("Waiting");
        await counters[1 - winner].TakeAsync(job);
        await Expect(counters[winner].Section(job)).ToContainTextAsync("At other counters");

        await shop.WithdrawAsync(job);
        await Expect(counters[1 - winner].Sheet).ToContainTextAsync("The customer has withdrawn this job");
        await Expect(counters[winner].Rows).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_page_that_is_loaded_again_still_knows_which_jobs_are_its_own()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        using var other = shop.Program(await shop.AddKeyAsync("Counter 2"));
        var ours = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        var theirs = await shop.SendAsync("Rahul", ("letter.pdf", Letter));
        var waiting = await shop.SendAsync(customer: null, ("letter.pdf", Letter));
        await counter.TakeAsync(ours);
        await Expect(counter.Sheet).ToContainTextAsync("With you");
        await ClaimAsync(other, theirs);

        await counter.Page.ReloadAsync();
        await counter.IsLiveAsync();
        await Expect(counter.Section(ours)).ToContainTextAsync("With you");
        await Expect(counter.Section(theirs)).ToContainTextAsync("At other counters");
        await Expect(counter.Row(theirs)).ToContainTextAsync("Counter 2");
        await Expect(counter.Section(waiting)).ToContainTextAsync("Waiting");

        // The same without script: what the server has rendered.
        var state = await counter.Page.Context.StorageStateAsync();
        var plain = await browsers.OpenAsync(shop.Origin, new() { JavaScriptEnabled = false, StorageState = state });
        await plain.GotoAsync("/shop");
        foreach (var job in (SentJob[])[ours, theirs, waiting])
            await Expect(plain.GetByText(job.PickupCode)).ToBeVisibleAsync();
        await Expect(plain.Locator("h2")).ToHaveTextAsync(["With you 1", "Waiting 1", "At other counters 1"]);
        await RecordWithoutScriptAsync(shop, plain);
    }

    [Fact]
    public async Task A_job_is_found_by_its_code_also_with_the_keyboard_alone()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var jobs = new List<SentJob>();
        foreach (var name in (string[])["Asha", "Rahul", "Priya"])
            jobs.Add(await shop.SendAsync(name, ("letter.pdf", Letter)));
        await Expect(counter.Rows).ToHaveCountAsync(3);

        var keyboard = counter.Page.Keyboard;
        await keyboard.PressAsync("/");
        await keyboard.TypeAsync(jobs[1].PickupCode.ToLowerInvariant());
        await Expect(counter.Rows).ToHaveCountAsync(1);
        await keyboard.PressAsync("Enter");
        await Expect(counter.Sheet).ToContainTextAsync("Rahul");
        await Expect(counter.Rows).ToHaveCountAsync(3);

        await keyboard.PressAsync("Escape");
        await Expect(counter.Sheet).ToHaveCountAsync(0);
        await Expect(counter.Row(jobs[1]).Locator(".job-open")).ToBeFocusedAsync();
        await keyboard.PressAsync("ArrowDown");
        await Expect(counter.Row(jobs[2]).Locator(".job-open")).ToBeFocusedAsync();
        await keyboard.PressAsync("Tab");
        await keyboard.PressAsync("Enter");
        await Expect(counter.Sheet).ToContainTextAsync("With you");
        await Expect(counter.Sheet).ToContainTextAsync("Priya");

        await shop.WithdrawAsync(jobs[0]);
        await Expect(counter.Rows).ToHaveCountAsync(2);
        await counter.Page.Locator("#search").FillAsync(jobs[0].PickupCode);
        await Expect(counter.Page.GetByText("Not in the queue")).ToBeVisibleAsync();
        await Browsers.RecordAsync(counter.Page, "shop-not-found");
        await counter.Page.Locator("#search").PressAsync("Enter");
        await Expect(counter.Notices).ToContainTextAsync("The customer has withdrawn this job");
    }

    [Fact]
    public async Task After_a_break_of_the_connection_everything_is_right_again_without_a_reload()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        using var other = shop.Program(await shop.AddKeyAsync("Counter 2"));
        var withdrawn = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        var claimed = await shop.SendAsync("Rahul", ("letter.pdf", Letter));
        await Expect(counter.Rows).ToHaveCountAsync(2);
        await Expect(counter.Button("Tap once for sound")).ToBeVisibleAsync();

        await counter.Page.Context.SetOfflineAsync(true);
        await Expect(counter.Link).ToHaveAttributeAsync("data-state", "broken");
        await Browsers.RecordAsync(counter.Page, "shop-offline");
        await counter.TakeAsync(claimed);
        await Expect(counter.Notices).ToContainTextAsync("No answer. Try again");
        await Expect(counter.Button("Sound for new jobs")).ToHaveAttributeAsync("aria-pressed", "true"); // the page was touched
        await shop.WithdrawAsync(withdrawn);
        await ClaimAsync(other, claimed);
        var sent = await shop.SendAsync("Priya", ("letter.pdf", Letter));
        Assert.Equal(0, await counter.TonesAsync());

        await counter.Page.Context.SetOfflineAsync(false);
        await counter.IsLiveAsync();
        await Expect(counter.Section(sent)).ToContainTextAsync("Waiting");
        await Expect(counter.Page.Locator("ct-counter > [role=status].visually-hidden")).ToContainTextAsync($"New job {sent.PickupCode}, Priya");
        Assert.Equal(2, await counter.TonesAsync()); // one chime
        await Expect(counter.Section(claimed)).ToContainTextAsync("At other counters");
        await Expect(counter.Row(withdrawn)).ToHaveCountAsync(0);
        await Expect(counter.Page).ToHaveTitleAsync("(1) Corner Print");
    }

    [Fact]
    public async Task A_ticket_that_never_comes_does_not_keep_the_page_from_connecting()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        // A dead network gives no answer; the page's limit of time for one, made shorter here.
        await counter.Page.EvaluateAsync("() => { const limit = AbortSignal.timeout.bind(AbortSignal); AbortSignal.timeout = (time) => limit(time / 20) }");
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await counter.Page.RouteAsync("**/ticket", _ => Task.FromResult(asked.TrySetResult()), new() { Times = 1 });
        await counter.Page.Context.SetOfflineAsync(true);
        await Expect(counter.Link).ToHaveAttributeAsync("data-state", "broken");
        await counter.Page.Context.SetOfflineAsync(false);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(15), TimeProvider.System, Token);

        await counter.IsLiveAsync();
    }

    [Fact]
    public async Task A_relay_that_stops_says_when_the_page_connects_again()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        IWebSocketRoute? page = null;
        await counter.Page.RouteWebSocketAsync("**/ws", socket => (page = socket).ConnectToServer());
        await counter.Page.ReloadAsync();
        await counter.IsLiveAsync();

        // Left to itself the page comes back within half a second.
        page!.Send("""{"type":"going_away","retryAfterMs":1500}""");
        var began = TimeProvider.System.GetTimestamp();
        var back = counter.Page.WaitForRequestAsync("**/ticket");
        await page.CloseAsync(new() { Code = 1001 });
        await back;

        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.FromSeconds(1.4), TimeSpan.FromSeconds(30));
        await counter.IsLiveAsync();
    }

    [Theory]
    [InlineData("GET", "/sessions/processing$")]
    [InlineData("POST", "/sessions/[a-z0-9]{26}/claim$")]
    [InlineData("GET", "/sessions/[a-z0-9]{26}$")]
    public async Task A_job_that_is_withdrawn_does_not_come_back_with_an_answer_from_before(string method, string pattern)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        using var other = shop.Program(await shop.AddKeyAsync("Counter 2"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        await Expect(counter.Row(job)).ToBeVisibleAsync();
        var held = await HeldAnswer.NextAsync(counter.Page, method, pattern);
        // The page asks for one job when its claim comes too late, and who has which job when another counter claims one.
        if (method == "POST")
        {
            await counter.TakeAsync(job);
        }
        else if (!pattern.Contains("processing", StringComparison.Ordinal))
        {
            await counter.Page.RouteAsync("**/claim", async route =>
            {
                await ClaimAsync(other, job);
                await route.ContinueAsync();
            });
            await counter.TakeAsync(job);
        }
        else
        {
            await ClaimAsync(other, job);
        }

        await held.Given;
        await Expect(counter.Section(job)).Not.ToContainTextAsync("Waiting");
        await shop.WithdrawAsync(job);
        await Expect(counter.Row(job)).ToHaveCountAsync(0);
        await held.ReleaseAsync();

        await HeardOfAsync(await shop.SendAsync("Priya", ("letter.pdf", Letter)), counter);
        await Expect(counter.Rows).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task A_job_that_another_counter_took_after_it_was_put_back_stays_there_when_the_answer_comes()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        using var other = shop.Program(await shop.AddKeyAsync("Counter 2"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        await counter.TakeAsync(job);
        await Expect(counter.Sheet).ToContainTextAsync("With you");
        var held = await HeldAnswer.NextAsync(counter.Page, "POST", "/release$");
        await counter.Button("Put back").ClickAsync();
        await held.Given;
        await Expect(counter.Section(job)).ToContainTextAsync("Waiting");
        await ClaimAsync(other, job);
        await Expect(counter.Row(job)).ToContainTextAsync("Counter 2");
        await held.ReleaseAsync();

        await HeardOfAsync(await shop.SendAsync("Priya", ("letter.pdf", Letter)), counter);
        await Expect(counter.Section(job)).ToContainTextAsync("At other counters");
    }

    [Fact]
    public async Task A_job_that_was_opened_while_another_was_being_taken_stays_open_when_the_answer_comes()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var (taken, opened) = (await shop.SendAsync("Asha", ("letter.pdf", Letter)), await shop.SendAsync("Rahul", ("letter.pdf", Letter)));
        await Expect(counter.Rows).ToHaveCountAsync(2);
        var held = await HeldAnswer.NextAsync(counter.Page, "POST", "/claim$");
        await counter.TakeAsync(taken);
        await held.Given;
        await counter.OpenAsync(opened);
        await Expect(counter.Sheet).ToContainTextAsync("Rahul");
        await held.ReleaseAsync();

        await Expect(counter.Section(taken)).ToContainTextAsync("With you");
        await HeardOfAsync(await shop.SendAsync("Priya", ("letter.pdf", Letter)), counter);
        await Expect(counter.Sheet).ToContainTextAsync("Rahul");
    }

    [Fact]
    public async Task A_payment_that_another_counter_has_taken_back_stays_so_when_the_answer_comes()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        using var other = shop.Program(await shop.AddKeyAsync("Counter 2"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        await counter.OpenAsync(job);
        var held = await HeldAnswer.NextAsync(counter.Page, "POST", "/paid$");
        await counter.Button("Mark as paid").ClickAsync();
        await held.Given;
        await Expect(counter.Button("Paid")).ToHaveAttributeAsync("aria-pressed", "true");
        using (var unpaid = await other.DeleteAsync(new Uri($"/api/shopkeeper/sessions/{job.SessionId}/paid", UriKind.Relative), Token))
            Assert.Equal(HttpStatusCode.OK, unpaid.StatusCode);
        await Expect(counter.Button("Mark as paid")).ToHaveAttributeAsync("aria-pressed", "false");
        await held.ReleaseAsync();

        await HeardOfAsync(await shop.SendAsync("Priya", ("letter.pdf", Letter)), counter);
        await Expect(counter.Button("Mark as paid")).ToHaveAttributeAsync("aria-pressed", "false");
    }

    [Fact]
    public async Task Who_has_a_job_is_asked_again_when_the_answer_was_lost()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        using var other = shop.Program(await shop.AddKeyAsync("Counter 2"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        await Expect(counter.Row(job)).ToBeVisibleAsync();
        var lost = 0;
        await counter.Page.RouteAsync("**/sessions/processing", async route =>
        {
            Interlocked.Increment(ref lost);
            await route.AbortAsync();
        }, new() { Times = 1 });

        await ClaimAsync(other, job);

        await Expect(counter.Row(job)).ToContainTextAsync("Counter 2");
        Assert.Equal(1, lost);
    }

    [Fact]
    public async Task A_file_on_the_screen_cannot_be_printed_any_more_once_another_counter_has_its_job()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        using var other = shop.Program(await shop.AddKeyAsync("Counter 2"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        await counter.TakeAsync(job);
        await counter.Page.Locator(".file").GetByRole(AriaRole.Button, new() { Name = "View" }).ClickAsync();
        var viewer = counter.Page.Locator("dialog.viewer");
        await Expect(viewer.GetByRole(AriaRole.Button, new() { Name = "Print" })).ToBeEnabledAsync();

        await shop.LapseClaimAsync(job);
        await ClaimAsync(other, job);

        await Expect(viewer.GetByRole(AriaRole.Alert)).ToHaveTextAsync("This job is no longer with you.");
        await Expect(viewer.GetByRole(AriaRole.Button)).ToHaveCountAsync(1); // closes it
        await Expect(viewer.GetByRole(AriaRole.Link)).ToHaveCountAsync(0);
        await Browsers.RecordAsync(counter.Page, "shop-view-lost");
        await counter.Page.Keyboard.PressAsync("Escape");
        await Expect(counter.Sheet).ToContainTextAsync("With Counter 2");
        await Expect(counter.Button("Done")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Claims_are_renewed_as_soon_as_the_connection_is_back()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        await counter.TakeAsync(job);
        await Expect(counter.Sheet).ToContainTextAsync("With you");
        await counter.Page.Context.SetOfflineAsync(true);
        await Expect(counter.Link).ToHaveAttributeAsync("data-state", "broken");

        var renewed = await counter.Page.RunAndWaitForResponseAsync(
            () => counter.Page.Context.SetOfflineAsync(false), answer => answer.Url.EndsWith($"/sessions/{job.SessionId}/claim?renew=true", StringComparison.Ordinal));

        Assert.Equal(200, renewed.Status);
    }

    [Fact]
    public async Task Of_an_open_job_that_was_withdrawn_during_a_break_nothing_can_be_done_any_more()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        await counter.OpenAsync(job);
        await Expect(counter.Sheet.GetByRole(AriaRole.Button, new() { Name = "Take", Exact = true })).ToBeVisibleAsync();

        await counter.Page.Context.SetOfflineAsync(true);
        await Expect(counter.Link).ToHaveAttributeAsync("data-state", "broken");
        await shop.WithdrawAsync(job);
        await counter.Page.Context.SetOfflineAsync(false);

        await Expect(counter.Sheet).ToContainTextAsync("This job has left the queue");
        await Browsers.RecordAsync(counter.Page, "shop-job-gone");
        await Expect(counter.Sheet.GetByRole(AriaRole.Button, new() { Name = "Take", Exact = true })).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Two_counters_that_signed_in_with_one_key_share_its_jobs()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var key = await shop.AddKeyAsync("Counter 1");
        var counters = new[] { await Counter.SignInAsync(browsers, shop, key), await Counter.SignInAsync(browsers, shop, key) };
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));

        await counters[0].TakeAsync(job);

        foreach (var counter in counters)
            await Expect(counter.Section(job)).ToContainTextAsync("With you");
        await counters[1].OpenAsync(job);
        await counters[1].Button("Put back").ClickAsync();
        foreach (var counter in counters)
            await Expect(counter.Section(job)).ToContainTextAsync("Waiting");
        await counters[1].Page.GetByRole(AriaRole.Link, new() { Name = "Settings" }).ClickAsync();
        await Expect(counters[1].Page.Locator("ct-keys")).ToContainTextAsync("two counters that sign in with the same one share their jobs");
    }

    [Fact]
    public async Task Jobs_are_in_the_order_that_their_customers_read_live_and_after_a_reload_and_without_script()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var slow = await shop.OpenAsync("Asha");
        await shop.TakeTimeAsync(slow, TimeSpan.FromMinutes(20));
        var quick = await shop.SendAsync("Rahul", ("letter.pdf", Letter));
        await shop.AddAsync(slow, ("letter.pdf", Letter));
        await shop.AddAsync(quick, ("more.pdf", Letter)); // costs nobody their place

        await Expect(counter.Row(quick)).ToContainTextAsync("2 files");
        await IsInOrderAsync(counter.Page);
        await counter.Page.ReloadAsync();
        await counter.IsLiveAsync();
        await IsInOrderAsync(counter.Page);
        var plain = await browsers.OpenAsync(shop.Origin, new() { JavaScriptEnabled = false, StorageState = await counter.Page.Context.StorageStateAsync() });
        await plain.GotoAsync("/shop");
        await IsInOrderAsync(plain);
        foreach (var (job, before) in (List<(SentJob, string)>)[(quick, "0"), (slow, "1")])
        {
            await plain.GotoAsync($"/s/{shop.Id}/sessions/{job.SessionId}");
            await Expect(plain.Locator(".place dd").Nth(1)).ToHaveTextAsync(before);
        }

        async Task IsInOrderAsync(IPage page)
        {
            await Expect(page.Locator("li.job .job-code")).ToHaveTextAsync([quick.PickupCode, slow.PickupCode]);
            await Expect(page.Locator("li.job[data-urgency=new]")).ToHaveCountAsync(2);
        }
    }

    [Fact]
    public async Task What_a_row_says_of_its_files_is_the_same_after_a_reload()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var alike = await shop.SendAsync("Asha", new { pageRanges = "1-2" }, ("one.pdf", Letter), ("two.pdf", Letter));
        var changed = await shop.SendAsync("Rahul", ("colour.pdf", Letter), ("black.pdf", Letter));
        await shop.ChangeAsync(changed, 0, new { colorMode = "color" });
        await Expect(counter.Row(changed)).ToContainTextAsync("Colour and black");
        await shop.RemoveAsync(changed);
        await Expect(counter.Row(changed)).ToContainTextAsync("1 file");
        await counter.TakeAsync(changed);

        await IsSaidAsync();
        await counter.Page.ReloadAsync();
        await counter.IsLiveAsync();
        await IsSaidAsync();

        async Task IsSaidAsync()
        {
            await Expect(counter.Section(changed)).ToContainTextAsync("With you");
            await Expect(counter.Row(changed).Locator(".chip")).ToHaveTextAsync(["Black and white"]);
            await Expect(counter.Row(alike).Locator(".chip")).ToHaveTextAsync(["Black and white", "Pages 1-2"]);
        }
    }

    [Fact]
    public async Task A_job_whose_files_were_all_removed_leaves_the_queue_and_has_its_place_again_with_another_file()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var emptied = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        var other = await shop.SendAsync("Rahul", ("letter.pdf", Letter));
        await counter.OpenAsync(emptied);
        var phone = await browsers.OpenAsync(shop.Origin);
        await phone.GotoAsync($"/s/{shop.Id}/sessions/{emptied.SessionId}");

        await shop.RemoveAsync(emptied);

        await Expect(counter.Sheet).ToContainTextAsync("This job holds no file any more");
        await Expect(counter.Rows).ToHaveCountAsync(1);
        await Expect(counter.Page).ToHaveTitleAsync("(1) Corner Print");
        await Expect(phone.Locator("h1")).ToHaveTextAsync("No files left");
        await Expect(phone.Locator(".place")).Not.ToContainTextAsync("Before you");

        await shop.AddAsync(emptied, ("another.pdf", Letter));
        await Expect(counter.Page.Locator("li.job .job-code")).ToHaveTextAsync([emptied.PickupCode, other.PickupCode]);
        await Expect(counter.Page.Locator("ct-counter > [role=status].visually-hidden")).ToContainTextAsync($"New job {emptied.PickupCode}");
        await Expect(phone.Locator("h1")).ToHaveTextAsync("Your files have arrived");
        await Expect(phone.Locator(".place dd").Nth(1)).ToHaveTextAsync("0");
    }

    public ValueTask DisposeAsync() => browsers.CloseAsync();

    /// <summary>Waits until a page has drawn what came after all that it heard before.</summary>
    private static Task HeardOfAsync(SentJob job, Counter counter) => Expect(counter.Row(job)).ToBeVisibleAsync();

    /// <summary>Axe is a script: it looks at the same page in a browser that loads none of ours, and where `noscript` is nothing special.</summary>
    private async Task RecordWithoutScriptAsync(PageShop shop, IPage plain)
    {
        var copy = await browsers.OpenAsync(shop.Origin);
        await copy.RouteAsync("**/assets/*.js", route => route.AbortAsync());
        await copy.GotoAsync("/shop");
        await copy.SetContentAsync((await plain.ContentAsync()).Replace("noscript>", "div>", StringComparison.Ordinal));
        await Expect(copy.GetByText("allow this page to run its script")).ToBeVisibleAsync();
        await Browsers.RecordAsync(copy, "shop-without-script");
    }

    private static async Task ClaimAsync(HttpClient program, SentJob job)
    {
        using var claimed = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.SessionId}/claim", UriKind.Relative), content: null, Token);
        Assert.Equal(HttpStatusCode.OK, claimed.StatusCode);
    }
}
