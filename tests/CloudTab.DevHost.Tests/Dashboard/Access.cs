using System.Net;

namespace CloudTab.DevHost.Tests.Dashboard;

/// <summary>Who is let in, and what another page in the same browser cannot do.</summary>
public sealed class Access
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_the_printed_link_nothing_is_shown()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        foreach (var path in (string[])["/api/resources", "/API/resources", "/api/stream", "/api/logs", "/api/traces", "/api/metrics", "/api/resources/x/environment", "/api/nothing"])
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(dashboard.Stranger, HttpMethod.Get, path));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(dashboard.Stranger, HttpMethod.Post, "/api/resources/x/commands/stop"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(dashboard.Stranger, HttpMethod.Get, "/login?t=wrong"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(dashboard.Stranger, HttpMethod.Get, "/login"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(dashboard.Stranger, HttpMethod.Get, "/"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(dashboard.Browser, HttpMethod.Get, "/api/resources"));
    }

    [Fact]
    public async Task The_cookie_is_out_of_reach_for_scripts_and_for_other_sites()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        using var login = await dashboard.Browser.GetAsync(dashboard.Server.Link, Token);
        var cookie = Assert.Single(login.Headers.GetValues("Set-Cookie"));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Equal("no-store", login.Headers.CacheControl?.ToString());
        Assert.Equal("no-referrer", Assert.Single(login.Headers.GetValues("Referrer-Policy")));
        Assert.StartsWith("default-src 'self'", Assert.Single(login.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("evil.example")]
    [InlineData("localhost.evil.example")]
    [InlineData("192.168.0.1")]
    public async Task A_name_that_somebody_made_point_here_is_refused(string host)
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(dashboard.Browser, HttpMethod.Get, "/api/resources", ("Host", host)));
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("127.0.0.1")]
    [InlineData("[::1]")]
    public async Task The_names_of_this_machine_are_accepted(string host)
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(dashboard.Browser, HttpMethod.Get, "/", ("Host", $"{host}:{dashboard.Server.Address!.Port}")));
    }

    [Fact]
    public async Task Another_page_cannot_command_though_the_browser_sends_its_cookie()
    {
        await using var dashboard = await RunningDashboard.StartAsync();
        foreach (var origin in (string[])["http://localhost:5000", "https://evil.example", "null"])
            Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(dashboard.Browser, HttpMethod.Post, "/api/resources/x/commands/stop", ("Origin", origin)));
        var own = dashboard.Server.Address!.GetLeftPart(UriPartial.Authority);
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(dashboard.Browser, HttpMethod.Post, "/api/resources/x/commands/stop", ("Origin", own)));
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        return answer.StatusCode;
    }
}
