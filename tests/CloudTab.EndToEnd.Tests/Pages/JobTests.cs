using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>A job and its files at the shop's counter, in browsers against the running application.</summary>
[Collection(RunningStandalone.Collection)]
public sealed partial class JobTests(RunningStandalone relay, Browsers browsers) : IAsyncDisposable
{
    private static readonly byte[] Letter = Documents.Pdf(3);

    [Fact]
    public async Task What_a_printer_says_is_shown_and_a_counter_takes_the_job_from_an_agent_that_has_died()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var agent = shop.Program(await shop.AddKeyAsync("Print agent"));
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        var (_, file) = await ClaimAsync(agent, job);
        var attempt = Guid.NewGuid();
        await Expect(counter.Section(job)).ToContainTextAsync("At other counters");
        await counter.OpenAsync(job);

        await ReportAsync(agent, file, attempt, reasons: "media-jam-error");
        foreach (var place in (ILocator[])[counter.Sheet, counter.Row(job)])
            await Expect(place).ToContainTextAsync("Being printed · Paper is jammed in the printer.");
        await Browsers.RecordAsync(counter.Page, "shop-paper-jam");
        await counter.Page.ReloadAsync();
        await Expect(counter.Row(job)).ToContainTextAsync("Paper is jammed");
        var plain = await browsers.OpenAsync(shop.Origin, new() { JavaScriptEnabled = false, StorageState = await counter.Page.Context.StorageStateAsync() });
        await plain.GotoAsync("/shop");
        await Expect(plain.Locator("li.job")).ToContainTextAsync("Being printed · Paper is jammed in the printer.");
        await counter.OpenAsync(job);
        await ReportAsync(agent, file, attempt, reasons: "busy");
        foreach (var place in (ILocator[])[counter.Sheet, counter.Row(job)])
        {
            await Expect(place).ToContainTextAsync("Being printed · The printer prints something else first.");
            await Expect(place.Locator(".warning")).ToHaveCountAsync(0);
        }

        await plain.ReloadAsync();
        await Expect(plain.Locator("li.job .chip").Last).ToContainTextAsync("The printer prints something else first.");
        await ReportAsync(agent, file, attempt);
        foreach (var place in (ILocator[])[counter.Sheet, counter.Row(job)])
            await Expect(place).Not.ToContainTextAsync("jammed");
        await Expect(counter.Row(job)).ToContainTextAsync("Being printed");

        // Only for a reason, and Escape leaves everything as it was.
        var (reason, keyboard) = (counter.Page.GetByLabel("Why?"), counter.Page.Keyboard);
        await counter.Button("Give back").PressAsync("Enter");
        await Expect(reason).ToBeFocusedAsync();
        await Browsers.RecordAsync(counter.Page, "shop-give-back");
        await reason.FillAsync(" ");
        await keyboard.PressAsync("Enter");
        await Expect(reason).ToBeFocusedAsync();
        await keyboard.PressAsync("Escape");
        await Expect(counter.Page.GetByRole(AriaRole.Dialog)).ToHaveCountAsync(0);
        await Expect(counter.Button("Give back")).ToBeFocusedAsync();
        await keyboard.PressAsync("Enter");
        await reason.FillAsync("The PC has died");
        await keyboard.PressAsync("Enter");

        await Expect(counter.Section(job)).ToContainTextAsync("Waiting");
        await Expect(counter.Row(job).Locator(".job-open")).ToBeFocusedAsync();
        await Expect(counter.Row(job)).ToContainTextAsync("nobody knows whether this came out");
        var prints = await agent.GetFromJsonAsync<JsonElement>($"/api/shopkeeper/files/{file}/prints", Token);
        Assert.Equal("The PC has died", prints.GetProperty("prints")[0].GetProperty("givenBack").GetString());
        await counter.TakeAsync(job);
        await Expect(counter.Sheet).ToContainTextAsync("nobody knows whether this came out");

