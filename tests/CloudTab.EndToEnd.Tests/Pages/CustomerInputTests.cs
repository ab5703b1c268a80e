using static Microsoft.Playwright.Assertions;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>The ways by which files come onto the customer's page, besides choosing and sharing them.</summary>
[Collection(RunningAppHost.Collection)]
public sealed class CustomerInputTests(RunningAppHost relay, Browsers browsers) : IAsyncDisposable
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Files_dropped_anywhere_on_the_page_are_on_the_list()
    {
        await using var shop = await PageShop.CreateAsync(relay);
        var phone = await CustomerPage.OpenAsync(browsers, shop);
        var folder = Directory.CreateTempSubdirectory("cloudtab-");
        try
        {
            string[] files = [Path.Combine(folder.FullName, "lease.pdf"), Path.Combine(folder.FullName, "notes.txt")];
            await File.WriteAllBytesAsync(files[0], Documents.Pdf(4), Token);
            await File.WriteAllTextAsync(files[1], "notes", Token);
            var mouse = await phone.Page.Context.NewCDPSessionAsync(phone.Page);
            async Task DragAsync(string type) => await mouse.SendAsync("Input.dispatchDragEvent", new()
            {
                ["type"] = type,
                ["x"] = 20,
                ["y"] = 700,
                ["data"] = new { items = Array.Empty<object>(), files, dragOperationsMask = 1 },
            });
            await DragAsync("dragEnter");
            await DragAsync("dragOver");
            await Expect(phone.Page.Locator("ct-send[dropping]")).ToHaveCountAsync(1);
            await DragAsync("drop");

            await Expect(phone.Files.Locator(".name")).ToHaveTextAsync(["lease.pdf", "notes.txt"]);
            await Expect(phone.Files.First).ToContainTextAsync("4 pages");
            await Expect(phone.Page.Locator("ct-send[dropping]")).ToHaveCountAsync(0);
            await phone.PressSendAsync();
            Assert.Equal(2, (await phone.StatusAsync(await phone.ArrivedAsync())).GetProperty("fileCount").GetInt32());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
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

    public ValueTask DisposeAsync() => browsers.CloseAsync();
}
