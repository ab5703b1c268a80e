using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CloudTab.UploadApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace CloudTab.Services.Tests;

/// <summary>Interim responses are offered only if the connection can carry them.</summary>
public sealed class InterimResponsesTests
{
    [Theory]
    [InlineData("http", "1.1", true)]
    [InlineData("http", "1.0", false)]
    [InlineData("http", "2.0", false)]
    [InlineData("https", "1.1", false)]
    [InlineData("https", "2.0", false)]
    public async Task Interim_responses_can_be_sent_over_HTTP_1_1_without_TLS(string scheme, string version, bool canBeSent)
    {
        using var key = RSA.Create();
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.UseInterimResponses());
            kestrel.Listen(IPAddress.Loopback, 0, endpoint =>
            {
                endpoint.Protocols = scheme == "http" && version == "2.0" ? HttpProtocols.Http2 : HttpProtocols.Http1AndHttp2;
                if (scheme == "https")
                    endpoint.UseHttps(certificate);
            });
        });
        await using var app = builder.Build();
        app.MapGet("/", (HttpContext context) => $"{InterimResponses.To(context) is not null}");
        await app.StartAsync(Token);
        using var client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, sent, _, _) => sent!.Equals(certificate) },
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, app.Urls.Single())
        {
            Version = Version.Parse(version),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        using var answer = await client.SendAsync(request, Token);

        Assert.Equal($"{canBeSent}", await answer.Content.ReadAsStringAsync(Token));
    }
}