        // The agent's PC is back, and knows how it ended.
        await ReportAsync(agent, file, attempt, "printed", "handed_over");
        await Expect(counter.Row(job)).ToContainTextAsync("Handed to the printer");
        await ReportAsync(agent, file, attempt, "printed", "printer_finished");
        foreach (var place in (ILocator[])[counter.Sheet, counter.Row(job)])
            await Expect(place.GetByText("Printed", new() { Exact = true })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task What_cannot_be_opened_says_why_in_the_job_and_where_it_would_be_shown()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var (viewer, keyboard) = (counter.Page.Locator("dialog.viewer"), counter.Page.Keyboard);
        var job = await shop.SendAsync(
            "Asha", ("payslip.pdf", CustomerFiles.Encrypted("", "secret").Buffer), ("invoice.pdf", Letter), ("torn.pdf", [.. "%PDF-1.7\n"u8, .. "torn in half"u8]), ("fax.tif", Documents.Tiff()),
            ("damaged.jpg", CustomerFiles.Unshowable("damaged.jpg").Buffer));
        await shop.InfectAsync(job, "invoice.pdf");
        await counter.TakeAsync(job);

        await Expect(File("payslip.pdf")).ToContainTextAsync("Locked: ask the customer for the password.");
        await Expect(File("payslip.pdf").GetByRole(AriaRole.Button)).ToHaveCountAsync(1); // the one to view it
        await Expect(File("invoice.pdf")).ToContainTextAsync("Contains a virus");
        await Expect(File("invoice.pdf").GetByRole(AriaRole.Button)).ToHaveCountAsync(0);
        await Expect(File("invoice.pdf").GetByRole(AriaRole.Link)).ToHaveCountAsync(0);
        await Expect(File("fax.tif").GetByRole(AriaRole.Button)).ToHaveCountAsync(0); // no browser but Safari shows it
        await Expect(File("fax.tif").GetByRole(AriaRole.Link)).ToHaveTextAsync("Download");
        await Browsers.RecordAsync(counter.Page, "shop-locked-and-infected");

        foreach (var (name, problem) in ((string, string)[])[("payslip.pdf", "This PDF needs a password."), ("damaged.jpg", "This browser cannot show this kind of picture."), ("torn.pdf", "This file cannot be shown.")])
        {
            await View(name).PressAsync("Enter");
            await Expect(viewer.GetByRole(AriaRole.Alert)).ToContainTextAsync(problem);
            await Expect(viewer.GetByRole(AriaRole.Button, new() { Name = "Print" })).ToBeDisabledAsync();
            if (name == "torn.pdf")
                await Browsers.RecordAsync(counter.Page, "shop-view-failed");
            await keyboard.PressAsync("Escape");
            await Expect(View(name)).ToBeFocusedAsync();
        }

        ILocator File(string name) => counter.Page.Locator(".file", new() { HasText = name });

        ILocator View(string name) => File(name).GetByRole(AriaRole.Button, new() { Name = "View" });
    }

    /// <summary>A dialog says that it was closed some time after it is: what was opened meanwhile stays open.</summary>
    [Fact]
    public async Task A_file_that_is_viewed_at_the_moment_at_which_another_is_closed_is_shown()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var viewer = counter.Page.Locator("dialog.viewer");
        await counter.TakeAsync(await shop.SendAsync("Asha", ("first.pdf", Letter), ("second.pdf", Letter)));
        await counter.Page.GetByRole(AriaRole.Button, new() { Name = "View first.pdf" }).ClickAsync();
        await Expect(viewer.GetByRole(AriaRole.Heading)).ToHaveTextAsync("first.pdf");

        await counter.Page.EvaluateAsync("() => { document.querySelector('dialog.viewer').close(); document.querySelector('[aria-label=\"View second.pdf\"]').click() }");

        await Expect(viewer.GetByRole(AriaRole.Heading)).ToHaveTextAsync("second.pdf");
        await Expect(viewer.GetByRole(AriaRole.Button, new() { Name = "Print" })).ToBeEnabledAsync();
        await counter.Page.Keyboard.PressAsync("Escape");
        await Expect(viewer).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_job_is_sent_announced_taken_printed_paid_and_done_and_its_customer_sees_it()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        await counter.Page.Locator("h1").First.EvaluateAsync("() => document.body.click()");
        await counter.Page.Mouse.ClickAsync(700, 500); // browsers play nothing before the first touch

