using System.Net;
using CloudTab.Gateway;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>The UploadApi behind the gateway, and clients that would need for ever to send all of a file.</summary>
public sealed class RefusalsTests(UploadFixture relay) : IClassFixture<UploadFixture>, IAsyncLifetime
{
    private static readonly Sample Program = new("a.pdf", [0x7F, .. "ELF"u8, .. new byte[4_000_000]]);

    private readonly HttpClient _direct = relay.UploadApi();
    private ServiceHost<GatewayOptions> _gateway = null!;
    private HttpClient _client = null!;

    public ValueTask InitializeAsync()
    {
        var addresses = ((string[])["upload-api", "shop-api", "notifier", "janitor"]).ToDictionary(
            service => $"services:{service}:http:0", _ => relay.Host<UploadOptions>().Address.ToString(), StringComparer.Ordinal);
        addresses["Kestrel:EndpointDefaults:Protocols"] = "Http2";
        _gateway = ServiceHost<GatewayOptions>.Start(addresses, "Production", TimeProvider.System);
        // Over HTTP/2, since HttpClient reads an answer while it still sends over that alone.
        _client = new HttpClient(new Stalling(new SocketsHttpHandler { UseCookies = false })) { BaseAddress = _gateway.Address };
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _direct.Dispose();
        await _gateway.DisposeAsync();
    }

    [Theory]
    [InlineData(Way.Form)]
    [InlineData(Way.Tus)]
    [InlineData(Way.Ietf)]
    public async Task A_file_that_cannot_be_printed_is_refused_while_it_is_being_sent(Way way)
    {
        var sessionId = await _direct.CreateAsync();
        var client = UploadClient.Of(way, _client);

        using var answer = await client.SendAsync(sessionId, Program);

        await client.IsRefusedAsync(answer, HttpStatusCode.UnsupportedMediaType, "type_not_accepted");
        await UntilAsync(async () => await relay.ScalarAsync<int>(
            "SELECT count(*) FROM files JOIN sessions ON sessions.id = files.session WHERE session_id = @sessionId", new { sessionId }) == 0);
    }

    [Theory]
    [InlineData(Way.Form)]
    [InlineData(Way.Ietf)]
    public async Task An_upload_to_an_unknown_session_is_refused_while_it_is_being_sent(Way way) =>
        await UploadClient.Of(way, _client).RefusedAsync(new string('0', 26), Sample.Pdf(4_000_000), HttpStatusCode.NotFound, "session_not_found");

    [Fact]
    public async Task The_form_without_script_is_answered_with_a_page_while_it_is_being_sent()
    {
        using var form = Customer.Form(Program);

        using var answer = await _client.PostAsync("/send", form, Token);

        Assert.Equal((HttpStatusCode.UnsupportedMediaType, "text/html"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
    }

    /// <summary>Sends the beginning of a large body, and nothing more.</summary>
    private sealed class Stalling(HttpMessageHandler handler) : DelegatingHandler(handler)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
            if (request.Content?.Headers.ContentLength > 1_000_000)
                request.Content = new Beginning(request.Content, await request.Content.ReadAsByteArrayAsync(cancellationToken));
            return await base.SendAsync(request, cancellationToken);
        }
    }

    private sealed class Beginning : HttpContent
    {
        private const int Size = 100_000;

        private readonly byte[] _content;

        public Beginning(HttpContent whole, byte[] content)
        {
            _content = content;
            foreach (var (name, values) in whole.Headers)
                Headers.TryAddWithoutValidation(name, values);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, Token);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(_content.AsMemory(0, Size), cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _content.Length;
            return true;
        }
    }
}
