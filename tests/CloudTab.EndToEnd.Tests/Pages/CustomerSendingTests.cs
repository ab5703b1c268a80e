using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using CloudTab.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>What a phone goes through while it sends, and what it sees afterwards.</summary>
[Collection(RunningAppHost.Collection)]
public sealed partial class CustomerSendingTests(RunningAppHost relay, Browsers browsers) : IAsyncDisposable
{
    private const int Slow = 1 << 20;

    private static readonly FilePayload Plan = CustomerFiles.Large("plan.pdf", 6 << 20);

    [Fact]
    public async Task The_screen_stays_on_while_files_are_sent_and_no_longer()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await page.Context.GrantPermissionsAsync(["screen-wake-lock"]);
        await page.EvaluateAsync("""
            () => {
              window.locks = []
              const { request } = WakeLock.prototype
              WakeLock.prototype.request = async function (type) {
                const lock = await request.call(this, type)
                locks.push(lock)
                return lock
              }
            }
            """);
        await phone.SendAtMostAsync(Slow);
        await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 1), Plan);
        Assert.Equal(0, await page.EvaluateAsync<int>("locks.length"));

        await phone.PressSendAsync();
        await page.WaitForFunctionAsync("() => locks.length === 1 && !locks[0].released");
        // A browser takes the lock back from a page that is not seen.
        await page.EvaluateAsync("locks[0].release()");
        await phone.SetVisibleAsync(false);
        await phone.SetVisibleAsync(true);
        await page.WaitForFunctionAsync("() => locks.length === 2 && !locks[1].released");

        await Expect(page.Locator(".file.done")).ToHaveCountAsync(1);
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop sending" }).ClickAsync();
        await page.WaitForFunctionAsync("() => locks.every((lock) => lock.released)");
        // What had arrived is deleted there, and still here.
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Send 2 files" })).ToBeFocusedAsync();
        Assert.Equal(2, await page.EvaluateAsync<int>("locks.length"));
    }

    [Fact]
    public async Task An_upload_whose_creation_had_no_answer_waits_until_that_one_does_not_count_any_more()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        await shop.LimitAsync(new { files = 1 });
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var lost = 0;
        await page.RouteAsync(new Regex("/sessions/[^/]+/files$", RegexOptions.None, TimeSpan.FromSeconds(1)), async route =>
        {
            if (route.Request.Method != "POST" || Interlocked.Exchange(ref lost, 1) == 1)
            {
                await route.FallbackAsync();
                return;
            }

            await route.FetchAsync();
            await route.AbortAsync();
        });
        await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 1));
        var full = page.WaitForResponseAsync(answer => answer.Status == 413);
        await phone.PressSendAsync();
        await full;
        await Expect(page.Locator(".file .problem")).ToHaveTextAsync("The service is busy. It goes on by itself.");

        Assert.Equal(1, await shop.AgeEmptyUploadsAsync(TimeSpan.FromMinutes(2)));
        await page.EvaluateAsync("dispatchEvent(new Event('online'))");

        Assert.Equal(1, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("fileCount").GetInt32());
    }

    [Fact]
    public async Task Options_that_are_changed_after_a_part_was_sent_hold_and_no_file_counts_twice()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        await shop.LimitAsync(new { files = 4 });
        var job = await shop.SendAsync("Asha", ("one.pdf", Documents.Pdf(1)));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await page.GotoAsync($"/s/{shop.Id}/sessions/{job.SessionId}/add");
        await phone.SendAtMostAsync(Slow);
        await phone.ChooseAsync(CustomerFiles.Pdf("two.pdf", 2), Plan);
        await phone.PressSendAsync();
        await Expect(page.Locator(".file.done")).ToHaveCountAsync(1);
        await phone.UntilPercentAsync(5);
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop sending" }).ClickAsync();
        await phone.Files.Nth(1).Locator("summary").ClickAsync();
        await phone.Files.Nth(1).GetByRole(AriaRole.Button, new() { Name = "One copy more" }).ClickAsync();
        await BrowserMemory.UntilAsync(page, "return (await done(jobs.getAll()))[0].items[1].options.copies === 2", "the copies are kept");

        await page.ReloadAsync();
        await Expect(page.Locator(".file.ready")).ToHaveCountAsync(1);
        await phone.SendAtMostAsync(null);
        await phone.ChooseAsync(CustomerFiles.Pdf("three.pdf", 3));
        await page.RouteAsync("**/files", route => route.FulfillAsync(new() { Status = 503, ContentType = "application/problem+json", Body = "{}" }));
        await phone.PressSendAsync();
        await Expect(phone.Files.Nth(1)).ToContainTextAsync("The service is busy. It goes on by itself.");
        await page.UnrouteAllAsync();

        Assert.Equal(job, await phone.ArrivedAsync());
        var copies = (await phone.StatusAsync(job)).GetProperty("files").EnumerateArray().ToDictionary(
            file => file.GetProperty("name").GetString()!, file => file.GetProperty("printOptions").GetProperty("copies").GetInt32());
        Assert.Equal(new Dictionary<string, int> { ["one.pdf"] = 1, ["two.pdf"] = 1, ["plan.pdf"] = 2, ["three.pdf"] = 1 }, copies);
    }

    [Fact]
    public async Task A_call_that_a_dead_connection_never_answers_is_given_up_and_made_again()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await page.Clock.InstallAsync();
        await page.ReloadAsync();
        await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 1));
        var created = await HeldAnswer.NextAsync(page, "POST", "/create$");
        await phone.PressSendAsync();
        await created.Given;
        await page.Clock.FastForwardAsync(20_000);
        await Expect(page.Locator(".upload .percent")).ToContainTextAsync("No connection. It goes on by itself.");
        await page.Clock.FastForwardAsync(2_000);
        var job = await phone.ArrivedAsync();

        var shown = await HeldAnswer.NextAsync(page, "GET", "/sessions/[0-9a-z]{26}$");
        using var claimed = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.PickupCode}/claim", UriKind.Relative), null, Token);
        Assert.Equal(HttpStatusCode.OK, claimed.StatusCode);
        await shown.Given;
        await page.Clock.FastForwardAsync(20_000);
        await Expect(page.GetByText("No connection. This page updates itself once it is back.")).ToBeVisibleAsync();
        await page.Clock.FastForwardAsync(6_000);
        await phone.SaysAsync("Your files are being printed");
        await Expect(page.GetByText("No connection.")).ToBeHiddenAsync();
    }

    [Fact]
    public async Task A_phone_that_was_locked_goes_on_as_soon_as_it_is_open_again()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        await using var network = new TcpProxy(shop.Origin.Port);
        var phone = await CustomerPage.OpenAsync(browsers, shop, network: network);
        var page = phone.Page;
        await page.Clock.InstallAsync();
        await page.ReloadAsync();
        var offsets = Offsets(page);
        await phone.SendAtMostAsync(Slow);
        await phone.ChooseAsync(Plan);
        await phone.PressSendAsync();
        await phone.UntilPercentAsync(20);

        // Locked: its timers stand still, and its connection dies.
        await page.Clock.PauseAtAsync(await page.EvaluateAsync<DateTime>("new Date(Date.now() + 1000)"));
        await phone.SetVisibleAsync(false);
        network.Cut();
        await Expect(phone.Files.First).ToContainTextAsync("No connection. It goes on by itself.");
        network.Restore();
        await phone.SendAtMostAsync(null);
        Assert.Empty(offsets);

        await phone.SetVisibleAsync(true);
        var job = await phone.ArrivedAsync();
        Assert.All(offsets, offset => Assert.InRange(offset, 1, Plan.Buffer.Length));
        Assert.NotEmpty(offsets);
        Assert.Equal(Plan.Buffer.Length, (await phone.StatusAsync(job)).GetProperty("totalSize").GetInt64());
    }

    [Fact]
    public async Task The_page_tells_the_time_left_and_goes_on_by_itself_when_the_network_is_back()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        await using var network = new TcpProxy(shop.Origin.Port);
        var phone = await CustomerPage.OpenAsync(browsers, shop, network: network);
        var page = phone.Page;
        var offsets = Offsets(page);
        await phone.SendAtMostAsync(Slow / 8); // slow enough for the pictures
        await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 2), Plan);
        await phone.PressSendAsync();
        await Expect(page.Locator(".upload .percent")).ToHaveTextAsync(SecondsLeft);
        await phone.UntilPercentAsync(5);
        await phone.RecordAsync("customer-time-left");

        await page.Context.SetOfflineAsync(true);
        network.Cut();
        await Expect(page.Locator(".upload .percent")).ToContainTextAsync("No connection. It goes on by itself.");
        await Expect(phone.Files.Nth(1)).ToContainTextAsync("No connection. It goes on by itself.");
        network.Restore();
        await phone.SendAtMostAsync(null);
        await page.Context.SetOfflineAsync(false);

        var job = await phone.ArrivedAsync();
        Assert.Contains(offsets, offset => offset > 0);
        Assert.Equal(2, (await phone.StatusAsync(job)).GetProperty("fileCount").GetInt32());
    }

    [Fact]
    public async Task A_connection_that_died_silently_is_left_when_the_phone_changes_networks()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var offsets = Offsets(phone.Page);
        await phone.SendAtMostAsync(Slow, "wifi");
        await phone.ChooseAsync(Plan);
        await phone.PressSendAsync();
        await phone.UntilPercentAsync(20);
        // That the same network is faster or slower now is told by the same event.
        await phone.Page.EvaluateAsync("navigator.connection.dispatchEvent(new Event('change'))");
        await phone.UntilPercentAsync(30);
        await phone.SendAtMostAsync(1, "wifi");
        Assert.Empty(offsets);

        // Without a timer: it would notice by itself only after 20 seconds.
        var resumed = phone.Page.WaitForResponseAsync(response => response.Request.Method == "HEAD", new() { Timeout = 10_000 });
        await phone.SendAtMostAsync(null, "cellular4g");
        await resumed;
        var job = await phone.ArrivedAsync();
        Assert.Contains(offsets, offset => offset > 0);
        Assert.Equal(Plan.Buffer.Length, (await phone.StatusAsync(job)).GetProperty("totalSize").GetInt64());
    }

    [Fact]
    public async Task An_upload_that_the_busy_service_cannot_be_asked_for_goes_on_and_only_one_that_is_gone_begins_anew()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var (offsets, created, plan) = (Offsets(page), Created(page), CustomerFiles.Large("plan.pdf", 3 << 20));
        await phone.SendAtMostAsync(Slow);
        await phone.ChooseAsync(plan);
        await phone.PressSendAsync();
        await phone.UntilPercentAsync(10);

        await AnswerHeadAsync(503);
        Assert.Empty(offsets);
        Assert.Equal(2, created.Count); // the session, and the upload
        await phone.UntilPercentAsync(20);
        Assert.Single(offsets);
        await AnswerHeadAsync(410);

        var job = await phone.ArrivedAsync();
        Assert.True(created.Count == 4, string.Join('\n', created)); // and another upload, and that all is there
        Assert.Single(offsets);
        Assert.Equal(plan.Buffer.Length, (await phone.StatusAsync(job)).GetProperty("totalSize").GetInt64());

        // Without a body, as HEAD is answered; the page is loaded again, and asks.
        async Task AnswerHeadAsync(int status)
        {
            var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await page.RouteAsync("**/api/customer/uploads/*", async route =>
            {
                if (route.Request.Method != "HEAD" || answered.Task.IsCompleted)
                {
                    await route.FallbackAsync();
                    return;
                }

                await route.FulfillAsync(new() { Status = status });
                answered.SetResult();
            });
            await page.ReloadAsync();
            await answered.Task.WaitAsync(TimeSpan.FromSeconds(15), TimeProvider.System, Token);
        }
    }

    [Fact]
    public async Task An_upload_that_there_is_no_room_for_goes_on_from_where_it_was()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var (offsets, created, plan) = (Offsets(page), Created(page), CustomerFiles.Large("plan.pdf", 3 << 20));
        await phone.SendAtMostAsync(Slow);
        await phone.ChooseAsync(plan);
        await phone.PressSendAsync();
        await phone.UntilPercentAsync(10);

        await page.RouteAsync("**/api/customer/uploads/*", route => route.Request.Method == "PATCH"
            ? route.FulfillAsync(new() { Status = 507, ContentType = "application/problem+json", Body = """{"code":"shop_full"}""" })
            : route.FallbackAsync());
        await page.ReloadAsync();
        await Expect(phone.Files.First).ToContainTextAsync("This shop’s queue is full.");
        await page.UnrouteAllAsync();
        await phone.SendAtMostAsync(null);
        await phone.PressSendAsync();

        var job = await phone.ArrivedAsync();
        Assert.Equal(3, created.Count); // the session, the upload, and that all is there
        Assert.All(offsets, offset => Assert.True(offset > 0));
        Assert.Equal(2, offsets.Count);
        Assert.Equal(plan.Buffer.Length, (await phone.StatusAsync(job)).GetProperty("totalSize").GetInt64());
    }

    [Fact]
    public async Task A_pause_that_the_service_asks_for_until_a_date_is_kept_also_by_a_wrong_clock()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var now = new DateTimeOffset(2026, 11, 30, 9, 0, 0, TimeSpan.Zero);
        await page.Clock.InstallAsync(new() { TimeDate = now.AddDays(1).UtcDateTime });
        await page.ReloadAsync();
        var asked = new List<string>();
        await page.RouteAsync("**/sessions/create", async route =>
        {
            asked.Add(route.Request.Method);
            await route.FulfillAsync(new()
            {
                Status = 503,
                ContentType = "application/problem+json",
                Body = "{}",
                Headers = new Dictionary<string, string> { ["Date"] = now.ToString("R", CultureInfo.InvariantCulture), ["Retry-After"] = now.AddMinutes(2).ToString("R", CultureInfo.InvariantCulture) },
            });
        });
        await phone.ChooseAsync(CustomerFiles.Pdf("letter.pdf", 1));
        await page.RunAndWaitForRequestFinishedAsync(phone.PressSendAsync, new() { Predicate = request => request.Url.EndsWith("/create", StringComparison.Ordinal) });

        for (var seconds = 0; seconds < 60; seconds += 10)
            await page.Clock.FastForwardAsync(10_000);
        Assert.Single(asked);
        await page.UnrouteAllAsync();
        await page.Clock.FastForwardAsync(120_000);

        await phone.ArrivedAsync();
    }

    [Fact]
    public async Task Of_two_tabs_with_the_same_list_one_sends()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var created = Created(phone.Page);
        await phone.SendAtMostAsync(Slow);
        await phone.ChooseAsync(Plan);
        await phone.PressSendAsync();
        await phone.UntilPercentAsync(5);

        var other = await phone.Page.Context.NewPageAsync();
        await other.GotoAsync($"/s/{shop.Id}");
        await Expect(other.Locator("ct-send .file")).ToContainTextAsync(["plan.pdf"]);
        await Expect(other.GetByRole(AriaRole.Alert)).ToHaveTextAsync("Another tab is sending these files. Look there, or close it.");
        await Browsers.RecordAsync(other, "customer-other-tab");
        await other.Locator(".chooser input[type=file]").First.SetInputFilesAsync(CustomerFiles.Pdf("later.pdf", 1));
        await BrowserMemory.UntilKeptAsync(other, 2);
        await phone.SendAtMostAsync(null);

        var job = await phone.ArrivedAsync();
        Assert.Equal(1, (await phone.StatusAsync(job)).GetProperty("fileCount").GetInt32());
        Assert.Equal(3, created.Count); // the session, the file, and that all is there
        // What was chosen in the other tab is still there, and nothing else.
        await Expect(other.Locator("ct-send .file")).ToContainTextAsync(["later.pdf"]);
        await Expect(other.GetByRole(AriaRole.Alert)).ToHaveCountAsync(0);
        await other.GetByRole(AriaRole.Button, new() { Name = "Send 1 file" }).ClickAsync();
        await other.WaitForURLAsync("**/sessions/*");
        Assert.DoesNotContain(job.SessionId, other.Url, StringComparison.Ordinal);
        Assert.Equal(6, created.Count);
    }

    [Fact]
    public async Task Where_a_tab_that_sends_is_closed_another_one_goes_on_and_nothing_is_sent_twice()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var created = Created(phone.Page);
        await phone.SendAtMostAsync(Slow);
        await phone.ChooseAsync(CustomerFiles.Pdf("one.pdf", 1), Plan, CustomerFiles.Pdf("three.pdf", 3));
        await phone.PressSendAsync();
        await Expect(phone.Page.Locator(".file.done")).ToHaveCountAsync(1);
        await phone.UntilPercentAsync(10);
        var other = await phone.Page.Context.NewPageAsync();
        await other.GotoAsync($"/s/{shop.Id}");
        await Expect(other.GetByRole(AriaRole.Alert)).ToHaveTextAsync("Another tab is sending these files. Look there, or close it.");
        await Expect(other.Locator("ct-send button[type=submit]")).ToBeDisabledAsync();
        await other.Locator(".chooser input[type=file]").First.SetInputFilesAsync(CustomerFiles.Pdf("four.pdf", 4));
        await BrowserMemory.UntilKeptAsync(other, 4);

        await phone.Page.CloseAsync();
        await other.WaitForURLAsync("**/sessions/*");

        var status = await phone.StatusAsync(new(new Uri(other.Url).Segments[^1], ""));
        Assert.Equal(["one.pdf", "plan.pdf", "three.pdf", "four.pdf"], status.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("name").GetString()));
        Assert.Equal(6, created.Count); // the session, each file once, and that all is there
        Assert.Equal(0, await BrowserMemory.AskAsync<int>(other, "return await done(files.count()) + (await done(jobs.getAll())).flatMap((job) => job.items).length"));
    }

    [Fact]
    public async Task What_a_camera_reads_on_the_page_is_the_code_and_the_payment()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        using var offered = await program.PutAsJsonAsync(
            "/api/shopkeeper/offer", new { currency = "INR", twoSided = true, prices = new[] { new { media = "a4", colorMode = "monochrome", price = 250 } }, upiAddress = "corner@bank" }, Token);
        Assert.Equal(HttpStatusCode.OK, offered.StatusCode);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var job = await phone.SendAsync(CustomerFiles.Pdf("letter.pdf", 3));
        await phone.Page.GetByText("Show the QR code for another phone").ClickAsync();
        await phone.RecordAsync("customer-codes");

        foreach (var scheme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
        {
            await phone.Page.EmulateMediaAsync(new() { ColorScheme = scheme });
            Assert.Equal(job.PickupCode, await Camera.ScanAsync(phone.Page.Locator(".pickup .qr")));
            var payment = await Camera.ScanAsync(phone.Page.Locator(".pay .qr"));
            Assert.Equal($"upi://pay?pa=corner@bank&pn=Corner%20Print&am=7.50&cu=INR&tr={job.PickupCode}&tn=Print%20{job.PickupCode}", payment);
            Assert.Equal(payment, await phone.Page.Locator(".pay a").GetAttributeAsync("href"));
        }
    }

    [Fact]
    public async Task The_time_until_deletion_runs_down_on_the_page_also_if_the_phones_clock_is_wrong()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var job = await phone.SendAsync(CustomerFiles.Pdf("letter.pdf", 1));
        var expires = (await phone.StatusAsync(job)).GetProperty("expiresAt").GetDateTime();
        var left = page.Locator(".place time");
        await Expect(left).ToHaveTextAsync(MinutesAndSeconds);

        // Two hours fast, standing still, and read by the page while it hears of the server's time.
        var wrong = expires.AddHours(2);
        await page.Clock.SetFixedTimeAsync(wrong);
        await page.ReloadAsync();
        await Expect(left).ToHaveTextAsync(MinutesAndSeconds);
        await page.RouteAsync($"**/sessions/{job.SessionId}", route => route.AbortAsync());
        await page.EvaluateAsync("dispatchEvent(new Event('online'))");
        await Expect(page.GetByText("No connection.")).ToBeVisibleAsync();
        var told = DateTime.Parse((await page.Locator("ct-session").GetAttributeAsync("data-now"))!, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind);
        // What it heard after that, before it was cut off, may be a few seconds later.
        async Task ShowsAsync(int secondsLeft, [StringSyntax(StringSyntaxAttribute.Regex)] string text)
        {
            await page.Clock.SetFixedTimeAsync(wrong + (expires - told) - TimeSpan.FromSeconds(secondsLeft));
            await Expect(left).ToHaveTextAsync(new Regex(text, RegexOptions.None, TimeSpan.FromSeconds(1)));
        }

        await ShowsAsync(65, "^1:0[0-5]$");
        await ShowsAsync(9, "^0:0[4-9]$");
    }

    [Fact]
    public async Task The_focus_stays_where_it_was_or_goes_to_what_is_nearest()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var job = await shop.SendAsync("Asha", ("one.pdf", Documents.Pdf(1)), ("two.pdf", Documents.Pdf(2)));
        var page = await browsers.OpenAsync(shop.Origin);
        await page.GotoAsync($"/s/{shop.Id}/sessions/{job.SessionId}");
        ILocator Button(string name) => page.GetByRole(AriaRole.Button, new() { Name = name });
        await Expect(page.Locator(".place time")).ToHaveTextAsync(MinutesAndSeconds); // its script runs
        var question = new TaskCompletionSource<IDialog>(TaskCreationOptions.RunContinuationsAsynchronously);
        page.Dialog += (_, dialog) => question.SetResult(dialog);

        var asked = Button("Remove one.pdf").PressAsync("Enter");
        await (await question.Task.WaitAsync(Token)).DismissAsync();
        await asked;
        await Expect(Button("Remove one.pdf")).ToBeFocusedAsync();

        question = new(TaskCreationOptions.RunContinuationsAsynchronously);
        asked = page.Keyboard.PressAsync("Enter");
        await (await question.Task.WaitAsync(Token)).AcceptAsync();
        await asked;
        await Expect(page.Locator(".file.deleted")).ToHaveCountAsync(1);
        await Expect(Button("Remove two.pdf")).ToBeFocusedAsync();

        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Enter");
        await page.GetByLabel("Copies").FillAsync("2");
        await page.GetByLabel("Copies").PressAsync("Enter");
        await Expect(page.Locator("summary").Last).ToContainTextAsync("2 copies");
        await Expect(page.Locator("summary").Last).ToBeFocusedAsync();

        question = new(TaskCreationOptions.RunContinuationsAsynchronously);
        asked = Button("Withdraw all files").PressAsync("Enter");
        await (await question.Task.WaitAsync(Token)).AcceptAsync();
        await asked;
        await Expect(page.Locator("h1")).ToHaveTextAsync("Withdrawn");
        await Expect(page.Locator(".links a:focus")).ToHaveCountAsync(1);
    }

    [Fact]
    public async Task What_somebody_fills_in_stays_until_they_leave_it_or_the_shop_has_claimed_the_job()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        using var offered = await program.PutAsJsonAsync(
            "/api/shopkeeper/offer", new { currency = "INR", twoSided = true, prices = new[] { new { media = "a4", colorMode = "monochrome", price = 100 } } }, Token);
        Assert.Equal(HttpStatusCode.OK, offered.StatusCode);
        var job = await shop.SendAsync("Asha", ("one.pdf", Documents.Pdf(1)), ("two.pdf", Documents.Pdf(2)));
        var page = await browsers.OpenAsync(shop.Origin);
        await page.GotoAsync($"/s/{shop.Id}/sessions/{job.SessionId}");
        await Expect(page.Locator(".place time")).ToHaveTextAsync(MinutesAndSeconds); // its script runs
        var second = page.Locator(".file").Nth(1);
        await second.Locator("summary").ClickAsync();
        var copies = second.GetByLabel("Copies");
        await copies.FillAsync("3");
        await second.GetByLabel("Size").SelectOptionAsync("none");

        // Another device of theirs removes the first file.
        await copies.FocusAsync();
        await Expect(page.Locator(".pay")).ToContainTextAsync("₹3.00");
        var id = (await program.GetFromJsonAsync<JsonElement>($"/api/shopkeeper/sessions/{job.SessionId}", Token)).GetProperty("session").GetProperty("files")[0].GetProperty("id").GetString();
        using var customer = new HttpClient { BaseAddress = shop.Origin };
        using var removed = await customer.DeleteAsync(new Uri($"/s/{shop.Id}/api/customer/sessions/{job.SessionId}/files/{id}", UriKind.Relative), Token);
        Assert.True(removed.IsSuccessStatusCode, removed.StatusCode.ToString());
        await Expect(page.Locator(".pay")).ToContainTextAsync("₹2.00");
        await Expect(copies).ToBeFocusedAsync();
        await Expect(page.Locator(".file.deleted")).ToHaveCountAsync(0);
        await copies.BlurAsync();
        await Expect(page.Locator(".file.deleted")).ToHaveCountAsync(1);
        await Expect(copies).ToHaveValueAsync("3");
        await Expect(second.GetByLabel("Size")).ToHaveValueAsync("none");

        await copies.FocusAsync();
        using var claimed = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.PickupCode}/claim", UriKind.Relative), null, Token);
        Assert.Equal(HttpStatusCode.OK, claimed.StatusCode);
        await Expect(page.Locator(".file input, .file select, .file button")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task What_the_printer_says_stands_beside_the_file_also_without_script_and_in_Hindi()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var agent = shop.Program(await shop.AddKeyAsync("Print agent"));
        var job = await shop.SendAsync("Asha", ("1.pdf", Documents.Pdf(1)), ("2.pdf", Documents.Pdf(2)));
        using var claimed = await agent.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.SessionId}/claim", UriKind.Relative), null, Token);
        var files = (await claimed.Content.ReadFromJsonAsync<JsonElement>(Token)).GetProperty("session").GetProperty("files");
        var attempts = files.EnumerateArray().ToDictionary(file => file.GetProperty("id").GetGuid(), _ => Guid.NewGuid());
        var address = $"/s/{shop.Id}/sessions/{job.SessionId}";
        var page = await browsers.OpenAsync(shop.Origin);
        await page.GotoAsync(address);
        var hindi = await browsers.OpenAsync(shop.Origin, new() { JavaScriptEnabled = false, Locale = "hi-IN" });

        await ReportAsync(0, "printing", reasons: "media-empty-error");
        await SaysAsync(0, "note", "Being printed · The printer is out of paper.", "छप रही है · प्रिंटर में काग़ज़ ख़त्म है।");
        await ReportAsync(1, "failed", reasons: "needs-password");
        await SaysAsync(1, "problem", "Not printed · The file needs a password.", "नहीं छपी · फ़ाइल के लिए पासवर्ड चाहिए।");
        await Browsers.RecordAsync(page, "customer-printer");
        await ReportAsync(0, "unknown");
        await SaysAsync(0, "problem", "Ask at the counter whether it was printed", "काउंटर पर पूछें कि यह छपी या नहीं");
        await ReportAsync(0, "printed", "handed_over");
        await SaysAsync(0, "note", "Handed to the printer", "प्रिंटर को दे दी गई");
        await ReportAsync(0, "printed", "printer_finished");
        await SaysAsync(0, "good", "Printed", "छप गई");
        await ReportAsync(0, "printed", "confirmed");
        await SaysAsync(0, "good", "Printed, and seen by the shop", "छप गई, दुकान ने देख लिया है");
        await Hindi.AssertAsync(hindi, "customer-printer");

        async Task ReportAsync(int index, string state, string? grade = null, params string[] reasons)
        {
            var (file, attempt) = attempts.ElementAt(index);
            using var reported = await agent.PostAsJsonAsync($"/api/shopkeeper/files/{file}/prints", new { attempt, printer = "HP LaserJet", state, grade, reasons }, Token);
            Assert.Equal(HttpStatusCode.OK, reported.StatusCode);
        }

        async Task SaysAsync(int index, string look, string english, string inHindi)
        {
            await Expect(page.Locator(".file").Nth(index).Locator($".about .{look}")).ToHaveTextAsync(english);
            await hindi.GotoAsync(address);
            await Expect(hindi.Locator(".file").Nth(index).Locator($".about .{look}")).ToHaveTextAsync(inHindi);
        }
    }

    [Fact]
    public async Task The_page_asks_now_and_then_while_it_cannot_have_an_event_stream_and_has_one_when_it_can()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var isRefused = true;
        await phone.Page.RouteAsync(
            "**/events", route => isRefused ? route.FulfillAsync(new() { Status = 503, ContentType = "application/problem+json", Body = "{}" }) : route.FallbackAsync());
        var job = await phone.SendAsync(CustomerFiles.Pdf("letter.pdf", 1));
        await Expect(phone.Page.Locator("ct-session")).ToHaveAttributeAsync("data-live", "true");

        using var claimed = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.PickupCode}/claim", UriKind.Relative), null, Token);
        Assert.Equal(HttpStatusCode.OK, claimed.StatusCode);
        await phone.SaysAsync("Your files are being printed");
        var listening = phone.Page.WaitForResponseAsync(
            answer => answer.Url.EndsWith("/events", StringComparison.Ordinal) && answer.Status == (int)HttpStatusCode.OK, new() { Timeout = 60_000 });
        isRefused = false;
        await listening;
        using var completed = await program.PostAsync(new Uri($"/api/shopkeeper/sessions/{job.PickupCode}/complete", UriKind.Relative), null, Token);
        await phone.SaysAsync("Done");
    }

    public ValueTask DisposeAsync() => browsers.CloseAsync();

    [GeneratedRegex("About [0-9]+ seconds left", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex SecondsLeft { get; }

    [GeneratedRegex("^[0-9]+:[0-9]{2}$", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex MinutesAndSeconds { get; }

    /// <summary>What was asked for by POST, in all tabs.</summary>
    private static List<string> Created(IPage page)
    {
        var created = new List<string>();
        page.Context.Request += (_, request) =>
        {
            if (request.Method == "POST")
                created.Add(new Uri(request.Url).AbsolutePath);
        };
        return created;
    }

    /// <summary>From where uploads went on.</summary>
    private static List<long> Offsets(IPage page)
    {
        var offsets = new List<long>();
        page.Response += (_, response) =>
        {
            if (response.Request.Method == "HEAD" && response.Headers.TryGetValue("upload-offset", out var offset))
                offsets.Add(long.Parse(offset, CultureInfo.InvariantCulture));
        };
        return offsets;
    }
}
