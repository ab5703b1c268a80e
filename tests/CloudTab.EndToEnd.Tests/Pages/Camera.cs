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
        var drawn = await code.Page.EvaluateAsync<JsonElement>("""
            async (base64) => {
              const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))]))
              const { width, height } = picture
              const context = new OffscreenCanvas(width, height).getContext('2d')
              context.drawImage(picture, 0, 0)
              const { data } = context.getImageData(0, 0, width, height)
              return { width, height, pixels: btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join('')) }
            }
            """, Convert.ToBase64String(picture));
        var source = new RGBLuminanceSource(
            drawn.GetProperty("pixels").GetBytesFromBase64(), drawn.GetProperty("width").GetInt32(), drawn.GetProperty("height").GetInt32(), RGBLuminanceSource.BitmapFormat.RGBA32);
        return new BarcodeReaderGeneric { Options = { PossibleFormats = [BarcodeFormat.QR_CODE], TryHarder = true } }.Decode(source)?.Text;
    }
}