        // The customer's page without script: the same for everyone.
        var customer = await browsers.OpenAsync(shop.Origin, new() { JavaScriptEnabled = false });
        await customer.GotoAsync($"/s/{shop.Id}/");
        await customer.Locator("input[name=customerName]").FillAsync("Asha Patel");
        await customer.Locator("input[type=file]").SetInputFilesAsync((FilePayload[])[
            new FilePayload { Name = "Letter to the bank.pdf", MimeType = "application/pdf", Buffer = Letter },
            new FilePayload { Name = "holiday.png", MimeType = "image/png", Buffer = Documents.Png(400, 300) },
        ]);
        await customer.Locator("form button").Last.ClickAsync();
        await customer.WaitForURLAsync("**/sessions/**");
        var job = new SentJob(customer.Url.Split('/')[^1], (await counter.Rows.Locator(".job-code").InnerTextAsync()).Trim());
        await Expect(customer.Locator("body")).ToContainTextAsync(job.PickupCode);

        await Expect(counter.Row(job)).ToContainTextAsync("Asha Patel");
        await Expect(counter.Row(job)).ToContainTextAsync("2 files");
        await Expect(counter.Page).ToHaveTitleAsync("(1) Corner Print");
        Assert.True(await counter.TonesAsync() > 0);
        await Browsers.RecordAsync(counter.Page, "shop-new-job");

        await counter.TakeAsync(job);
        await Expect(counter.Sheet).ToContainTextAsync("With you");
        await Expect(counter.Page).ToHaveTitleAsync("Corner Print");
        await Browsers.RecordAsync(counter.Page, "shop-job");
        await Task.WhenAll(Expect(customer.Locator("body")).ToContainTextAsync("being printed", new() { IgnoreCase = true, Timeout = 20_000 }), customer.ReloadAsync());

        await PreviewAndPrintAsync(counter);
        await DownloadAsync(counter, job);

