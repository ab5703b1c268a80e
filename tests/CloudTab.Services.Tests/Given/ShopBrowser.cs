using System.Net;

namespace CloudTab.Services.Tests;

/// <summary>A shop's browser: it keeps the cookie of its sign-in, and says where its requests come from as browsers do.</summary>
internal static class ShopBrowser
{
    /// <summary>A browser that has signed in with a key, and whose requests come from the relay's own page.</summary>
    public static async Task<HttpClient> BrowserAsync(this RelayFixture relay, string key)
    {
        using var form = relay.ShopApi(key: null);
        using var answer = await form.SignInAsync(key, ("Sec-Fetch-Site", "same-origin"));
        Assert.Equal(HttpStatusCode.SeeOther, answer.StatusCode);
        var browser = relay.ShopApi(key: null);
        browser.DefaultRequestHeaders.Add("Cookie", answer.Cookie().Split(';')[0]);
        browser.DefaultRequestHeaders.Add("Sec-Fetch-Site", "same-origin");
        return browser;
    }

    /// <summary>Sends the sign-in form.</summary>
    public static async Task<HttpResponseMessage> SignInAsync(this HttpClient client, string key, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/shop/sign-in")
        {
            Content = new FormUrlEncodedContent([new("apiKey", key)]),
        };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await client.SendAsync(request, Token);
    }

    /// <summary>The one cookie that an answer sets, with its attributes.</summary>
    public static string Cookie(this HttpResponseMessage answer) => answer.Headers.GetValues("Set-Cookie").Single();

    /// <summary>A ticket for a socket.</summary>
    public static async Task<string> TicketAsync(this HttpClient browser)
    {
        using var answer = await browser.PostAsync("/api/shopkeeper/ticket");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var json = await answer.JsonAsync();
        Assert.Equal(["success", "ticket", "expiresIn"], json.Fields());
        Assert.Equal(30, json.GetProperty("expiresIn").GetInt32());
        return json.Text("ticket")!;
    }
}
