using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Aspire.Hosting;
using Aspire.Hosting.Testing;

namespace CloudTab.DevHost.Tests;

/// <summary>The one address of several replicas must be as good as a replica's own.</summary>
public sealed class ReplicaAddress
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Large_bodies_WebSockets_half_closed_connections_and_early_answers_pass_as_they_are()
    {
        await using var running = await RunningApplication.StartAsync(builder =>
            builder.AddProject<Projects.CloudTab_TestApp>("service").WithHttpEndpoint().WithEndpoint(env: "COUNT_PORT").WithReplicas(2).WithHttpHealthCheck("/health"));
        await running.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);
        var address = running.App.GetEndpoint("service");

        await SendLargeBodyAsync(running.App);
        await EchoAsync(address);
        await HalfCloseAsync(running.App.GetEndpoint("service", "tcp"));
        await ReadEarlyAnswerAsync(running.App);
    }

    [Fact]
    public async Task A_client_is_cut_off_with_the_replica_that_it_spoke_to()
    {
        await using var running = await RunningApplication.StartAsync(builder =>
            builder.AddProject<Projects.CloudTab_TestApp>("service").WithHttpEndpoint().WithReplicas(2).WithHttpHealthCheck("/health"));
        await running.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);

        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(WebSocketAddress(running.App.GetEndpoint("service")), Token);
        await running.App.StopAsync(Token);
        await Assert.ThrowsAnyAsync<WebSocketException>(async () => await socket.ReceiveAsync(new byte[16].AsMemory(), Token));
    }

    private static async Task SendLargeBodyAsync(DistributedApplication app)
    {
        using var http = app.CreateHttpClient("service");
        using var body = new ByteArrayContent(new byte[20 << 20]);
        using var answer = await http.PostAsync(new Uri("/count", UriKind.Relative), body, Token);
        Assert.Equal(20 << 20, await answer.Content.ReadFromJsonAsync<long>(Token));
    }

    private static async Task EchoAsync(Uri address)
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(WebSocketAddress(address), Token);
        var sent = RandomNumberGenerator.GetBytes(40_000);
        var received = new byte[sent.Length];
        await socket.SendAsync(sent.AsMemory(), WebSocketMessageType.Binary, endOfMessage: true, Token);
        for (var count = 0; count < received.Length;)
            count += (await socket.ReceiveAsync(received.AsMemory(count), Token)).Count;
        Assert.Equal(sent, received);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Token);
    }

    private static async Task HalfCloseAsync(Uri address)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, address.Port, Token);
        var stream = client.GetStream();
        await stream.WriteAsync(new byte[100_000].AsMemory(), Token);
        client.Client.Shutdown(SocketShutdown.Send);
        using var reader = new StreamReader(stream);
        Assert.Equal("100000 bytes", await reader.ReadToEndAsync(Token));
    }

    private static async Task ReadEarlyAnswerAsync(DistributedApplication app)
    {
        using var http = app.CreateHttpClient("service");
        using var body = new ByteArrayContent(new byte[20 << 20]);
        using var answer = await http.PostAsync(new Uri("/refuse", UriKind.Relative), body, Token);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
    }

    private static Uri WebSocketAddress(Uri address) => new UriBuilder(address) { Scheme = "ws", Path = "/echo" }.Uri;
}
