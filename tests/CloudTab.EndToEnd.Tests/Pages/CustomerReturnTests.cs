using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>A customer who comes back to the page, after the shop has gone on with the files.</summary>
[Collection(RunningAppHost.Collection)]
public sealed class CustomerReturnTests(RunningAppHost relay, Browsers browsers) : IAsyncDisposable
{
    private const int Slow = 1 << 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Files_that_the_shop_has_printed_while_the_phone_slept_are_not_sent_again(bool isReloaded)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        // The relay is told that all is there, and no answer comes to the phone.
        var told = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var isAsleep = true;
        await page.RouteAsync(new Regex("/submit$", RegexOptions.None, TimeSpan.FromSeconds(1)), async route =>
        {
            if (!isAsleep)
            {
                await route.FallbackAsync();
                return;
            }

            if (!told.Task.IsCompleted)
                await route.FetchAsync();
            told.TrySetResult(new Uri(route.Request.Url).Segments[^2].TrimEnd('/'));
            await route.AbortAsync();
        });
        await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 1), CustomerFiles.Pdf("map.pdf", 2));
        await phone.PressSendAsync();
        var session = await told.Task.WaitAsync(TimeSpan.FromSeconds(15), TimeProvider.System, Token);
        await PostAsync(program, session, "claim");
        await PostAsync(program, session, "complete");
        var sent = new List<string>();
        page.Request += (_, request) =>
        {
            if (request.Method == "POST" && !request.Url.EndsWith("/submit", StringComparison.Ordinal))
                sent.Add(request.Url);
        };

        isAsleep = false;
        if (isReloaded)
            await page.ReloadAsync();
        else
            await page.EvaluateAsync("dispatchEvent(new Event('online'))");

        await page.WaitForURLAsync($"**/sessions/{session}");
        await phone.SaysAsync("Done");
        Assert.Empty(sent);
    }

    [Fact]
    public async Task Of_a_list_that_is_added_to_a_job_only_what_was_not_printed_is_sent_anew_once_that_is_done()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var job = await shop.SendAsync("Asha", ("one.pdf", Documents.Pdf(1)));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await page.GotoAsync($"/s/{shop.Id}/sessions/{job.SessionId}/add");
        await phone.SendAtMostAsync(Slow);
        await phone.ChooseAsync(CustomerFiles.Pdf("two.pdf", 2), CustomerFiles.Large("plan.pdf", 6 << 20));
        await phone.PressSendAsync();
        await Expect(page.Locator(".file.done")).ToHaveCountAsync(1);
        await phone.UntilPercentAsync(5);
        await PostAsync(program, job.SessionId, "claim");
        await PostAsync(program, job.SessionId, "complete");

        await Expect(page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("The shop has finished what had arrived before. Send the rest now: it gets a code of its own.", new() { Timeout = 30_000 });
        await Expect(phone.Files.Locator(".name")).ToHaveTextAsync(["plan.pdf"]);
        await phone.RecordAsync("customer-finished-meanwhile");
        await BrowserMemory.UntilAsync(page, $"return (await done(jobs.getAll())).flatMap((job) => job.items.map((item) => job.prefix + item.state)).join() === '/s/{shop.Id}#ready'", "the rest is on the form's list");
        await page.ReloadAsync();
        await Expect(page.Locator("h1")).ToContainTextAsync("Send files to");
        await Expect(page.Locator(".file.ready")).ToHaveCountAsync(1);
        await phone.SendAtMostAsync(null);
        await phone.PressSendAsync();

        var rest = await phone.ArrivedAsync();
        Assert.NotEqual(job.SessionId, rest.SessionId);
        Assert.Equal(1, (await phone.StatusAsync(rest)).GetProperty("fileCount").GetInt32());
    }

    /// <summary>The list of the form may have a session of its own: what has arrived there is not sent again, and what is sent now goes there too.</summary>
    [Fact]
    public async Task A_list_that_moves_to_the_form_is_put_behind_what_the_form_was_sending()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var job = await shop.SendAsync("Asha", ("one.pdf", Documents.Pdf(1)));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await phone.SendAsync(CustomerFiles.Pdf("zero.pdf", 1)); // so the form's list was sent more often than that of the job
        await page.GotoAsync($"/s/{shop.Id}/");
        await phone.SendAtMostAsync(Slow);
        await SendInPartAsync("two.pdf", "map.pdf");
        await page.GotoAsync($"/s/{shop.Id}/sessions/{job.SessionId}/add");
        await SendInPartAsync("three.pdf", "plan.pdf");
        await PostAsync(program, job.SessionId, "claim");
        await PostAsync(program, job.SessionId, "complete");

        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("The shop has finished what had arrived before.", new() { Timeout = 30_000 });
        await Expect(phone.Files.Locator(".name")).ToHaveTextAsync(["two.pdf", "map.pdf", "plan.pdf"]);
        await BrowserMemory.UntilAsync(
            page,
            "const [list, ...others] = await done(jobs.getAll()); return others.length === 0 && list.sessionId !== null"
                + " && list.items.map(({ name, state }) => name + (state === 'done')).join() === 'two.pdftrue,map.pdffalse,plan.pdffalse'",
            "the form's list goes on where it was, with the rest of the job's behind it");
        await phone.SendAtMostAsync(null);
        await phone.PressSendAsync();
        Assert.Equal(3, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("fileCount").GetInt32());

        async Task SendInPartAsync(string small, string large)
        {
            await phone.ChooseAsync(CustomerFiles.Pdf(small, 2), CustomerFiles.Large(large, 6 << 20));
            await phone.PressSendAsync();
            await Expect(page.Locator(".file.done")).ToHaveCountAsync(1);
            await phone.UntilPercentAsync(5);
        }
    }

    /// <summary>It is looked at once more, and then saved, while the page leaves the job.</summary>
    [Fact]
    public async Task A_file_for_which_there_is_room_once_the_job_is_done_is_put_behind_the_list_of_the_form()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        await shop.LimitAsync(new { sessionSize = 7 << 20 });
        var job = await shop.SendAsync("Asha", ("one.pdf", Documents.Pdf(1)));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await phone.ChooseAsync(CustomerFiles.Pdf("zero.pdf", 1));
        await BrowserMemory.UntilKeptAsync(page, 1);
        await page.GotoAsync($"/s/{shop.Id}/sessions/{job.SessionId}/add");
        await phone.SendAtMostAsync(Slow);
        await phone.ChooseAsync(CustomerFiles.Large("two.pdf", 256 << 10), CustomerFiles.Large("plan.pdf", 6 << 20), CustomerFiles.Large("map.pdf", 896 << 10));
        await Expect(phone.Files.Nth(2).Locator(".problem")).ToContainTextAsync("too large together");
        await phone.PressSendAsync();
        await Expect(page.Locator(".file.done")).ToHaveCountAsync(1);
        await phone.UntilPercentAsync(5);
        await PostAsync(program, job.SessionId, "claim");
        await PostAsync(program, job.SessionId, "complete");

        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("The shop has finished what had arrived before.", new() { Timeout = 30_000 });
        await Expect(phone.Files.Locator(".name")).ToHaveTextAsync(["zero.pdf", "plan.pdf", "map.pdf"]);
        await Expect(page.Locator(".file.ready")).ToHaveCountAsync(3);
        await BrowserMemory.UntilAsync(
            page, $"return (await done(jobs.getAll())).flatMap((job) => job.items.map((item) => job.prefix + item.name)).join() === '/s/{shop.Id}#zero.pdf,/s/{shop.Id}#plan.pdf,/s/{shop.Id}#map.pdf'", "all is on the form's list");
    }

    [Fact]
    public async Task To_stop_sending_works_also_while_the_shop_cannot_be_told()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var tried = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await page.RouteAsync("**/submit", route =>
        {
            tried.TrySetResult();
            return route.AbortAsync();
        });
        await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 1));
        await phone.PressSendAsync();
        await tried.Task.WaitAsync(TimeSpan.FromSeconds(15), TimeProvider.System, Token);

        await page.GetByRole(AriaRole.Button, new() { Name = "Stop sending" }).ClickAsync();
        await Expect(page.Locator(".upload")).ToHaveCountAsync(0);
        await page.UnrouteAsync("**/submit");
        await page.GetByRole(AriaRole.Button, new() { Name = "Finish" }).ClickAsync();

        Assert.Equal("pending", (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("status").GetString());
    }

    [Fact]
    public async Task To_stop_sending_withdraws_nothing_that_the_shop_knows_of()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var folder = Directory.CreateTempSubdirectory("cloudtab-");
        try
        {
            await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 1));
            var told = await HeldAnswer.NextAsync(page, "POST", "/submit$");
            await phone.PressSendAsync();
            await told.Given;
            await phone.SendAtMostAsync(Slow);
            await phone.DropAsync(folder, [CustomerFiles.Large("plan.pdf", 6 << 20)]);
            await told.ReleaseAsync();
            await phone.UntilPercentAsync(5);

            await page.GetByRole(AriaRole.Button, new() { Name = "Stop sending" }).ClickAsync();
            await Expect(page.Locator(".file.done")).ToHaveCountAsync(1);
            await Expect(page.Locator(".file.ready")).ToHaveCountAsync(1);
            await page.GetByRole(AriaRole.Button, new() { Name = "Remove plan.pdf" }).ClickAsync();
            await page.GetByRole(AriaRole.Button, new() { Name = "Finish" }).ClickAsync();

            var job = await phone.ArrivedAsync();
            var status = await phone.StatusAsync(job);
            Assert.Equal(("pending", 1), (status.GetProperty("status").GetString(), status.GetProperty("fileCount").GetInt32()));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_page_from_before_the_claim_says_why_it_withdraws_nothing()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop, script: false);
        var job = await phone.SendAsync(CustomerFiles.Pdf("letter.pdf", 1));
        await phone.Page.GotoAsync($"{phone.Page.Url}?change");
        await PostAsync(program, job.SessionId, "claim");

        await phone.Page.GetByRole(AriaRole.Button, new() { Name = "Withdraw all files" }).ClickAsync();

        await Expect(phone.Page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("The shop is already working on it. Ask at the counter.");
        await phone.RecordAsync("customer-withdraw-too-late");
        await phone.Page.GetByRole(AriaRole.Link, new() { Name = "Back" }).ClickAsync();
        await phone.SaysAsync("Your files are being printed");
    }

    [Theory]
    [InlineData("en-IN", "The files that you have sent here: code ")]
    [InlineData("hi-IN", "आपने यहाँ जो फ़ाइलें भेजी हैं: कोड ")]
    public async Task The_form_leads_back_to_the_code_until_the_job_has_ended(string locale, string text)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        await using var other = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop, locale: locale);
        var page = phone.Page;
        await Expect(page.Locator("main a")).ToHaveCountAsync(0);
        var job = await phone.SendAsync(CustomerFiles.Pdf("letter.pdf", 1));
        // The tab is closed, and the poster scanned once more.
        await page.GotoAsync($"/s/{shop.Id}/");
        var back = page.Locator("main .notice a");
        await Expect(back).ToHaveTextAsync($"{text}{job.PickupCode}");
        await phone.RecordAsync($"customer-back-{locale}");
        await back.ClickAsync();
        Assert.Equal(job, await phone.ArrivedAsync());

        await page.GotoAsync($"/s/{other.Id}");
        await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 1)); // the page is complete
        await Expect(back).ToHaveCountAsync(0);

        // On another shop's page, because this browser may never open that of this one again. On its own one the job's status counts: a jam can take longer.
        const string key = "localStorage.key(0)";
        await page.EvaluateAsync($"localStorage.setItem({key}, JSON.stringify({{ ...JSON.parse(localStorage.getItem({key})), at: Date.now() - 3_700_000 }}))");
        await page.GotoAsync($"/s/{shop.Id}/");
        await Expect(back).ToHaveTextAsync($"{text}{job.PickupCode}");
        await page.GotoAsync($"/s/{other.Id}");
        await page.WaitForFunctionAsync("() => localStorage.length === 0");
        await page.GotoAsync($"/s/{shop.Id}/sessions/{job.SessionId}");
        await page.WaitForFunctionAsync("() => localStorage.length === 1");
        await page.GotoAsync($"/s/{other.Id}"); // the session's own page would see it end

        await PostAsync(program, job.SessionId, "claim");
        await PostAsync(program, job.SessionId, "complete");
        var asked = page.WaitForResponseAsync($"**/sessions/{job.SessionId}/status");
        await page.GotoAsync($"/s/{shop.Id}");
        await asked;
        await page.WaitForFunctionAsync("() => localStorage.length === 0");
        await Expect(back).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_job_whose_end_the_page_has_shown_is_not_led_back_to()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var job = await phone.SendAsync(CustomerFiles.Pdf("letter.pdf", 1));
        await phone.Page.WaitForFunctionAsync("() => localStorage.length === 1");

        await shop.WithdrawAsync(job);

        await phone.SaysAsync("Withdrawn");
        await phone.Page.WaitForFunctionAsync("() => localStorage.length === 0");
    }

    public ValueTask DisposeAsync() => browsers.CloseAsync();

    private static async Task PostAsync(HttpClient program, string session, string verb)
    {
        using var answer = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{session}/{verb}", UriKind.Relative), content: null, Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }
}
