using System.Text.Json;
using System.Text.RegularExpressions;
using CloudTab.Relay;
using CloudTab.Testing;
using CloudTab.UploadApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CloudTab.Services.Tests;

/// <summary>
/// The example of docs/direct-uploads.md in a browser, from a page of another origin: what the Migrator tells the bucket, and what the
/// services answer, is what a browser needs.
/// </summary>
public sealed partial class DirectUploadsInChromiumTests(UploadFixture relay, Dependencies dependencies) : IClassFixture<UploadFixture>, IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly DirectoryInfo _profile = Directory.CreateTempSubdirectory("cloudtab-");
    private readonly Sample _file = Sample.Pdf(ObjectUpload.PartSize + 1_000, "brief.pdf");
    private readonly TaskCompletionSource<JsonElement> _said = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebApplication? _page;
    private string _html = "";

    public async ValueTask InitializeAsync()
    {
        Chromium.Require();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _page = builder.Build();
        _page.MapGet("/", () => Results.Content(_html, "text/html"));
        _page.MapGet("/file", () => Results.Bytes(_file.Content, "application/pdf"));
        _page.MapPost("/said", (JsonElement said) => _said.SetResult(said));
        await _page.StartAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (_page is not null)
            await _page.DisposeAsync();
        _profile.Delete(recursive: true);
    }

    [Fact]
    public async Task The_example_sends_a_file_from_a_page_of_another_origin()
    {
        var origin = _page!.Urls.Single();
        await AllowAsync(origin);
        await using var host = relay.StartHost<UploadOptions>(("ALLOWED_ORIGINS", origin));
        using var client = host.Client();
        var sessionId = await client.CreateAsync();
        _html = Page(host.Address.ToString().TrimEnd('/'), sessionId, _file.Name);

        await using var browser = await ChildProcess.StartProgramAsync(
            [Chromium.Path!, .. Chromium.Arguments, "--headless", $"--user-data-dir={_profile.FullName}", "--remote-debugging-port=0", origin],
            new Dictionary<string, string>(StringComparer.Ordinal),
            ready: null,
            Token);
        var said = await _said.Task.WaitAsync(Limit, TimeProvider.System, Token);

        Assert.True(said.TryGetProperty("sha256", out var sha256), said.GetRawText());
        Assert.Equal(_file.Sha256, sha256.GetString());
        await relay.AssertHoldsAsync(sessionId, _file);
    }

    /// <summary>What the operator does: the Migrator, with the page's origin.</summary>
    private async Task AllowAsync(string origin)
    {
        var database = await dependencies.CreateDatabaseAsync();
        var environment = dependencies.EnvironmentFor(database, relay.Bucket);
        environment["DIRECT_UPLOADS"] = "true";
        environment["ALLOWED_ORIGINS"] = origin;
        await ServiceSettings.MigrateAsync(environment, Token);
        await dependencies.DropDatabaseAsync(database);
    }

    private static string Page(string relayOrigin, string sessionId, string name) => $$"""
        <!doctype html><title>Shop</title><script type="module">
        {{Example.Match(Repository.Read("docs/direct-uploads.md")).Groups["code"].Value}}
        const say = said => fetch("/said", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(said)});
        try {
            const content = await (await fetch("/file")).blob();
            await say(await sendDirectly("{{relayOrigin}}", "{{sessionId}}", new File([content], "{{name}}", {type: content.type})));
        } catch (failure) {
            await say({failure: String(failure)});
        }
        </script>
        """;

    [GeneratedRegex(@"^```js\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Example { get; }
}
