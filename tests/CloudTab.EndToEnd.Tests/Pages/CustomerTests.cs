using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CloudTab.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>The customer's page in a browser, against the running application.</summary>
[Collection(RunningAppHost.Collection)]
public sealed partial class CustomerTests(RunningAppHost relay, Browsers browsers)
{
    private const int FirstView = 55_000;

    private static readonly object Prices = new
    {
        currency = "INR",
        twoSided = true,
        prices = new[]
        {
            new { media = "a4", colorMode = "monochrome", price = 200 },
            new { media = "a4", colorMode = "color", price = 1000 },
            new { media = "photo", colorMode = "color", price = 2500 },
        },
        upiAddress = "corner@bank",
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_customer_sends_files_sees_the_code_and_hears_that_they_are_printed(bool script)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = await WithPricesAsync(shop);
        var phone = await CustomerPage.OpenAsync(browsers, shop, script);
        await phone.RecordAsync("customer-empty");

        var job = await phone.SendAsync(CustomerFiles.Pdf("lease.pdf", 3), CustomerFiles.Text("notes.txt", 100));

        await phone.SaysAsync("Your files have arrived");
        var page = phone.Page;
        await Expect(page.Locator(".code")).ToHaveTextAsync(job.PickupCode);
        await Expect(page.Locator(".place")).ToContainTextAsync("Token");
        await Expect(page.Locator(".place dd").Nth(1)).ToHaveTextAsync("0");
        await Expect(page.Locator(".files .name")).ToHaveTextAsync(["lease.pdf", "notes.txt"]);
        await Expect(page.Locator(".file").First).ToContainTextAsync("3 pages");
        await Expect(page.Locator(".file").First).ToContainTextAsync("₹6.00");
        await Expect(page.Locator(".pay")).ToContainTextAsync("tells the rest at the counter");
        await phone.RecordAsync("customer-sent");

        using var claimed = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.PickupCode}/claim", UriKind.Relative), null, Token);
        Assert.Equal(HttpStatusCode.OK, claimed.StatusCode);
        await phone.SaysAsync("Your files are being printed");
        await Expect(page.Locator(".place dt").First).ToHaveTextAsync("Token");
        await Expect(page.Locator(".place")).Not.ToContainTextAsync("Before you");
        await phone.RecordAsync("customer-processing");
        using var completed = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.PickupCode}/complete", UriKind.Relative), null, Token);
        await phone.SaysAsync("Done");
        await Expect(page.Locator(".file.deleted")).ToHaveCountAsync(2);
        await Expect(page.Locator(".code")).ToHaveCountAsync(0);
        await Expect(page.GetByText("To pay")).ToHaveCountAsync(0);
        var receipt = page.GetByRole(AriaRole.Link, new() { Name = "Deletion receipt" });
        await Expect(receipt).ToBeVisibleAsync();
        await phone.RecordAsync("customer-done");
        await receipt.ClickAsync();
        await Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("The signature is right");
        await Expect(page.Locator("main")).ToContainTextAsync("The shop Corner Print has finished this job. 2 files are deleted.");
        await Expect(page.Locator("main")).Not.ToContainTextAsync("lease");
        await phone.RecordAsync("customer-receipt");
        if (!script)
            return;
        await shop.ForgeReceiptAsync(page.Url.Split('/')[^1]);
        await page.ReloadAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("The signature is wrong: do not rely on this receipt.");
        await Expect(page.Locator("main")).Not.ToContainTextAsync("Corner Print");
        await phone.RecordAsync("customer-receipt-wrong");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Options_are_changed_files_added_and_all_of_it_withdrawn_until_the_shop_has_claimed_it(bool script)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = await WithPricesAsync(shop);
        var phone = await CustomerPage.OpenAsync(browsers, shop, script);
        var job = await phone.SendAsync(CustomerFiles.Pdf("one.pdf", 1), CustomerFiles.Pdf("two.pdf", 2));
        var page = phone.Page;
        if (!script)
        {
            // Chromium shows no noscript here, which has the link to it.
            await page.GotoAsync($"{page.Url}?change");
            await phone.RecordAsync("customer-change");
        }

        var second = page.Locator(".file").Nth(1);
        await second.Locator("summary").ClickAsync();
        await second.Locator("[name=copies]").FillAsync("3");
        await second.Locator("[name=colorMode]").SelectOptionAsync("color");
        await second.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Expect(second.Locator("summary")).ToContainTextAsync("3 copies · Colour");
        await Expect(page.Locator(".pay")).ToContainTextAsync("₹62.00");
        Assert.Matches("^upi://pay\\?pa=corner@bank&pn=Corner%20Print&am=62\\.00&cu=INR&tr=", await page.Locator(".pay a").GetAttributeAsync("href"));
        // Without script the page would close it whenever it loads itself again.
        await Expect(page.Locator(".pay .qr")).ToBeVisibleAsync(new() { Visible = !script });
        await phone.RecordAsync("customer-pay");

        await page.GetByRole(AriaRole.Button, new() { Name = "Remove one.pdf" }).ClickAsync();
        await Expect(page.Locator(".file.deleted")).ToHaveCountAsync(1);

        await page.GetByRole(AriaRole.Link, new() { Name = "Add more files" }).ClickAsync();
        await Expect(page.Locator("h1")).ToContainTextAsync("Add to your files");
        await phone.RecordAsync("customer-adding");
        var same = await phone.SendAsync(CustomerFiles.Pdf("three.pdf", 1));
        Assert.Equal(job, same);
        await Expect(page.Locator(".files .name")).ToHaveTextAsync(["one.pdf", "two.pdf", "three.pdf"]);

        await page.GetByRole(AriaRole.Button, new() { Name = "Withdraw" }).ClickAsync();
        await phone.SaysAsync("Withdrawn");
        Assert.Equal("cancelled", (await phone.StatusAsync(job)).GetProperty("status").GetString());
        await phone.RecordAsync("customer-withdrawn");
    }

    [Fact]
    public async Task Where_a_photo_was_taken_is_removed_and_the_shop_prints_what_was_chosen()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = await WithPricesAsync(shop);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var photo = await CustomerFiles.PhotoAsync(page, "IMG_2041.jpg", 4000, 3000);
        Assert.All(CustomerFiles.Secrets, secret => Assert.True(photo.Buffer.AsSpan().IndexOf(Encoding.ASCII.GetBytes(secret)) > 0));
        await phone.ChooseAsync(photo, await CustomerFiles.PhotoAsync(page, "as it is.jpg"), CustomerFiles.Of("trip.mp4", "video/mp4", "\0\0\0\u0018ftypisom\0\0\0\0isomavc1"));

        await Expect(phone.Files.First).ToContainTextAsync("Where the photo was taken has been removed.");
        await Expect(phone.Files.Nth(2)).ToContainTextAsync("This is a video. The shop prints documents and pictures.");
        await Expect(phone.Files.First.Locator("img")).ToBeVisibleAsync();
        await phone.RecordAsync("customer-chosen");
        await phone.Files.First.Locator("summary").ClickAsync();
        await phone.Files.First.GetByRole(AriaRole.Button, new() { Name = "Turn" }).ClickAsync();
        await phone.Files.First.GetByRole(AriaRole.Button, new() { Name = "Smaller file" }).ClickAsync();
        await Expect(phone.Files.First).ToContainTextAsync("Smaller by");
        await Expect(phone.Files.First.GetByLabel("On each side").Locator("option")).ToHaveTextAsync(["Once", "Twice", "Four times"]);
        await phone.Files.First.GetByLabel("Paper").SelectOptionAsync("photo");
        await phone.Files.First.GetByRole(AriaRole.Button, new() { Name = "One copy more" }).ClickAsync();
        await Expect(page.Locator(".totals .price")).ToContainTextAsync("₹52.00");
        await phone.RecordAsync("customer-options");
        await phone.PressSendAsync();
        var job = await phone.ArrivedAsync();

        var details = await program.GetFromJsonAsync<JsonElement>($"/api/shopkeeper/sessions/{job.SessionId}", Token);
        var files = details.GetProperty("session").GetProperty("files").EnumerateArray().ToDictionary(file => file.GetProperty("name").GetString()!);
        var options = files["IMG_2041.jpg"].GetProperty("printOptions");
        Assert.Equal((2, "photo", "color"), (options.GetProperty("copies").GetInt32(), options.GetProperty("media").GetString(), options.GetProperty("colorMode").GetString()));
        Assert.Equal(5000, files["IMG_2041.jpg"].GetProperty("price").GetInt64());
        foreach (var file in files.Values)
        {
            var bytes = await program.GetByteArrayAsync(new Uri($"/api/shopkeeper/files/{file.GetProperty("id").GetString()}/download", UriKind.Relative), Token);
            Assert.All(CustomerFiles.Secrets, secret => Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(secret))));
            // Exif's orientation 6 stands it up: 480 wide, 640 high. The other one was turned once more, and shrunk to the edge of A4.
            var (width, height) = await SizeInABrowserAsync(page, bytes);
            Assert.Equal(file.GetProperty("name").GetString() == "IMG_2041.jpg" ? (3508, 2631) : (480, 640), (width, height));
        }
    }

    [Fact]
    public async Task What_the_server_would_refuse_is_refused_before_a_byte_is_sent()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var sent = new List<string>();
        phone.Page.Request += (_, request) =>
        {
            if (request.Method != "GET")
                sent.Add(request.Url);
        };
        const string hostile = "<img src=x onerror=alert(1)>\u202Efdp.exe";

        await phone.ChooseAsync(
            CustomerFiles.Of("logo.png", "image/png", "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"),
            CustomerFiles.Of("photo.jpg", "image/jpeg", "<!DOCTYPE html><script>alert(1)</script>"),
            CustomerFiles.Of("setup.pdf", "application/pdf", "MZ\u0090\0\u0003\0\0\0"),
            CustomerFiles.Of("files.docx", "application/zip", "PK\u0003\u0004 nothing of an office document"),
            CustomerFiles.Of("empty.pdf", "application/pdf", ""),
            CustomerFiles.Of(hostile, "text/html", "<html><body onload=alert(1)>"),
            new() { Name = "locked.pdf", MimeType = "application/pdf", Buffer = CustomerFiles.Encrypted("", "secret").Buffer });

        string[] reasons = ["SVG drawing", "web page", "program", "archive", "empty", "web page"];
        foreach (var (index, reason) in reasons.Index())
            await Expect(phone.Files.Nth(index).Locator(".problem")).ToContainTextAsync(reason);
        Assert.Equal(hostile, await phone.Files.Nth(5).Locator("bdi").TextContentAsync());
        await Expect(phone.Files.Nth(6).Locator(".problem")).ToContainTextAsync("needs a password");
        Assert.Empty(sent);
        await phone.RecordAsync("customer-refused");
    }

    [Fact]
    public async Task Before_sending_the_page_says_of_a_PDF_what_the_server_will_find()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);

        await phone.ChooseAsync(
            CustomerFiles.Pdf("plain.pdf", 12), CustomerFiles.WithObjectStream("compressed.pdf"), CustomerFiles.Encrypted("unchangeable.pdf", ""), CustomerFiles.Encrypted("locked.pdf", "secret"),
            CustomerFiles.Shortened("shortened.pdf"), CustomerFiles.ShortenedWithObjectStream("shortened-compressed.pdf"), CustomerFiles.WithAttachment("attached.pdf"),
            CustomerFiles.Encrypted("unchangeable-literal.pdf", "", isLiteral: true));
        foreach (var (index, pages) in (int?[])[12, 5, 2, null, 2, 3, null, 2] is var expected ? expected.Index() : [])
            await Expect(phone.Files.Nth(index).Locator("small")).ToHaveTextAsync(new Regex(pages is null ? "^[0-9] kB$" : $"^{pages} pages · ", RegexOptions.None, matchTimeout: TimeSpan.FromSeconds(1)));
        await Expect(phone.Page.Locator(".problem")).ToHaveCountAsync(1);
        await phone.PressSendAsync();
        var job = await phone.ArrivedAsync();

        var found = (await phone.StatusAsync(job)).GetProperty("files").EnumerateArray().ToDictionary(
            file => file.GetProperty("name").GetString()!,
            file => (file.TryGetProperty("pages", out var pages) ? pages.GetInt32() : (int?)null, file.TryGetProperty("locked", out var locked) && locked.GetBoolean()));
        Assert.Equal((12, false), found["plain.pdf"]);
        Assert.Equal((5, false), found["compressed.pdf"]);
        Assert.Equal((2, false), found["unchangeable.pdf"]);
        Assert.Equal((null, true), found["locked.pdf"]);
        Assert.Equal((2, false), found["shortened.pdf"]);
        Assert.Equal((3, false), found["shortened-compressed.pdf"]);
        Assert.Equal((1, false), found["attached.pdf"]);
        Assert.Equal((2, false), found["unchangeable-literal.pdf"]);
    }

    [Fact]
    public async Task A_range_of_pages_that_cannot_be_printed_is_not_sent()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        await phone.ChooseAsync(CustomerFiles.Pdf("three.pdf", 3));
        await phone.Files.First.Locator("summary").ClickAsync();
        var range = phone.Files.First.GetByLabel("Pages", new() { Exact = true });

        await range.FillAsync("1-3;5");
        await phone.PressSendAsync();
        await Expect(range).ToBeFocusedAsync();
        await Expect(phone.Page.Locator(".upload")).ToHaveCountAsync(0);

        await range.FillAsync("10-12");
        await range.BlurAsync();
        await Expect(phone.Files.First.Locator(".problem")).ToHaveTextAsync("The document has none of these pages.");
        await Expect(phone.Page.Locator("ct-send button[type=submit]")).ToBeDisabledAsync();
        await phone.RecordAsync("customer-no-pages");

        await range.FillAsync("2");
        await range.BlurAsync();
        await phone.PressSendAsync();
        var job = await phone.ArrivedAsync();
        Assert.Equal("2", (await phone.StatusAsync(job)).GetProperty("files")[0].GetProperty("printOptions").GetProperty("pageRanges").GetString());
    }

    [Fact]
    public async Task An_upload_goes_on_after_a_reload_and_after_the_network_was_away()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var offsets = new List<long>();
        page.Response += (_, response) =>
        {
            if (response.Request.Method == "HEAD" && response.Headers.TryGetValue("upload-offset", out var offset))
                offsets.Add(long.Parse(offset, CultureInfo.InvariantCulture));
        };
        var file = CustomerFiles.Large("plan.pdf", 6 << 20);
        await phone.SendAtMostAsync(1 << 20);
        await phone.ChooseAsync(CustomerFiles.Pdf("small.pdf", 1), file);
        await phone.PressSendAsync();
        await Expect(page.Locator(".file.done")).ToHaveCountAsync(1);
        await phone.UntilPercentAsync(20);

        // From here on nothing of it gets through.
        await page.RouteAsync("**/api/customer/uploads/*", route => route.AbortAsync("internetdisconnected"));
        await page.ReloadAsync();
        await Expect(phone.Files.First).ToContainTextAsync("Arrived");
        await Expect(phone.Files.Nth(1)).ToContainTextAsync("plan.pdf");
        await Expect(phone.Files.Nth(1)).ToContainTextAsync("No connection. It goes on by itself.");
        await phone.RecordAsync("customer-offline");
        await page.UnrouteAllAsync();
        await phone.SendAtMostAsync(null);
        var job = await phone.ArrivedAsync();
        Assert.Contains(offsets, offset => offset > 0);

        var arrived = (await phone.StatusAsync(job)).GetProperty("files").EnumerateArray().ToDictionary(one => one.GetProperty("name").GetString()!, one => one.GetProperty("size").GetInt64());
        Assert.Equal(file.Buffer.Length, arrived["plan.pdf"]);
        Assert.Equal(2, arrived.Count);
        // Nothing of it stays in the browser.
        Assert.Equal(0, await BrowserMemory.AskAsync<int>(page, "return await done(files.count()) + (await done(jobs.getAll())).flatMap((job) => job.items).length"));
    }

    [Fact]
    public async Task A_file_that_the_browser_has_lost_is_asked_for_again_and_goes_on()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var file = CustomerFiles.Pdf("letter.pdf", 2);
        await phone.ChooseAsync(file, CustomerFiles.Pdf("kept.pdf", 1));
        await BrowserMemory.UntilKeptAsync(phone.Page, 2);
        await BrowserMemory.AskAsync<object?>(phone.Page, "await done(files.delete((await done(jobs.getAll()))[0].items.find((item) => item.name === 'letter.pdf').id))");

        await phone.Page.ReloadAsync();
        await Expect(phone.Page.GetByText("Choose 1 file again to go on.")).ToBeVisibleAsync();
        await phone.RecordAsync("customer-lost");
        await phone.Page.Locator(".chooser input[type=file]").First.SetInputFilesAsync(file);
        await Expect(phone.Page.Locator(".file.ready")).ToHaveCountAsync(2);
        await phone.PressSendAsync();

        Assert.Equal(2, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("fileCount").GetInt32());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Thirty_files_arrive_on_a_narrow_phone(bool script)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop, script);
        await phone.Page.SetViewportSizeAsync(320, 640);

        await phone.ChooseAsync([.. Enumerable.Range(1, 30).Select(number => CustomerFiles.Text($"page {number} of a very long name that a scanner has made.txt", 100 + number))]);
        Assert.True(await phone.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"));
        // Its first bytes wait for the pictures. Without script there is nothing to see meanwhile.
        var recorded = new TaskCompletionSource();
        await phone.Page.RouteAsync("**/api/customer/uploads/*", async route =>
        {
            await recorded.Task;
            await route.ContinueAsync();
        });
        await phone.PressSendAsync();
        if (script)
        {
            await Expect(phone.Page.Locator(".upload")).ToBeVisibleAsync();
            await phone.RecordAsync("customer-sending");
            await phone.Page.SetViewportSizeAsync(320, 640);
        }

        recorded.SetResult();
        var job = await phone.ArrivedAsync();

        Assert.Equal(30, (await phone.StatusAsync(job)).GetProperty("fileCount").GetInt32());
        await Expect(phone.Page.Locator(".files .name")).ToHaveCountAsync(30);
        Assert.True(await phone.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_name_that_looks_like_markup_is_text_wherever_it_is_shown(bool script)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop, script);
        const string name = "\"><img src=x onerror=alert(1)>.pdf";
        var alerts = new List<string>();
        phone.Page.Dialog += (_, dialog) => alerts.Add(dialog.Message);

        await phone.ChooseAsync(CustomerFiles.Pdf(name, 1), CustomerFiles.Text("../../etc/passwd.txt", 100));
        if (script)
            Assert.Equal(name, await phone.Files.First.Locator("bdi").TextContentAsync());
        await phone.PressSendAsync();
        var job = await phone.ArrivedAsync();

        string[] shown = [name, "passwd.txt"];
        await Expect(phone.Page.Locator(".files bdi")).ToHaveTextAsync(shown);
        Assert.Equal(shown, (await phone.StatusAsync(job)).GetProperty("files").EnumerateArray().Select(file => file.GetProperty("name").GetString()));
        await Expect(phone.Page.Locator("main img, main script")).ToHaveCountAsync(0);
        Assert.Empty(alerts);
    }

    [Theory]
    [InlineData(true, "logo.png", "image/png", "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>")]
    [InlineData(false, "logo.png", "image/png", "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>")]
    [InlineData(true, "photo.jpg", "image/jpeg", "<!DOCTYPE html><script>alert(1)</script>")]
    [InlineData(false, "photo.jpg", "image/jpeg", "<!DOCTYPE html><script>alert(1)</script>")]
    [InlineData(true, "<img src=x onerror=alert(1)>.pdf", "application/pdf", "MZ\u0090\0\u0003\0\0\0")]
    [InlineData(false, "<img src=x onerror=alert(1)>.pdf", "application/pdf", "MZ\u0090\0\u0003\0\0\0")]
    public async Task A_file_that_is_dressed_as_another_does_not_arrive_and_the_page_says_why(bool script, string name, string type, string content)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop, script);

        await phone.ChooseAsync(CustomerFiles.Of(name, type, content));
        if (script)
        {
            await Expect(phone.Files.Locator(".problem")).ToBeVisibleAsync();
            await Expect(phone.Page.Locator("ct-send button[type=submit]")).ToBeDisabledAsync();
        }
        else
        {
            await phone.PressSendAsync();
            await Expect(phone.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("This kind of file cannot be printed here.");
        }

        await Expect(phone.Page.Locator("main img")).ToHaveCountAsync(0);
        Assert.Equal(0, (await program.GetFromJsonAsync<JsonElement>("/api/shopkeeper/sessions/pending", Token)).GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task Without_script_a_failure_is_a_page_that_says_why()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop, script: false);

        await phone.ChooseAsync(CustomerFiles.Of("logo.png", "image/png", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"));
        await phone.PressSendAsync();
        await Expect(phone.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("This kind of file cannot be printed here.");
        await phone.RecordAsync("customer-refused");

        foreach (var address in (string[])[$"/s/{shop.Id}/sessions/00000000000000000000000000", $"/s/{shop.Id}/sessions/a/b/c", "/s/no-such-shop"])
        {
            await phone.Page.GotoAsync(address);
            await Expect(phone.Page.Locator("h1")).ToHaveTextAsync("Not found");
        }

        await phone.RecordAsync("customer-not-found");
    }

    [Fact]
    public async Task If_the_shop_changes_its_offer_meanwhile_the_nearest_options_are_shown_before_anything_is_sent_again()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = await WithPricesAsync(shop);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await phone.ChooseAsync(CustomerFiles.Pdf("plain.pdf", 1), CustomerFiles.Pdf("photo.pdf", 2), CustomerFiles.Pdf("last.pdf", 1));
        await phone.Files.Nth(1).Locator("summary").ClickAsync();
        await phone.Files.Nth(1).GetByLabel("Paper").SelectOptionAsync("photo");
        await Expect(page.Locator(".totals .price")).ToContainTextAsync("₹54.00");
        // The page asks for the prices before it begins: what changes then it hears of with a file that is refused.
        var begun = await HeldAnswer.NextAsync(page, "POST", "/sessions/create$");
        await phone.PressSendAsync();
        await begun.Given;
        using var changed = await program.PutAsJsonAsync(
            "/api/shopkeeper/offer", new { currency = "INR", twoSided = false, prices = new[] { new { media = "a4", colorMode = "monochrome", price = 300 } } }, Token);
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        await begun.ReleaseAsync();

        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("The shop has changed what it prints.");
        await Expect(phone.Files.Nth(1).Locator("summary")).ToContainTextAsync("1 copy · Black and white · A4");
        await Expect(page.Locator(".totals .price")).ToContainTextAsync("₹12.00");
        await Expect(page.Locator(".file.done")).ToHaveCountAsync(1);
        await Expect(page.Locator(".problem")).ToHaveCountAsync(0);
        await phone.RecordAsync("customer-offer-changed");
        await phone.PressSendAsync();
        var sent = (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("files").EnumerateArray().Select(file => (file.GetProperty("name").GetString(), file.GetProperty("price").GetInt64()));
        Assert.Equal([("plain.pdf", 300L), ("photo.pdf", 600L), ("last.pdf", 300L)], sent);
    }

    [Fact]
    public async Task A_price_that_changed_while_the_form_was_open_is_shown_before_anything_is_sent()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = await WithPricesAsync(shop);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await phone.ChooseAsync(CustomerFiles.Pdf("plain.pdf", 2));
        await Expect(page.Locator(".totals .price")).ToContainTextAsync("₹4.00");
        using var changed = await program.PutAsJsonAsync(
            "/api/shopkeeper/offer", new { currency = "INR", twoSided = true, prices = new[] { new { media = "a4", colorMode = "monochrome", price = 300 } } }, Token);
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        var sent = 0;
        page.Request += (_, request) => sent += request.Method == "GET" ? 0 : 1;

        await phone.PressSendAsync();

        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("The shop has changed its prices");
        await Expect(page.Locator(".totals .price")).ToContainTextAsync("₹6.00");
        Assert.Equal(0, sent);
        await phone.PressSendAsync();
        Assert.Equal(600, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("price").GetProperty("amount").GetInt64());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_closed_shop_says_so_and_takes_nothing(bool script)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        await OpenOrCloseAsync(program, isOpen: false);
        var phone = await CustomerPage.OpenAsync(browsers, shop, script);
        var alert = phone.Page.GetByRole(AriaRole.Alert);
        await Expect(alert).ToHaveTextAsync("This shop is not taking files right now.");
        await Expect(phone.Page.Locator("form, input")).ToHaveCountAsync(0);
        await phone.RecordAsync("customer-closed");

        // Open for a moment: what is chosen then is refused when it is sent.
        await OpenOrCloseAsync(program, isOpen: true);
        await phone.Page.GetByRole(AriaRole.Link, new() { Name = "Try again" }).ClickAsync();
        await Expect(alert).ToHaveCountAsync(0);
        await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 1));
        await OpenOrCloseAsync(program, isOpen: false);
        await phone.PressSendAsync();
        await Expect(alert).ToHaveTextAsync("This shop is not taking files right now.");
        // With script they are still there to be sent later.
        await Expect(phone.Page.Locator("ct-send button[type=submit]:enabled")).ToHaveCountAsync(script ? 1 : 0);
    }

    [Fact]
    public async Task What_only_the_server_finds_in_a_file_stands_beside_it_and_the_others_arrive()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        // The page looks at a text's beginning.
        await phone.ChooseAsync(CustomerFiles.Of("notes.txt", "text/plain", new string('x', 5_000) + "\0\0\u0001"), CustomerFiles.Pdf("letter.pdf", 1));
        await phone.PressSendAsync();

        await Expect(phone.Files.First.Locator(".problem")).ToContainTextAsync("This kind of file cannot be printed here.");
        await Expect(phone.Files.Nth(1)).ToContainTextAsync("Arrived");
        await phone.RecordAsync("customer-failed");
        await phone.Page.GetByRole(AriaRole.Button, new() { Name = "Remove notes.txt" }).ClickAsync();
        await phone.PressSendAsync();
        var job = await phone.ArrivedAsync();
        Assert.Equal(1, (await phone.StatusAsync(job)).GetProperty("fileCount").GetInt32());

        await shop.ExpireAsync(job);
        await phone.SaysAsync("Time is up");
        await Expect(phone.Page.Locator(".code")).ToHaveCountAsync(0);
        await Expect(phone.Page.GetByRole(AriaRole.Link, new() { Name = "Deletion receipt" })).ToBeVisibleAsync();
        await phone.RecordAsync("customer-expired");
    }

    [Fact]
    public async Task In_Hindi_no_word_is_left_in_English()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop, locale: "hi-IN");
        await Expect(phone.Page.Locator("html")).ToHaveAttributeAsync("lang", "hi");
        await phone.ChooseAsync(CustomerFiles.Pdf("1.pdf", 2));
        Assert.DoesNotMatch(English(), await phone.Page.Locator("body").InnerTextAsync());
        await phone.RecordAsync("customer-hindi");
        await phone.PressSendAsync();
        await phone.ArrivedAsync();
        Assert.DoesNotMatch(English(), await phone.Page.Locator("main").InnerTextAsync());
        await phone.RecordAsync("customer-hindi-sent");

        await phone.Page.GetByRole(AriaRole.Link, new() { Name = "English" }).ClickAsync();
        await Expect(phone.Page.Locator("h1")).ToHaveTextAsync("Your files have arrived");
        await phone.Page.GotoAsync($"/s/{shop.Id}");
        await Expect(phone.Page.Locator("html")).ToHaveAttributeAsync("lang", "en");
    }

    [Fact]
    public async Task Files_that_another_app_shares_are_on_the_list_with_their_names()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var manifest = await page.EvaluateAsync<JsonElement>("async () => (await fetch(document.querySelector('link[rel=manifest]').href)).json()");
        Assert.Equal($"/s/{shop.Id}/share", manifest.GetProperty("share_target").GetProperty("action").GetString());
        await phone.UntilShellKeptAsync();

        await ShareAsync(page, manifest.GetProperty("share_target").GetProperty("action").GetString()!);
        await Expect(phone.Files).ToContainTextAsync(["नोट.txt"]);

        await BrowserMemory.UntilKeptAsync(page, 1);
        await page.Context.SetOfflineAsync(true);
        await page.ReloadAsync();
        await Expect(phone.Files).ToContainTextAsync(["नोट.txt"]);
        await phone.PressSendAsync();
        await Expect(page.Locator(".upload")).ToContainTextAsync("No connection. It goes on by itself.");
        await page.Context.SetOfflineAsync(false);
        Assert.Equal(1, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("fileCount").GetInt32());
        var kept = await page.EvaluateAsync<string[]>("async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map((one) => new URL(one.url).pathname)))).flat()");
        Assert.All(kept, address => Assert.Matches($"^(/s/{shop.Id}|/assets/.*)/?$", address));

        await page.GotoAsync($"/s/{shop.Id}");
        var browser = await page.Context.NewCDPSessionAsync(page);
        var obstacles = (await browser.SendAsync("Page.getInstallabilityErrors"))!.Value.GetProperty("installabilityErrors").EnumerateArray();
        // Nobody installs anything in a private window, which is what the tests have.
        Assert.DoesNotContain(obstacles, one => one.GetProperty("errorId").GetString() != "in-incognito");
    }

    [Fact]
    public async Task Files_are_on_the_list_after_a_reload_though_none_was_looked_at_yet()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await phone.UntilShellKeptAsync();
        // A phone that takes its time: the first bytes of a file do not come, until this is taken back.
        await page.Context.AddInitScriptAsync("""
            sessionStorage.slow ??= 'yes'
            const { arrayBuffer } = Blob.prototype
            Blob.prototype.arrayBuffer = function () { return sessionStorage.slow === 'yes' && this.size > 1 ? new Promise(() => {}) : arrayBuffer.call(this) }
            """);
        await ShareAsync(page, $"/s/{shop.Id}/share");
        await Expect(phone.Files).ToContainTextAsync(["नोट.txt"]);
        await page.Locator(".chooser input[type=file]").First.SetInputFilesAsync(CustomerFiles.Text("notes.txt", 100));
        await BrowserMemory.UntilAsync(page, "return (await done(jobs.getAll()))[0]?.items.length === 2 && (await done(files.count())) === 0", "two rows are kept, and no file");

        await page.EvaluateAsync("sessionStorage.slow = 'no'");
        await page.ReloadAsync();

        // The other app's file is still there, the other one the customer is asked for.
        await Expect(phone.Files).ToHaveCountAsync(2);
        await Expect(phone.Files.Filter(new() { HasText = "नोट.txt" }).Locator(".problem")).ToHaveCountAsync(0);
        await Expect(phone.Files.Filter(new() { HasText = "notes.txt" })).ToContainTextAsync("Choose this file again");
        await Eventually.HoldsAsync(
            async () => await page.EvaluateAsync<int>("async () => (await (await caches.open('shared')).keys()).length") == 0, "no shared file is left", TimeSpan.FromSeconds(15), Token);
    }

    [Fact]
    public async Task Shared_files_that_a_full_phone_or_a_full_list_cannot_keep_are_still_there_after_a_reload()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        await shop.LimitAsync(new { files = 1 });
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await phone.UntilShellKeptAsync();
        await page.Context.AddInitScriptAsync("""
            const { put } = IDBObjectStore.prototype
            IDBObjectStore.prototype.put = function (value, ...key) {
              if (this.name === 'files' && sessionStorage.full !== 'no') throw new DOMException('The phone is full.', 'QuotaExceededError')
              return put.call(this, value, ...key)
            }
            """);
        await ShareAsync(page, $"/s/{shop.Id}/share");
        await Expect(phone.Files.Locator(".settings")).ToHaveCountAsync(1);
        await BrowserMemory.UntilAsync(page, "return (await done(jobs.getAll()))[0]?.items.length === 1", "its row is kept");

        await ShareAsync(page, $"/s/{shop.Id}/share");
        await OneIsTooManyAsync();
        await page.ReloadAsync();
        await OneIsTooManyAsync();

        await page.EvaluateAsync("sessionStorage.full = 'no'");
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove नोट.txt" }).First.ClickAsync();
        await Expect(phone.Files.Locator(".settings")).ToHaveCountAsync(1);
        await Eventually.HoldsAsync(
            async () => await page.EvaluateAsync<int>("async () => (await (await caches.open('shared')).keys()).length") == 0, "no shared file is left", TimeSpan.FromSeconds(15), Token);
        await phone.PressSendAsync();
        Assert.Equal(1, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("fileCount").GetInt32());

        async Task OneIsTooManyAsync()
        {
            await Expect(phone.Files.Locator(".name")).ToHaveTextAsync(["नोट.txt", "नोट.txt"]);
            await Expect(phone.Files.Nth(0).Locator(".settings")).ToHaveCountAsync(1);
            await Expect(phone.Files.Nth(1).Locator(".problem")).ToContainTextAsync("too many files: the limit is 1");
        }
    }

    [Fact]
    public async Task Shared_files_that_a_full_phone_cannot_keep_are_sent_at_once()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await phone.UntilShellKeptAsync();
        await EvaluateInWorkerAsync(page, "Cache.prototype.put = () => Promise.reject(new DOMException('The quota has been exceeded.', 'QuotaExceededError'))");

        await ShareAsync(page, $"/s/{shop.Id}/share");

        var job = await phone.ArrivedAsync();
        Assert.Equal("नोट.txt", (await phone.StatusAsync(job)).GetProperty("files")[0].GetProperty("name").GetString());
        Assert.Equal(0, await page.EvaluateAsync<int>("async () => (await (await caches.open('shared')).keys()).length"));
    }

    // https://chromedevtools.github.io/devtools-protocol/tot/Target/: Playwright for .NET reaches no service worker itself.
    private static async Task EvaluateInWorkerAsync(IPage page, string expression)
    {
        var own = await page.Context.NewCDPSessionAsync(page);
        var context = (await own.SendAsync("Target.getTargetInfo"))!.Value.GetProperty("targetInfo").GetProperty("browserContextId").GetString();
        var browser = await page.Context.Browser!.NewBrowserCDPSessionAsync();
        var targets = (await browser.SendAsync("Target.getTargets"))!.Value.GetProperty("targetInfos").EnumerateArray();
        var worker = Assert.Single(
            targets, target => target.GetProperty("type").GetString() == "service_worker" && target.GetProperty("browserContextId").GetString() == context);
        var attached = await browser.SendAsync("Target.attachToTarget", new() { ["targetId"] = worker.GetProperty("targetId").GetString()! });
        var answered = new TaskCompletionSource();
        browser.Event("Target.receivedMessageFromTarget").OnEvent += (_, _) => answered.TrySetResult();
        await browser.SendAsync("Target.sendMessageToTarget", new()
        {
            ["sessionId"] = attached!.Value.GetProperty("sessionId").GetString()!,
            ["message"] = JsonSerializer.Serialize(new { id = 1, method = "Runtime.evaluate", @params = new { expression } }),
        });
        await answered.Task.WaitAsync(TimeSpan.FromSeconds(15), TimeProvider.System, Token);
    }

    [Fact]
    public async Task Files_that_are_shared_with_a_closed_shop_wait_for_it_alone_and_not_for_ever()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        await using var other = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await phone.UntilShellKeptAsync();
        await OpenOrCloseAsync(program, isOpen: false);
        await ShareAsync(page, $"/s/{shop.Id}/share");
        await Expect(page.GetByRole(AriaRole.Alert)).ToHaveTextAsync("This shop is not taking files right now.");
        await page.EvaluateAsync("async shop => (await caches.open('shared')).put(`/s/${shop}/share/${Date.now() - 61 * 60_000}-0`, new Response('old'))", other.Id);

        await page.GotoAsync($"/s/{other.Id}");
        await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 1));
        await Expect(phone.Files.Locator(".name")).ToHaveTextAsync(["letter.pdf"]);
        await OpenOrCloseAsync(program, isOpen: true);
        await page.GotoAsync($"/s/{shop.Id}");
        await Expect(phone.Files.Locator(".name")).ToHaveTextAsync(["नोट.txt"]);
        await Eventually.HoldsAsync(
            async () => await page.EvaluateAsync<int>("async () => (await (await caches.open('shared')).keys()).length") == 0, "no shared file is left", TimeSpan.FromSeconds(15), Token);
    }

    [Fact]
    public async Task The_first_view_is_light_and_comes_from_one_origin()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var page = await browsers.OpenAsync(shop.Origin, new() { ViewportSize = new() { Width = 390, Height = 844 }, ServiceWorkers = ServiceWorkerPolicy.Block });
        var requested = new List<string>();
        page.Request += (_, request) => requested.Add(request.Url);
        var session = await page.Context.NewCDPSessionAsync(page);
        await session.SendAsync("Network.enable");
        var weight = 0.0;
        session.Event("Network.loadingFinished").OnEvent += (_, finished) => weight += finished!.Value.GetProperty("encodedDataLength").GetDouble();
        // Lighthouse's slow 4G: 150 ms, 1.6 Mbit/s; and a phone's processor.
        await session.SendAsync("Network.emulateNetworkConditions", new() { ["offline"] = false, ["latency"] = 150, ["downloadThroughput"] = 1.6e6 / 8, ["uploadThroughput"] = 750e3 / 8 });
        await session.SendAsync("Emulation.setCPUThrottlingRate", new() { ["rate"] = 4 });

        await page.GotoAsync($"/s/{shop.Id}", new() { WaitUntil = WaitUntilState.Commit });
        await Expect(page.Locator(".chooser")).ToBeVisibleAsync();
        var usable = await page.EvaluateAsync<double>("performance.now()");
        await page.WaitForLoadStateAsync(LoadState.NetworkIdle);

        TestContext.Current.TestOutputHelper?.WriteLine($"{weight} bytes, usable after {usable} ms");
        Assert.All(requested, address => Assert.Equal(shop.Origin.Authority, new Uri(address).Authority));
        Assert.True(weight is > 1_000 and <= FirstView, $"The first view takes {weight} bytes.");
    }

    /// <summary>As the system does it: a form sent to the address in the manifest.</summary>
    private static async Task ShareAsync(IPage page, string action) => await page.EvaluateAsync("""
        (action) => {
          const form = Object.assign(document.createElement('form'), { action, method: 'post', enctype: 'multipart/form-data' })
          const input = Object.assign(document.createElement('input'), { type: 'file', name: 'files', multiple: true })
          const files = new DataTransfer()
          files.items.add(new File(['shared text'], 'नोट.txt', { type: 'text/plain' }))
          input.files = files.files
          form.append(input)
          document.body.append(form)
          form.submit()
        }
        """, action);

    private static async Task OpenOrCloseAsync(HttpClient program, bool isOpen)
    {
        using var changed = await program.PatchAsJsonAsync("/api/shopkeeper/shop", new { acceptsUploads = isOpen }, Token);
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
    }

    private static async Task<HttpClient> WithPricesAsync(PageShop shop)
    {
        var program = shop.Program(await shop.AddKeyAsync("Counter"));
        using var set = await program.PutAsJsonAsync("/api/shopkeeper/offer", Prices, Token);
        Assert.True(set.IsSuccessStatusCode, await set.Content.ReadAsStringAsync(Token));
        return program;
    }

    private static async Task<(int Width, int Height)> SizeInABrowserAsync(IPage page, byte[] bytes)
    {
        var size = await page.EvaluateAsync<int[]>("""
            async (base64) => {
              const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))]))
              return [picture.width, picture.height]
            }
            """, Convert.ToBase64String(bytes));
        return (size[0], size[1]);
    }

    // Units, names of formats and files, and what is called the same everywhere.
    [GeneratedRegex("(?<![A-Za-z0-9./])(?!(kB|MB|GB|PDF|TXT|JPG|PNG|HEIC|A4|A3|QR|UPI|SVG|JPEG|Corner|Print|English|pdf|[A-Z2-9]{6})\\b)[A-Za-z]{2,}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex English();
}
