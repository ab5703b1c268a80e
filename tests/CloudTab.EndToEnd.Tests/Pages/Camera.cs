using System.Text.Json;
using Microsoft.Playwright;
using ZXing;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>A phone's camera in front of a screen or a poster.</summary>
internal static class Camera
{
    /// <summary>What it reads of a QR code on a page.</summary>
    public static async Task<string?> ScanAsync(ILocator code)
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
