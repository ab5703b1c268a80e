using System.Globalization;
using Microsoft.Playwright;

namespace CloudTab.Clients.Tests;

/// <summary>tus-js-client and Uppy's tus plugin in a browser, unchanged, on a page of another origin than the relay's.</summary>
[Collection(RelayCollection.Name)]
public sealed class ClientsInChromiumTests(RunningRelay relay, RunningBrowser browser) : IClassFixture<RunningBrowser>
{
    private const int Size = 48 << 20;

    // Sends the file of the page's input. Navigates away, as a reload does, once so many bytes have been acknowledged.
    private const string StartTus = """
        ([options, leaveAt]) => {
          const file = document.querySelector('input').files[0]
          const upload = new Upload(file, {
            chunkSize: 4_000_000,
            metadata: { filename: file.name, filetype: file.type },
            ...options,
            onUploadUrlAvailable: () => localStorage.setItem('address', upload.url),
            onChunkComplete: (_, sent) => { if (sent >= leaveAt) { localStorage.setItem('sent', sent); location.reload() } },
            onSuccess: () => { document.title = 'Sent' },
            onError: error => { document.title = `${error}` },
          })
          window.upload = upload
          return options.uploadUrl || options.parallelUploads
            ? upload.start()
            : upload.findPreviousUploads().then(found => { if (found[0]) upload.resumeFromPreviousUpload(found[0]); upload.start() })
        }
        """;

    private const string StartUppy = """
        ([options, leaveAt]) => {
          const uppy = new Uppy().use(Tus, { chunkSize: 4_000_000, ...options })
          uppy.on('upload-progress', (_, { bytesUploaded }) => { if (bytesUploaded >= leaveAt) { localStorage.setItem('sent', bytesUploaded); location.reload() } })
          uppy.on('complete', ({ failed }) => { document.title = failed.length === 0 ? 'Sent' : `${failed[0].error}` })
          for (const data of document.querySelector('input').files) uppy.addFile({ name: data.name, type: data.type, data })
          uppy.upload()
        }
        """;

    private const int Never = int.MaxValue;
    private const int Middle = 12_000_000;

    [Fact]
    public async Task Tus_js_client_sends_parts_of_a_file_in_parallel()
    {
        using var document = new Document(Size);
        var sessionId = await relay.CreateSessionAsync();
        var page = await browser.OpenAsync(relay.Page);

        await StartAsync(page, StartTus, document, Never, new() { ["endpoint"] = relay.FilesOf(sessionId), ["parallelUploads"] = 4 });

        await SentAsync(page);
        await relay.AssertPrintsAsync(sessionId, document);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tus_js_client_resumes_after_a_reload(bool byAddress)
    {
        using var document = new Document(Size);
        var sessionId = await relay.CreateSessionAsync();
        var page = await browser.OpenAsync(relay.Page);
        var seen = Watch(page);

        await LeaveInTheMiddleAsync(page, StartTus, document, new() { ["endpoint"] = relay.FilesOf(sessionId) });
        var options = new Dictionary<string, object> { ["endpoint"] = relay.FilesOf(sessionId) };
        if (byAddress)
            options["uploadUrl"] = await page.EvaluateAsync<string>("localStorage.getItem('address')");
        await StartAsync(page, StartTus, document, Never, options);

        await SentAsync(page);
        await AssertWentOnAsync(page, seen);
        await relay.AssertPrintsAsync(sessionId, document);
    }

    [Fact]
    public async Task Uppy_sends_files()
    {
        using var first = new Document(Size);
        using var second = new Document(1_000);
        var sessionId = await relay.CreateSessionAsync();
        var page = await browser.OpenAsync(relay.Page);

        await page.Locator("input").SetInputFilesAsync([first.Path, second.Path]);
        await page.EvaluateAsync(StartUppy, new object[] { new { endpoint = relay.FilesOf(sessionId) }, Never });

        await SentAsync(page);
        await relay.AssertPrintsAsync(sessionId, first, second);
    }

    [Fact]
    public async Task Uppy_resumes_after_a_reload()
    {
        using var document = new Document(Size);
        var sessionId = await relay.CreateSessionAsync();
        var page = await browser.OpenAsync(relay.Page);
        var seen = Watch(page);
        var options = new Dictionary<string, object> { ["endpoint"] = relay.FilesOf(sessionId) };

        await LeaveInTheMiddleAsync(page, StartUppy, document, options);
        await StartAsync(page, StartUppy, document, Never, options);

        await SentAsync(page);
        await AssertWentOnAsync(page, seen);
        await relay.AssertPrintsAsync(sessionId, document);
    }

    private static async Task StartAsync(IPage page, string start, Document document, int leaveAt, Dictionary<string, object> options)
    {
        await page.Locator("input").SetInputFilesAsync(document.Path);
        await page.EvaluateAsync(start, new object[] { options, leaveAt });
    }

    private static async Task LeaveInTheMiddleAsync(IPage page, string start, Document document, Dictionary<string, object> options)
    {
        var reloaded = new TaskCompletionSource();
        page.Load += (_, _) => reloaded.TrySetResult();
        await StartAsync(page, start, document, Middle, options);
        await reloaded.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.NotEqual("Sent", await page.TitleAsync());
    }

    private static async Task SentAsync(IPage page)
    {
        await page.WaitForFunctionAsync("document.title !== 'Shop'", null, new() { Timeout = 60_000 });
        Assert.Equal("Sent", await page.TitleAsync());
    }

    // What the page sends to the relay.
    private static List<(string Method, long Offset)> Watch(IPage page)
    {
        var seen = new List<(string, long)>();
        page.Request += (_, request) =>
        {
            if (request.Method is "POST" or "PATCH")
                seen.Add((request.Method, request.Headers.TryGetValue("upload-offset", out var offset) ? long.Parse(offset, CultureInfo.InvariantCulture) : 0));
        };
        return seen;
    }

    // One upload was created, and no acknowledged byte was sent again.
    private static async Task AssertWentOnAsync(IPage page, List<(string Method, long Offset)> seen)
    {
        Assert.Single(seen, request => request.Method == "POST");
        var offsets = seen.Where(request => request.Method == "PATCH").Select(request => request.Offset).ToList();
        Assert.Equal(offsets.Order(), offsets);
        Assert.Contains(offsets, offset => offset >= Middle);
        Assert.InRange(await page.EvaluateAsync<long>("Number(localStorage.getItem('sent'))"), Middle, Size);
    }
}
