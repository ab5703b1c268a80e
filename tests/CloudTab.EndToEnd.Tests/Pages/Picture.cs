using Microsoft.Playwright;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>Pictures, looked at by a browser.</summary>
internal static class Picture
{
    /// <summary>What this script says of a picture. It has its `width` and `height`, the `context` that it is drawn on, and the argument.</summary>
    public static Task<T> AskAsync<T>(IPage page, byte[] picture, string script, object? argument = null) => page.EvaluateAsync<T>(
        $$"""
        async ([base64, argument]) => {
          const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))]))
          const { width, height } = picture
          const context = new OffscreenCanvas(width, height).getContext('2d')
          context.drawImage(picture, 0, 0)
          {{script}}
        }
        """,
        new[] { Convert.ToBase64String(picture), argument });
}
