using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CloudTab.Relay;
using CloudTab.Testing;
using Microsoft.Extensions.Options;

namespace CloudTab.Services.Tests;

/// <summary>How webhooks are signed, and where they may lead.</summary>
public sealed class WebhookClientTests
{
    /// <summary>The example of the specification's own libraries.</summary>
    [Fact]
    public void A_message_is_signed_as_Standard_Webhooks_says()
    {
        var secret = Convert.FromBase64String("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

        Assert.Equal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", WebhookSecret.ToText(secret));
        Assert.Equal(
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            WebhookSecret.Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", Encoding.UTF8.GetBytes("""{"test": 2432232314}""")));
        Assert.Equal(32, WebhookSecret.Create().Length);
    }

    [Theory]
    [InlineData("0.0.0.0", false)]
    [InlineData("0.255.255.255", false)]
    [InlineData("1.0.0.0", true)]
    [InlineData("9.255.255.255", true)]
    [InlineData("10.0.0.0", false)]
    [InlineData("10.255.255.255", false)]
    [InlineData("11.0.0.0", true)]
    [InlineData("100.63.255.255", true)]
    [InlineData("100.64.0.0", false)]
    [InlineData("100.127.255.255", false)]
    [InlineData("100.128.0.0", true)]
    [InlineData("126.255.255.255", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("127.255.255.255", false)]
    [InlineData("168.63.129.16", false)]
    [InlineData("169.253.255.255", true)]
    [InlineData("169.254.169.254", false)]
    [InlineData("169.255.0.0", true)]
    [InlineData("172.15.255.255", true)]
    [InlineData("172.16.0.0", false)]
    [InlineData("172.31.255.255", false)]
    [InlineData("172.32.0.0", true)]
    [InlineData("192.0.0.1", false)]
    [InlineData("192.0.1.0", true)]
    [InlineData("192.168.0.1", false)]
    [InlineData("192.169.0.0", true)]
    [InlineData("198.17.255.255", true)]
    [InlineData("198.18.0.0", false)]
    [InlineData("198.19.255.255", false)]
    [InlineData("198.20.0.0", true)]
    [InlineData("223.255.255.255", true)]
    [InlineData("224.0.0.1", false)]
    [InlineData("240.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::", false)]
    [InlineData("::1", false)]
    [InlineData("::127.0.0.1", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("::ffff:10.1.2.3", false)]
    [InlineData("::ffff:1.1.1.1", true)]
    [InlineData("64:ff9b::1.1.1.1", true)]
    [InlineData("64:ff9b::169.254.169.254", false)]
    [InlineData("64:ff9b:1::1.1.1.1", false)]
    [InlineData("2001::1", false)]
    [InlineData("2001:db8::1", false)]
    [InlineData("2001:4860:4860::8888", true)]
    [InlineData("2002:0101:0101::1", true)]
    [InlineData("2002:7f00:1::1", false)]
    [InlineData("2002:c0a8:1::1", false)]
    [InlineData("2606:4700:4700::1111", true)]
    [InlineData("fc00::1", false)]
    [InlineData("fd00:ec2::254", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fec0::1", false)]
    [InlineData("ff02::1", false)]
    public void Only_public_addresses_are(string address, bool expected) => Assert.Equal(expected, PublicAddresses.Contain(IPAddress.Parse(address)));

    [Theory]
    [InlineData("http://example.com/hook", "The address is not https://")]
    [InlineData("https://127.0.0.1/", "The address is not a public one")]
    [InlineData("https://2130706433/", "The address is not a public one")]
    [InlineData("https://0x7f.1/", "The address is not a public one")]
    [InlineData("https://[::1]/", "The address is not a public one")]
    [InlineData("https://[::ffff:192.168.0.1]/", "The address is not a public one")]
    [InlineData("https://user:word@example.com/", "The address is not of the form https://host/path")]
    [InlineData("https://example.com/#part", "The address is not of the form https://host/path")]
    [InlineData("file:///etc/passwd", "The address is not of the form https://host/path")]
    [InlineData("/hook", "The address is not of the form https://host/path")]
    [InlineData("https://example.com/hook?of=a-shop", null)]
    public void An_address_that_cannot_be_a_webhook_s_is_refused(string url, string? reason)
    {
        using var client = Client();

        Assert.Equal(reason, client.WhyRefused(url));
    }

    [Theory]
    [InlineData("https://localhost:{0}/", "The name leads to no public address")] // by its name
    [InlineData("https://127.0.0.1:{0}/", "The address is not a public one")]
    [InlineData("http://localhost:{0}/", "The address is not https://")]
    public async Task A_name_that_leads_to_this_machine_is_not_connected_to(string url, string reason)
    {
        var connections = 0;
        await using var listener = new LoopbackListener((socket, _) =>
        {
            Interlocked.Increment(ref connections);
            socket.Dispose();
            return Task.CompletedTask;
        });
        using var client = Client();

        var answer = await client.PostAsync(string.Format(null, url, listener.EndPoint.Port), "msg_1", [WebhookSecret.Create()], "{}"u8.ToArray(), Token);

        Assert.Equal(new(WebhookOutcome.Blocked, reason), answer);
        Assert.Equal(0, connections);
    }

    [Fact]
    public async Task A_receiver_that_cannot_be_reached_is_an_answer_too()
    {
        using var client = Client(toPrivateAddresses: true);

        var closed = await client.PostAsync($"http://localhost:{ChildProcess.FreePort()}/", "msg_1", [WebhookSecret.Create()], "{}"u8.ToArray(), Token);

        Assert.Equal(new(WebhookOutcome.Unanswered, "no answer: ConnectionError"), closed);
    }

    [Fact]
    public async Task A_receiver_that_resets_each_connection_at_once_does_not_answer()
    {
        using var client = Client(toPrivateAddresses: true);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        // A thread of its own is quicker than the client, which then finds the connection it has just opened gone.
        var resetting = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    while (true)
                        listener.AcceptSocket().Close(0);
                }
                catch (Exception stopped) when (stopped is SocketException or InvalidOperationException)
                {
                }
            },
            Token, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        for (var i = 0; i < 200; i++)
        {
            var answer = await client.PostAsync($"http://{listener.LocalEndpoint}/", "msg_1", [WebhookSecret.Create()], "{}"u8.ToArray(), Token);
            Assert.Equal(WebhookOutcome.Unanswered, answer.Outcome);
        }

        listener.Stop();
        await resetting;
    }

    [Fact]
    public async Task A_receiver_s_host_is_in_no_metric_of_HttpClient()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        using var client = Client(toPrivateAddresses: true);
        var ports = new ConcurrentBag<object?>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Name == "System.Net.Http")
                    listening.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => Add(tags));
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) => Add(tags));
        listener.Start();

        var answer = await client.PostAsync(receiver.AddressOf("/"), "msg_1", [WebhookSecret.Create()], "{}"u8.ToArray(), Token);

        Assert.Equal(WebhookOutcome.Accepted, answer.Outcome);
        Assert.DoesNotContain(new Uri(receiver.AddressOf("/")).Port, ports);

        void Add(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach (var (name, value) in tags)
            {
                if (name == "server.port")
                    ports.Add(value);
            }
        }
    }

    [Fact]
    public async Task A_certificate_s_issuer_is_not_fetched_from_where_the_certificate_says()
    {
        var fetched = 0;
        await using var issuer = new LoopbackListener((socket, _) =>
        {
            Interlocked.Increment(ref fetched);
            socket.Dispose();
            return Task.CompletedTask;
        });
        using var certificate = CertificateIssuedAt($"http://{issuer.EndPoint}/");
        var server = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true),
        };
        await using var receiver = new LoopbackListener(async (socket, ending) =>
        {
            await using var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
            try
            {
                await stream.AuthenticateAsServerAsync(server, ending);
            }
            catch (Exception refused) when (refused is AuthenticationException or IOException or OperationCanceledException)
            {
            }
        });
        using var client = Client(toPrivateAddresses: true);

        var answer = await client.PostAsync($"https://localhost:{receiver.EndPoint.Port}/", "msg_1", [WebhookSecret.Create()], "{}"u8.ToArray(), Token);

        Assert.Equal(new(WebhookOutcome.Unanswered, "no answer: SecureConnectionError"), answer);
        Assert.Equal(0, fetched);
    }

    private static WebhookClient Client(bool toPrivateAddresses = false) =>
        new(Options.Create(new WebhookOptions { ToPrivateAddresses = toPrivateAddresses }), TimeProvider.System);

    /// <summary>A certificate of localhost, whose issuer is to be had at an address only.</summary>
    private static X509Certificate2 CertificateIssuedAt(string address)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issuer = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(ocspUris: null, caIssuersUris: [address]));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.Create(
            new X500DistinguishedName("CN=Issuer"), X509SignatureGenerator.CreateForECDsa(issuer), now.AddDays(-1), now.AddDays(1), [1]);
        return certificate.CopyWithPrivateKey(key);
    }
}