        await counter.Button("Mark as paid").ClickAsync();
        await Expect(counter.Button("Paid")).ToHaveAttributeAsync("aria-pressed", "true");
        await counter.Button("Done").ClickAsync();
        await Expect(counter.Notices).ToContainTextAsync($"{job.PickupCode} is done");
        await Expect(counter.Rows).ToHaveCountAsync(0);
        await customer.ReloadAsync();
        await Expect(customer.Locator("body")).ToContainTextAsync("deleted");
    }

    [Fact]
    public async Task A_job_that_was_only_printed_is_done_once_somebody_says_that_it_came_out()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter));
        await counter.TakeAsync(job);
        await counter.PrintAsync();
        await counter.Page.Keyboard.PressAsync("Escape");
        var question = counter.Page.GetByRole(AriaRole.Dialog);

        await counter.Button("Done").ClickAsync();
        await Expect(question).ToContainTextAsync($"Did everything of {job.PickupCode} come out?");
        await Browsers.RecordAsync(counter.Page, "shop-printed");
        await question.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        await Expect(question).ToHaveCountAsync(0);
        await Expect(counter.Section(job)).ToContainTextAsync("With you");

        await counter.Button("Done").ClickAsync();
        await question.GetByRole(AriaRole.Button, new() { Name = "Yes, delete the files" }).ClickAsync();
        await Expect(counter.Notices).ToContainTextAsync($"{job.PickupCode} is done");
        await Expect(counter.Rows).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_job_is_done_without_a_question_once_each_of_its_files_was_downloaded()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter), ("map.pdf", Letter), ("notes.txt", "Print me.\n"u8.ToArray()));
        await counter.TakeAsync(job);
        var files = counter.Page.Locator(".file");
        await AsksAsync("3 files of this job were not printed or downloaded here.");

        await counter.PrintAsync(files.First.GetByRole(AriaRole.Button, new() { Name = "Print" }));
        await counter.Page.Keyboard.PressAsync("Escape");
        await AsksAsync("2 files of this job were not printed or downloaded here.");
        await counter.Page.RunAndWaitForDownloadAsync(() => files.Nth(1).GetByRole(AriaRole.Link, new() { Name = "Download" }).ClickAsync());
        await AsksAsync("1 file of this job was not printed or downloaded here.");

        // With all that is there now, and without what comes after.
        await counter.Page.RunAndWaitForDownloadAsync(() => counter.Page.GetByRole(AriaRole.Link, new() { Name = "Download all" }).ClickAsync());
        await shop.AddAsync(job, ("late.pdf", Letter));
        await Expect(files).ToHaveCountAsync(4);
        await AsksAsync("1 file of this job was not printed or downloaded here.");
        await counter.Page.RunAndWaitForDownloadAsync(() => files.Last.GetByRole(AriaRole.Link, new() { Name = "Download" }).ClickAsync());
        await counter.Button("Done").ClickAsync();
        await Expect(counter.Notices).ToContainTextAsync($"{job.PickupCode} is done");
        await Expect(counter.Rows).ToHaveCountAsync(0);

        async Task AsksAsync(string warning)
        {
            await counter.Button("Done").ClickAsync();
            var question = counter.Page.GetByRole(AriaRole.Dialog);
            await Expect(question).ToContainTextAsync(warning);
            await question.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
            await Expect(question).ToHaveCountAsync(0);
        }
    }

    [Fact]
    public async Task A_download_that_may_have_failed_with_the_connection_does_not_count()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var job = await shop.SendAsync("Asha", ("letter.pdf", Letter), ("map.pdf", Letter));
        await counter.TakeAsync(job);
        var files = counter.Page.Locator(".file");
        await counter.PrintAsync(files.First.GetByRole(AriaRole.Button, new() { Name = "Print" }));
        await counter.Page.Keyboard.PressAsync("Escape");
        await counter.Page.RunAndWaitForDownloadAsync(() => files.Last.GetByRole(AriaRole.Link, new() { Name = "Download" }).ClickAsync());

        await counter.Page.Context.SetOfflineAsync(true);
        await Expect(counter.Link).ToHaveAttributeAsync("data-state", "broken");
        await counter.Page.Context.SetOfflineAsync(false);
        await counter.IsLiveAsync();

        await counter.Button("Done").ClickAsync();
        await Expect(counter.Page.GetByRole(AriaRole.Dialog)).ToContainTextAsync("1 file of this job was not printed or downloaded here.");
    }

    [Fact]
    public async Task The_phone_and_the_counter_show_the_same_total_and_every_state_of_a_job()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var key = await shop.AddKeyAsync("Counter 1");
        using var program = shop.Program(key);
        using var offered = await program.PutAsJsonAsync(
            "/api/shopkeeper/offer",
            new
            {
                currency = "INR",
                twoSided = true,
                prices = new[] { new { media = "a4", colorMode = "monochrome", price = 250 }, new { media = "a4", colorMode = "color", price = 1_000 } },
                upiAddress = "corner@bank",
            },
            Token);
        Assert.Equal(HttpStatusCode.OK, offered.StatusCode);
        var counter = await Counter.SignInAsync(browsers, shop, key);
        var phone = await CustomerPage.OpenAsync(browsers, shop);

        await phone.ChooseAsync(CustomerFiles.Pdf("lease.pdf", 3));
        Assert.Equal(7.50m, await AmountAsync(phone.Page.Locator(".totals .price")));
        await phone.PressSendAsync();
        var job = await phone.ArrivedAsync();
        await Expect(counter.Row(job).Locator(".job-price")).ToContainTextAsync("7.50");
        await Expect(phone.Page.Locator(".pay")).ToContainTextAsync("7.50");
        await SameAmountAsync(7.50m);

        // The customer changes their mind, while the shopkeeper looks at the job.
        await counter.OpenAsync(job);
        var file = phone.Page.Locator(".file").First;
        await file.Locator("summary").ClickAsync();
        await file.Locator("[name=copies]").FillAsync("50");
        await file.Locator("[name=colorMode]").SelectOptionAsync("color");
        await file.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Expect(phone.Page.Locator(".pay")).ToContainTextAsync("₹1,500.00");
        await Expect(counter.Row(job).Locator(".job-price")).ToHaveTextAsync("₹1,500.00");
        await Expect(counter.Sheet).ToContainTextAsync("50 copies");
        await Expect(counter.Sheet.Locator(".bill-amount")).ToHaveTextAsync("₹1,500.00");
        await SameAmountAsync(1_500m);

        await counter.TakeAsync(job);
        await Expect(counter.Sheet).ToContainTextAsync("With you");
        await phone.SaysAsync("Your files are being printed");
        await Expect(file.Locator("[name=copies]")).ToHaveCountAsync(0);
        Assert.StartsWith("printed 3 ", await counter.PrintAsync(), StringComparison.Ordinal); // the copies are the print dialog's
        await counter.Page.Keyboard.PressAsync("Escape");
        await counter.Button("Mark as paid").ClickAsync();
        await Expect(phone.Page.Locator(".pay")).ToContainTextAsync("Paid");
        await phone.RecordAsync("customer-paid");
        await SameAmountAsync(1_500m);
        await counter.Button("Done").ClickAsync();
        await counter.Button("Yes, delete the files").ClickAsync();
        await Expect(counter.Row(job)).ToHaveCountAsync(0);
        await phone.SaysAsync("Done");
        await Expect(phone.Page.GetByRole(AriaRole.Link, new() { Name = "Deletion receipt" })).ToBeVisibleAsync();

        async Task SameAmountAsync(decimal amount)
        {
            Assert.Equal(amount, await AmountAsync(phone.Page.Locator(".pay .sum")));
            Assert.Equal(amount, await AmountAsync(counter.Row(job).Locator(".job-price")));
        }
    }

    [Fact]
    public async Task What_a_customer_asked_for_stands_in_the_row_beside_the_file_and_is_what_is_printed()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var key = await shop.AddKeyAsync("Counter 1");
        using var program = shop.Program(key);
        using var offered = await program.PutAsJsonAsync(
            "/api/shopkeeper/offer",
            new
            {
                currency = "INR",
                twoSided = true,
                prices = new[]
                {
                    new { media = "a3", colorMode = "color", price = 2_050 }, new { media = "a4", colorMode = "monochrome", price = 200 }, new { media = "photo", colorMode = "color", price = 2_500 },
                },
                upiAddress = (string?)null,
            },
            Token);
        Assert.Equal(HttpStatusCode.OK, offered.StatusCode);
        var counter = await Counter.SignInAsync(browsers, shop, key);
        var job = await shop.SendAsync(
            "Asha", new { copies = 2, colorMode = "color", sides = "two-sided-long-edge", pageRanges = "2-3", media = "a3" }, ("letter.pdf", Letter));

        // The server's row says what the script's does.
        var plain = await browsers.OpenAsync(shop.Origin, new() { JavaScriptEnabled = false, StorageState = await counter.Page.Context.StorageStateAsync() });
        await plain.GotoAsync("/shop");
        foreach (var row in (ILocator[])[counter.Row(job), plain.Locator("li.job")])
        {
            foreach (var told in (string[])[job.PickupCode, "just now", "Asha", "Token 1", "1 file", "Colour", "Both sides", "×2", "Pages 2-3", "A3", "4 pages to print", "₹82.00"])
                await Expect(row).ToContainTextAsync(told);
        }

        // A morning at the shop.
        await shop.SendAsync("Rahul", new { colorMode = "color", media = "photo" }, ("beach.png", Documents.Png(900, 600)), ("family.png", Documents.Png(600, 900)));
        using var agent = shop.Program(await shop.AddKeyAsync("Print agent"));
        var (printing, file) = await ClaimAsync(agent, await shop.SendAsync("Imran", ("thesis.pdf", Documents.Pdf(42))));
        await ReportAsync(agent, file, Guid.NewGuid());

        await counter.Page.ReloadAsync();
        await Expect(counter.Row(job)).ToContainTextAsync("Colour");
        await Expect(counter.Row(printing)).ToContainTextAsync("Being printed");
        await counter.TakeAsync(job);
        foreach (var told in (string[])["2 copies", "Colour", "Both sides", "Pages 2-3", "A3", "₹82.00"])
            await Expect(counter.Sheet).ToContainTextAsync(told);
        await Browsers.RecordAsync(counter.Page, "shop-options");

        Assert.StartsWith("printed 2 @page { size: a3;", await counter.PrintAsync(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_photo_is_printed_on_paper_for_photos()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var job = await shop.SendAsync("Asha", new { media = "photo", scaling = "none" }, ("holiday.png", Documents.Png(900, 600)));
        await counter.TakeAsync(job);

        Assert.StartsWith("printed 1 @page { size: 6in 4in;", await counter.PrintAsync(), StringComparison.OrdinalIgnoreCase);
        // 300 pixels to the inch.
        Assert.Equal("216pt 144pt", await counter.Page.FrameLocator("iframe").Locator("#print img").EvaluateAsync<string>("image => `${image.style.width} ${image.style.height}`"));
    }

    [Theory]
    [InlineData("fit")]
    [InlineData("none")]
    public async Task Pages_that_share_a_side_are_told_and_printed_so(string scaling)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var job = await shop.SendAsync("Asha", new { numberUp = 2, scaling }, ("letter.pdf", Letter));
        await Expect(counter.Row(job)).ToContainTextAsync("2 on each side");
        await counter.TakeAsync(job);
        await Expect(counter.Sheet).ToContainTextAsync("2 on each side");

        Assert.StartsWith("printed 3 @page { size: a4 landscape;", await counter.PrintAsync(), StringComparison.OrdinalIgnoreCase);
        var pages = await counter.Page.FrameLocator("iframe").Locator("#print > div").EvaluateAllAsync<int[]>("sheets => sheets.map(sheet => sheet.children.length)");
        Assert.Equal([2, 1], pages);
        // No page is larger than its place, and none covers another.
        await counter.Page.EmulateMediaAsync(new() { Media = Media.Print });
        var cut = await counter.Page.FrameLocator("iframe").Locator("#print > div").EvaluateAllAsync<string[]>("""
            sheets => sheets.flatMap(sheet => [...sheet.children].map((image, place) => {
              const [paper, { left, top, right, bottom, width, height }] = [sheet.getBoundingClientRect(), image.getBoundingClientRect()];
              const middle = paper.left + paper.width / 2;
              const isWithin = top >= paper.top && bottom <= paper.bottom + 0.5 && (place === 0 ? left >= paper.left && right <= middle : left >= middle && right <= paper.right);
              return isWithin && width > 0 && height > 0 ? '' : `${left} ${top} ${right} ${bottom} on ${paper.width} x ${paper.height}`;
            })).filter(text => text)
            """);
        Assert.Empty(cut);
    }

    [Fact]
    public async Task What_is_no_picture_and_no_PDF_is_never_shown_in_the_page()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var counter = await Counter.SignInAsync(browsers, shop, await shop.AddKeyAsync("Counter 1"));
        var dialogs = new List<string>();
        counter.Page.Dialog += async (_, dialog) =>
        {
            dialogs.Add(dialog.Message);
            await dialog.DismissAsync();
        };
        var job = await shop.SendAsync(
            "<img src=x onerror=alert(1)>", ("\"><img src=x onerror=alert(2)>.txt", Encoding.UTF8.GetBytes("A text with <script>alert(3)</script> in it.\n")), ("letter.pdf", Letter));
        await counter.TakeAsync(job);
        var text = counter.Page.Locator(".file").First;
        await Expect(text).ToContainTextAsync("<img src=x onerror=alert(2)>.txt");
        await Expect(counter.Sheet).ToContainTextAsync("<img src=x onerror=alert(1)>");
        await Expect(text.GetByRole(AriaRole.Button)).ToHaveCountAsync(0);

        var address = (await text.Locator("a").GetAttributeAsync("href"))!;
        var preview = await counter.Page.APIRequest.GetAsync(address.Replace("/download", "/preview", StringComparison.Ordinal));
        Assert.Equal(415, preview.Status);
        var download = await counter.Page.APIRequest.GetAsync(address);
        Assert.StartsWith("attachment", download.Headers["content-disposition"], StringComparison.Ordinal);

        // The PDF's own script asks for a dialog when it is opened: none runs, and the frame can reach nothing of the page.
        await counter.Page.Locator(".file").Last.GetByRole(AriaRole.Button, new() { Name = "View" }).ClickAsync();
        await Expect(counter.Page.FrameLocator("iframe").Locator("canvas").First).ToBeVisibleAsync();
        var frame = counter.Page.Frames.Single(one => one.Url.EndsWith("/shop/preview", StringComparison.Ordinal));
        Assert.Equal("null", await frame.EvaluateAsync<string>("self.origin"));
        Assert.Equal("SecurityError", await frame.EvaluateAsync<string>("(() => { try { return document.cookie } catch (refused) { return refused.name } })()"));
        Assert.Equal("SecurityError", await frame.EvaluateAsync<string>("(() => { try { return parent.document.title } catch (refused) { return refused.name } })()"));
        Assert.Empty(dialogs);
    }

    public ValueTask DisposeAsync() => browsers.CloseAsync();

    /// <summary>Claims a job of one file, and returns the job with that file's id.</summary>
    private static async Task<(SentJob Job, Guid File)> ClaimAsync(HttpClient program, SentJob job)
    {
        using var claimed = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.SessionId}/claim", UriKind.Relative), content: null, Token);
        Assert.Equal(HttpStatusCode.OK, claimed.StatusCode);
        return (job, (await claimed.Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("session").GetProperty("files")[0].GetProperty("id").GetGuid());
    }

    private static async Task ReportAsync(HttpClient agent, Guid file, Guid attempt, string state = "printing", string? grade = null, params string[] reasons)
    {
        using var reported = await agent.PostAsJsonAsync($"/api/shopkeeper/files/{file}/prints", new { attempt, printer = "HP LaserJet", state, grade, reasons }, Token);
        Assert.Equal(HttpStatusCode.OK, reported.StatusCode);
    }

    private static async Task<decimal> AmountAsync(ILocator price) =>
        decimal.Parse(Number().Match(await price.InnerTextAsync()).Value, NumberStyles.Number, CultureInfo.InvariantCulture);

    private static async Task PreviewAndPrintAsync(Counter counter)
    {
        var page = counter.Page;
        await page.Locator(".file", new() { HasText = "Letter" }).GetByRole(AriaRole.Button, new() { Name = "View" }).ClickAsync();
        var frame = page.FrameLocator("iframe");
        await Expect(frame.Locator("canvas")).ToHaveCountAsync(3);
        await Expect(page.Locator("dialog.viewer .primary")).ToBeEnabledAsync();
        await Browsers.RecordAsync(page, "shop-view-pdf");
        Assert.StartsWith("printed 3 @page { size: a4;", await counter.PrintAsync(page.Locator("dialog.viewer .primary")), StringComparison.OrdinalIgnoreCase);
        await counter.Button("Close").ClickAsync();

        await page.Locator(".file", new() { HasText = "holiday" }).GetByRole(AriaRole.Button, new() { Name = "View" }).ClickAsync();
        await Expect(frame.Locator("img")).ToBeVisibleAsync();
        Assert.Equal(400, await frame.Locator("img").EvaluateAsync<int>("image => image.naturalWidth"));
        await Expect(page.Locator("dialog.viewer .primary")).ToBeEnabledAsync();
        await Browsers.RecordAsync(page, "shop-view-picture");
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator("dialog.viewer")).ToHaveCountAsync(0);
    }

    private static async Task DownloadAsync(Counter counter, SentJob job)
    {
        var one = await counter.Page.RunAndWaitForDownloadAsync(() =>
            counter.Page.Locator(".file", new() { HasText = "Letter" }).GetByRole(AriaRole.Link, new() { Name = "Download" }).ClickAsync());
        Assert.Equal("Letter to the bank.pdf", one.SuggestedFilename);
        Assert.Equal(Letter, await File.ReadAllBytesAsync(await one.PathAsync(), Token));

        var all = await counter.Page.RunAndWaitForDownloadAsync(() => counter.Page.GetByRole(AriaRole.Link, new() { Name = "Download all" }).ClickAsync());
        Assert.Contains(job.PickupCode, all.SuggestedFilename, StringComparison.Ordinal);
        await using var zip = await ZipFile.OpenReadAsync(await all.PathAsync(), Token);
        Assert.Equal(["Letter to the bank.pdf", "holiday.png"], zip.Entries.Select(entry => entry.FullName));
    }

    [GeneratedRegex(@"[0-9][0-9.,]*", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Number();
}
