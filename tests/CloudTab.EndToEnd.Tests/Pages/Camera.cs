using System.Text.Json;
using Microsoft.Playwright;
using ZXing;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>A phone's camera in front of a screen or a poster.</summary>
internal static class Camera
{
    // As it is moved nearer and farther away. One picture in hundreds cannot be read, and a phone then takes the next.
    private static readonly double[] Sizes = [1, 1.5, 2, 0.75];

    /// <summary>What it reads of a QR code on a page; null: nothing.</summary>
    public static async Task<string?> ScanAsync(ILocator code)
    {
        foreach (var size in Sizes)
        {
            if (await ScanAsync(code, size) is { } read)
                return read;
        }

        return null;
    }

    private static async Task<string?> ScanAsync(ILocator code, double size)
    {
        var picture = await code.ScreenshotAsync(new() { Animations = ScreenshotAnimations.Disabled });
        var drawn = await Picture.AskAsync<JsonElement>(
            code.Page,
            picture,
            """
            const near = new OffscreenCanvas(width * argument, height * argument).getContext('2d')
            near.drawImage(context.canvas, 0, 0, near.canvas.width, near.canvas.height)
            const { data } = near.getImageData(0, 0, near.canvas.width, near.canvas.height)
            return { width: near.canvas.width, height: near.canvas.height, pixels: btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join('')) }
            """,
            size);
        var source = new RGBLuminanceSource(
            drawn.GetProperty("pixels").GetBytesFromBase64(), drawn.GetProperty("width").GetInt32(), drawn.GetProperty("height").GetInt32(), RGBLuminanceSource.BitmapFormat.RGBA32);
        return new BarcodeReaderGeneric { Options = { PossibleFormats = [BarcodeFormat.QR_CODE], TryHarder = true } }.Decode(source)?.Text;
    }
}
