using System.Net;
using CloudTab.Gateway;
using CloudTab.Testing;
using CloudTab.UploadApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace CloudTab.Services.Tests;

/// <summary>Files that are looked into one after another, over an S3 that is slow.</summary>
public sealed class InspectionPlacesTests : IClassFixture<UploadFixture>, IAsyncLifetime
{
    private const string Odt = "application/vnd.oasis.opendocument.text";

    private static readonly Sample Document = new(
        "a.odt", Archives.Zip(("mimetype", System.Text.Encoding.ASCII.GetBytes(Odt)), ("content.xml", "<a/>"u8.ToArray())));

    private readonly UploadFixture _relay;
    private readonly LongLimitsByHand _clock = new();
    private readonly TcpProxy _toS3;
    private readonly ServiceHost<UploadOptions> _host;

    public InspectionPlacesTests(UploadFixture relay)
    {
        _relay = relay;
        _toS3 = relay.NetworkToS3();
        _host = relay.StartHost<UploadOptions>(_clock, ("AWS_ENDPOINT_URL_S3", $"http://127.0.0.1:{_toS3.Port}"));
    }

    private InspectionPlaces Places => _host.Services.GetRequiredService<InspectionPlaces>();

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        await _toS3.DisposeAsync();
    }

    [Fact]
    public async Task Slow_files_leave_their_places_to_a_neighbour_and_are_finished_later()
    {
        HoldLooks();
        var slow = new List<(HttpClient Client, string SessionId, string Upload, Task<HttpResponseMessage> Answer)>();
        for (var i = 0; i < InspectionPlaces.InAll; i++)
        {
            var client = ClientAt($"192.0.2.{i / InspectionPlaces.OfAddress}");
            var (sessionId, upload) = await client.BegunAsync(Document);
            slow.Add((client, sessionId, upload, client.PatchAsync(upload, 0, Document.Content)));
        }

        await UntilAsync(() => _toS3.HeldConnections == InspectionPlaces.InAll);
        _toS3.HoldFrom = null;
        using var neighbour = ClientAt("192.0.2.100");
        var sent = neighbour.UploadAsync(await neighbour.CreateAsync(), Document);
        _clock.Advance(FileTypes.LookLimit);

        foreach (var (_, _, _, answer) in slow)
        {
            using var refused = await answer;
            await refused.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        using (var passed = await sent)
            Assert.Equal(HttpStatusCode.OK, passed.StatusCode);
        foreach (var (client, sessionId, upload, _) in slow)
        {
            using (client)
                Assert.Equal(Document.Content.Length, await client.OffsetAsync(upload));
            await _relay.AssertHoldsAsync(sessionId, Document);
        }
    }

    [Fact]
    public async Task A_file_of_a_form_that_took_too_long_leaves_nothing()
    {
        using var client = _host.Client();
        var sessionId = await client.CreateAsync();
        HoldLooks();
        var answer = client.UploadAsync(sessionId, Document);
        await UntilAsync(() => _toS3.HeldConnections == 1);
        _toS3.HoldFrom = null;

        _clock.Advance(FileTypes.LookLimit);

        using var refused = await answer;
        await refused.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        await _relay.AssertNothingLeftAsync(sessionId);
    }

    [Fact]
    public async Task A_file_waits_for_its_place_until_its_client_leaves_and_three_minutes_at_most()
    {
        using var client = ClientAt("192.0.2.1");
        var held = await FillAsync("192.0.2.1");
        var (leavingSession, leavingUpload) = await client.BegunAsync(Document);
        var (patientSession, patientUpload) = await client.BegunAsync(Document);
        using var leaving = new CancellationTokenSource();
        using var request = TusClient.Request(HttpMethod.Patch, leavingUpload, Document.Content, ("Upload-Offset", "0"));
        var left = client.SendAsync(request, leaving.Token);
        await IsWaitingAsync("192.0.2.1");

        await leaving.CancelAsync();
        await UntilAsync(() => Places.WaitingOf(IPAddress.Parse("192.0.2.1")) == 0);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);

        var patient = client.PatchAsync(patientUpload, 0, Document.Content);
        await IsWaitingAsync("192.0.2.1");
        _clock.Advance(InspectionPlaces.WaitLimit);
        using var refused = await patient;
        await refused.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");

        Leave(held);
        Assert.Equal(Document.Content.Length, await client.OffsetAsync(leavingUpload));
        Assert.Equal(Document.Content.Length, await client.OffsetAsync(patientUpload));
        await _relay.AssertHoldsAsync(leavingSession, Document);
        await _relay.AssertHoldsAsync(patientSession, Document);
    }

    [Fact]
    public void A_file_that_waits_is_looked_into_and_scanned_before_the_gateway_gives_its_request_up()
    {
        var longest = FileTypes.ConcludeLimit + TimeSpan.FromMilliseconds(new ScanOptions().TimeLimit);

        Assert.InRange(longest, InspectionPlaces.WaitLimit, Routes.LongestSilence - TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task A_file_that_has_waited_for_its_place_has_all_its_time_left()
    {
        using var client = ClientAt("192.0.2.1");
        var held = await FillAsync("192.0.2.1");
        var (sessionId, upload) = await client.BegunAsync(Document);
        HoldLooks();
        var answer = client.PatchAsync(upload, 0, Document.Content);
        await IsWaitingAsync("192.0.2.1");
        _clock.Advance(InspectionPlaces.WaitLimit - TimeSpan.FromSeconds(1));
        Leave(held);
        await UntilAsync(() => _toS3.HeldConnections == 1);

        _clock.Advance(FileTypes.LookLimit - TimeSpan.FromSeconds(1));
        _toS3.HoldFrom = null;
        _toS3.Release();

        using var stored = await answer;
        Assert.Equal(HttpStatusCode.NoContent, stored.StatusCode);
        await _relay.AssertHoldsAsync(sessionId, Document);
    }

    // Objects are read when they are looked into; what else is asked of S3 here passes.
    private void HoldLooks() => _toS3.HoldFrom = $"GET /{_relay.Bucket}/2";

    private HttpClient ClientAt(string address)
    {
        var client = _host.Client();
        client.DefaultRequestHeaders.Add("X-Forwarded-For", address);
        return client;
    }

    private Task<IDisposable[]> FillAsync(string address) =>
        Task.WhenAll(Enumerable.Range(0, InspectionPlaces.OfAddress).Select(_ => Places.EnterAsync(IPAddress.Parse(address), Token)));

    private static void Leave(IDisposable[] places)
    {
        foreach (var place in places)
            place.Dispose();
    }

    private Task IsWaitingAsync(string address) => UntilAsync(() => Places.WaitingOf(IPAddress.Parse(address)) == 1);

    /// <summary>The system's clock, except that limits of half a minute and more run out when the test says so: leases are renewed as usual.</summary>
    private sealed class LongLimitsByHand : TimeProvider
    {
        private readonly FakeTimeProvider _long = new();

        public void Advance(TimeSpan by) => _long.Advance(by);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            (dueTime >= FileTypes.LookLimit ? _long : System).CreateTimer(callback, state, dueTime, period);
    }
}
