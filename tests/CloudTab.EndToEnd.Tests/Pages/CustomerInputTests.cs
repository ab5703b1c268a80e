using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>The ways by which files come onto the customer's page, besides choosing and sharing them.</summary>
[Collection(RunningAppHost.Collection)]
public sealed class CustomerInputTests(RunningAppHost relay, Browsers browsers) : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudtab-");

    [Fact]
    public async Task Files_dropped_anywhere_on_the_page_are_on_the_list()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        await phone.DropAsync(
            _folder, [CustomerFiles.Pdf("lease.pdf", 4), CustomerFiles.Text("notes.txt", 5)], () => Expect(phone.Page.Locator("ct-send[dropping]")).ToHaveCountAsync(1));

        await Expect(phone.Files.Locator(".name")).ToHaveTextAsync(["lease.pdf", "notes.txt"]);
        await Expect(phone.Files.First).ToContainTextAsync("4 pages");
        await Expect(phone.Page.Locator("ct-send[dropping]")).ToHaveCountAsync(0);
        await phone.PressSendAsync();
        Assert.Equal(2, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("fileCount").GetInt32());
    }

    [Fact]
    public async Task A_file_that_was_deleted_since_it_was_chosen_is_asked_for_again()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var file = CustomerFiles.Pdf("lease.pdf", 4);
        await phone.DropAsync(_folder, [file, CustomerFiles.Text("notes.txt", 5)]);
        // A private window keeps no copy of it, and it is one.
        File.Delete(Path.Combine(_folder.FullName, file.Name));
        await phone.PressSendAsync();

        await Expect(phone.Files.First).ToContainTextAsync("Choose this file again");
        await Expect(phone.Files.Nth(1)).ToContainTextAsync("Arrived");
        await phone.Page.Locator(".chooser input[type=file]").First.SetInputFilesAsync(file);
        await Expect(phone.Page.Locator(".file.ready")).ToHaveCountAsync(1);
        await phone.PressSendAsync();
        Assert.Equal(2, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("fileCount").GetInt32());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_lost_file_that_is_chosen_again_goes_on_unless_it_was_edited(bool isEdited)
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var resumed = false;
        page.Response += (_, response) => resumed |= response.Request.Method == "HEAD" && response.Headers.TryGetValue("upload-offset", out var offset) && offset != "0";
        var file = CustomerFiles.Large("plan.pdf", 2 << 20);
        await phone.SendAtMostAsync(1 << 20);
        await phone.DropAsync(_folder, [file]);
        await phone.PressSendAsync();
        await phone.UntilPercentAsync(20);
        await BrowserMemory.AskAsync<object?>(page, "await done(files.clear())");
        await page.ReloadAsync();
        await Expect(page.GetByText("Choose 1 file again to go on.")).ToBeVisibleAsync();
        await phone.SendAtMostAsync(null);

        var path = Path.Combine(_folder.FullName, file.Name);
        if (isEdited)
            await File.WriteAllBytesAsync(path, CustomerFiles.Large(file.Name, 2 << 20).Buffer, Token); // of the same length
        await page.Locator(".chooser input[type=file]").First.SetInputFilesAsync(path);
        var job = await phone.ArrivedAsync();

        Assert.Equal(!isEdited, resumed);
        var session = await program.GetFromJsonAsync<JsonElement>($"/api/shopkeeper/sessions/{job.SessionId}", Token);
        var id = session.GetProperty("session").GetProperty("files").EnumerateArray().Single().GetProperty("id").GetString();
        var arrived = await program.GetByteArrayAsync(new Uri($"/api/shopkeeper/files/{id}/download", UriKind.Relative), Token);
        Assert.Equal(SHA256.HashData(await File.ReadAllBytesAsync(path, Token)), SHA256.HashData(arrived));
    }

    [Fact]
    public async Task Files_that_come_while_others_are_sent_are_sent_with_them()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        var dropped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await page.RouteAsync("**/api/customer/uploads/*", async route =>
        {
            await dropped.Task;
            await route.ContinueAsync();
        });
        var submitted = await HeldAnswer.NextAsync(page, "POST", "/submit$");
        await phone.ChooseAsync(CustomerFiles.Pdf("first.pdf", 1));
        await phone.PressSendAsync();
        await Expect(page.Locator(".upload")).ToBeVisibleAsync();

        await phone.DropAsync(_folder, [CustomerFiles.Pdf("second.pdf", 2), CustomerFiles.Of("trip.mp4", "video/mp4", "\0\0\0\u0018ftypisom\0\0\0\0isomavc1")]);
        await Expect(phone.Files.Nth(1)).ToContainTextAsync("Waiting");
        await Expect(phone.Files.Nth(2)).ToContainTextAsync("This is a video.");
        dropped.SetResult();
        // All has arrived, and the shop is being told, when one more comes.
        await submitted.Given;
        await phone.DropAsync(_folder, [CustomerFiles.Pdf("third.pdf", 3)]);
        await submitted.ReleaseAsync();

        var job = await phone.ArrivedAsync();
        await Expect(page.Locator(".files .name")).ToHaveTextAsync(["first.pdf", "second.pdf", "third.pdf"]);
        Assert.Equal("pending", (await phone.StatusAsync(job)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task What_was_too_much_is_taken_when_something_else_is_removed()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var one = CustomerFiles.Pdf("one.pdf", 1);
        await shop.LimitAsync(new { files = 3, fileSize = one.Buffer.Length, sessionSize = 5 * one.Buffer.Length / 2 });
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        await phone.ChooseAsync([.. "abcd".Select(name => new FilePayload { Name = $"{name}.pdf", MimeType = one.MimeType, Buffer = one.Buffer })]);
        await Expect(phone.Files.Nth(2).Locator(".problem")).ToContainTextAsync("too large together");
        await Expect(phone.Files.Nth(3).Locator(".problem")).ToContainTextAsync("too many files: the limit is 3");
        await phone.RecordAsync("customer-too-much");

        await RemoveAsync("a.pdf");
        await Expect(phone.Files.Nth(1).Locator(".problem")).ToHaveCountAsync(0);
        await Expect(phone.Files.Nth(2).Locator(".problem")).ToContainTextAsync("too large together");
        await RemoveAsync("b.pdf");
        await Expect(phone.Page.Locator(".problem")).ToHaveCountAsync(0);
        await phone.PressSendAsync();
        Assert.Equal(2, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("fileCount").GetInt32());

        Task RemoveAsync(string name) => phone.Page.GetByRole(AriaRole.Button, new() { Name = $"Remove {name}" }).ClickAsync();
    }

    [Fact]
    public async Task A_PNG_and_a_WebP_that_lie_on_their_side_are_sent_upright_and_without_their_place()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        FilePayload[] chosen = [CustomerFiles.SidewaysPng("turned.png", orientation: 6), await CustomerFiles.SidewaysWebpAsync(phone.Page, "mirrored.webp", orientation: 7)];
        await phone.ChooseAsync(
            [.. chosen, CustomerFiles.Unshowable("damaged.jpg"), new() { Name = "IMG_0001.HEIC", MimeType = "", Buffer = [0, 0, 0, 20, .. "ftypheic\0\0\0\0mif1"u8] }, CustomerFiles.Of("scan.tif", "image/tiff", "II*\0\u0008\0\0\0\0\0")]);
        foreach (var index in (int[])[0, 1])
            await Expect(phone.Files.Nth(index)).ToContainTextAsync("Where the photo was taken has been removed.");
        await Expect(phone.Files.Nth(2).Locator(".thumb")).ToHaveTextAsync("JPG");
        await Expect(phone.Files.Nth(3)).ToContainTextAsync("Sent as it is");
        await Expect(phone.Files.Nth(4)).Not.ToContainTextAsync("Sent as it is");
        await phone.RecordAsync("customer-no-thumbnail");
        foreach (var name in (string[])["damaged.jpg", "IMG_0001.HEIC", "scan.tif"])
            await phone.Page.GetByRole(AriaRole.Button, new() { Name = $"Remove {name}" }).ClickAsync();
        await phone.PressSendAsync();
        var job = await phone.ArrivedAsync();

        var files = (await phone.StatusAsync(job)).GetProperty("files").EnumerateArray().ToDictionary(file => file.GetProperty("name").GetString()!);
        foreach (var original in chosen)
        {
            var file = files[original.Name];
            Assert.Equal(original.MimeType, file.GetProperty("type").GetString());
            var bytes = await program.GetByteArrayAsync(new Uri($"/api/shopkeeper/files/{file.GetProperty("id").GetString()}/download", UriKind.Relative), Token);
            Assert.All(CustomerFiles.Secrets, secret => Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(secret))));
            var (width, height, first, last) = await phone.LookAtAsync(bytes);
            Assert.Equal((40, 60), (width, height));
            // Turned right, what was left is up; mirrored before, it is down.
            Assert.True(original.Name == "turned.png" ? first < 80 && last > 180 : first > 180 && last < 80, $"{original.Name}: {first}, {last}");
        }
    }

    [Fact]
    public async Task A_PNG_that_was_made_smaller_is_a_JPEG_by_name_too_also_after_a_reload()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var file = phone.Files.First;
        await phone.ChooseAsync(new FilePayload { Name = "scan.png", MimeType = "image/png", Buffer = Documents.Png(700, 600, isNoise: true) });
        await file.Locator("summary").ClickAsync();
        await file.GetByRole(AriaRole.Button, new() { Name = "Smaller file" }).ClickAsync();
        await Expect(file).ToContainTextAsync("Smaller by");
        var size = await file.Locator("small").TextContentAsync();
        await BrowserMemory.UntilAsync(phone.Page, "return (await done(files.getAll()))[0]?.type === 'image/jpeg'", "the smaller one is kept");

        await phone.Page.ReloadAsync();
        await Expect(file.Locator("small")).ToHaveTextAsync(size!);
        await file.Locator("summary").ClickAsync();
        await file.GetByRole(AriaRole.Button, new() { Name = "Turn" }).ClickAsync();
        await Expect(file.Locator("img")).ToHaveClassAsync("turn-1");
        await phone.PressSendAsync();
        var sent = (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("files")[0];
        Assert.Equal(("scan.jpg", "image/jpeg"), (sent.GetProperty("name").GetString(), sent.GetProperty("type").GetString()));
        var bytes = await program.GetByteArrayAsync(new Uri($"/api/shopkeeper/files/{sent.GetProperty("id").GetString()}/download", UriKind.Relative), Token);
        var (width, height, _, _) = await phone.LookAtAsync(bytes);
        Assert.Equal((600, 700), (width, height));
    }

    [Fact]
    public async Task Both_sides_of_a_card_are_sent_on_one_page()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        using var program = shop.Program(await shop.AddKeyAsync("Counter"));
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var page = phone.Page;
        await phone.ChooseAsync(
            CustomerFiles.Unshowable("damaged.jpg"),
            await CustomerFiles.StripesAsync(page, "front.jpg", "#f00", "#0f0"),
            CustomerFiles.Pdf("letter.pdf", 1),
            await CustomerFiles.StripesAsync(page, "back.jpg", "#00f"));
        ILocator Join(int index) => phone.Files.Nth(index).GetByRole(AriaRole.Button, new() { Name = "Both sides of a card on one page" });
        await phone.Files.First.Locator("summary").ClickAsync();
        await Expect(Join(0)).ToContainTextAsync("front.jpg");
        await Join(0).ClickAsync();
        await Expect(phone.Files.First).ToContainTextAsync("These photos cannot be put on one page. They are sent as they are.");
        await Expect(phone.Files).ToHaveCountAsync(4);
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove damaged.jpg" }).ClickAsync();

        foreach (var index in (int[])[1, 2])
        {
            await phone.Files.Nth(index).Locator("summary").ClickAsync();
            await Expect(Join(index)).ToHaveCountAsync(0); // a document, and a photo with none behind it
        }

        await phone.Files.First.Locator("summary").ClickAsync();
        await phone.RecordAsync("customer-card");
        await Join(0).PressAsync("Enter");
        await Expect(phone.Files.Locator(".name")).ToHaveTextAsync(["front.jpg", "letter.pdf"]);
        await Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync(["front.jpg and back.jpg are on one page now."]);
        await Expect(phone.Files.First.Locator("summary")).ToBeFocusedAsync();
        await Expect(phone.Files.First.Locator("img")).ToBeVisibleAsync();
        await phone.PressSendAsync();
        var sent = (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("files")[0];

        Assert.Equal(("front.jpg", "image/jpeg"), (sent.GetProperty("name").GetString(), sent.GetProperty("type").GetString()));
        var bytes = await program.GetByteArrayAsync(new Uri($"/api/shopkeeper/files/{sent.GetProperty("id").GetString()}/download", UriKind.Relative), Token);
        Assert.Equal(-1, bytes.AsSpan().IndexOf("Phone-of-Zoe"u8));
        // The paper's corner; the front's two stripes; between the sides; the back.
        var (width, height, colours) = await phone.ColoursOfAsync(bytes, (20, 20), (1240, 500), (1240, 1300), (1240, 1754), (1240, 2600), (2460, 3480));
        Assert.Equal((2480, 3508), (width, height));
        Assert.Equal(["#fff", "#f00", "#0f0", "#fff", "#00f", "#fff"], colours);
    }

    [Fact]
    public async Task A_pasted_picture_is_on_the_list()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        await phone.Page.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
        await phone.Page.EvaluateAsync("""
            async () => {
              const canvas = new OffscreenCanvas(40, 30)
              canvas.getContext('2d').fillRect(0, 0, 20, 20)
              await navigator.clipboard.write([new ClipboardItem({ 'image/png': await canvas.convertToBlob() })])
            }
            """);
        await phone.Page.Keyboard.PressAsync("Control+V");

        await Expect(phone.Files).ToHaveCountAsync(1);
        await Expect(phone.Files.Locator("img")).ToBeVisibleAsync();
        await phone.PressSendAsync();
        var file = (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("files")[0];
        Assert.Equal("image/png", file.GetProperty("type").GetString());
    }

    [Fact]
    public async Task A_phone_offers_its_camera_and_a_photo_is_handled_like_any_other()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var camera = phone.Page.Locator("input[capture=environment]");
        Assert.Equal("image/*", await camera.GetAttributeAsync("accept"));
        await Expect(phone.Page.GetByText("Take a photo")).ToBeVisibleAsync();
        await camera.SetInputFilesAsync(await CustomerFiles.PhotoAsync(phone.Page, "image.jpg"));

        await Expect(phone.Files.First).ToContainTextAsync("Where the photo was taken has been removed.");
        // One after the other, all of the same name: cameras call every photo so.
        await camera.SetInputFilesAsync(await CustomerFiles.PhotoAsync(phone.Page, "image.jpg"));
        await Expect(phone.Files).ToHaveCountAsync(2);
        await phone.PressSendAsync();
        Assert.Equal(2, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("fileCount").GetInt32());
    }

    [Fact]
    public async Task A_laptop_offers_no_camera()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var laptop = await browsers.OpenAsync(shop.Origin);
        await laptop.GotoAsync($"/s/{shop.Id}");
        await Expect(laptop.Locator(".chooser")).ToContainTextAsync("drop them here");
        await Expect(laptop.GetByText("Take a photo")).ToBeHiddenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await browsers.CloseAsync();
        _folder.Delete(recursive: true);
    }
}
