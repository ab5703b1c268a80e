using System.Text.Json;
using CloudTab.Testing;
using Microsoft.Playwright;
using ZXing;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>A phone's camera in front of a screen or a poster.</summary>
internal static class Camera
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    /// <summary>What it reads of a QR code on a page. It looks until it can read it: something may move meanwhile.</summary>
    public static async Task<string> ScanAsync(ILocator code)
    {
        string? read = null;
        await Eventually.HoldsAsync(async () => (read = await LookAsync(code)) is not null, "the camera can read the code", Limit, Token);
        return read!;
    }

    private static async Task<string?> LookAsync(ILocator code)
    {
        var picture = await code.ScreenshotAsync(new() { Animations = ScreenshotAnimations.Disabled });
        var drawn = await Picture.AskAsync<JsonElement>(
            code.Page,
            picture,
            """
            const { data } = context.getImageData(0, 0, width, height)
            return { width, height, pixels: btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join('')) }
            """);
        var source = new RGBLuminanceSource(
            drawn.GetProperty("pixels").GetBytesFromBase64(), drawn.GetProperty("width").GetInt32(), drawn.GetProperty("height").GetInt32(), RGBLuminanceSource.BitmapFormat.RGBA32);
        return new BarcodeReaderGeneric { Options = { PossibleFormats = [BarcodeFormat.QR_CODE], TryHarder = true } }.Decode(source)?.Text;
    }
}
