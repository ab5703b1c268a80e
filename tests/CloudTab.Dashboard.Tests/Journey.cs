using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using CloudTab.Testing;

namespace CloudTab.Dashboard.Tests;

/// <summary>
/// A file from the customer's phone to the shop's PC: uploaded, announced on the shop's socket, claimed, downloaded, completed. The clients
/// trace themselves, as a browser with OpenTelemetry would: all of it is one trace, but for the completion, which comes by itself later.
/// </summary>
public sealed class Journey
{
    private Journey(ActivityTraceId traceId) => TraceId = traceId.ToHexString();

    public string TraceId { get; }

    public static async Task<Journey> MakeAsync(Uri origin, string key, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(TimeSpan.FromSeconds(30));
        await using var socket = await ShopConnection.OpenAsync(origin, key, bound.Token);
        using var activity = new Activity("journey").SetIdFormat(ActivityIdFormat.W3C);
        activity.ActivityTraceFlags = ActivityTraceFlags.Recorded;
        activity.Start();

        using var customer = new HttpClient { BaseAddress = origin };
        using var shop = new HttpClient { BaseAddress = origin, DefaultRequestHeaders = { { "X-API-Key", key } } };

        var created = await ReadAsync(await PostAsync(customer, "/api/customer/sessions/create", cancellationToken), cancellationToken);
        var session = created.GetProperty("sessionId").GetString()!;
        using var refused = await UploadAsync(customer, session, "program.exe", "MZ\0\0\0"u8.ToArray(), cancellationToken);
        Assert.Equal(System.Net.HttpStatusCode.UnsupportedMediaType, refused.StatusCode);
        byte[] letter = [.. "%PDF-1.7\n"u8, .. new byte[200_000]];
        await ReadAsync(await UploadAsync(customer, session, "letter.pdf", letter, cancellationToken), cancellationToken);
        await socket.NextAsync("new_session");

        var claimed = await ReadAsync(await PostAsync(shop, $"/api/shopkeeper/sessions/{session}/claim", cancellationToken), cancellationToken);
        var file = claimed.GetProperty("session").GetProperty("files")[0].GetProperty("id").GetString();
        Assert.NotEmpty(await shop.GetByteArrayAsync(Relative($"/api/shopkeeper/files/{file}/download"), cancellationToken));
        activity.Stop();
        await ReadAsync(await PostAsync(shop, $"/api/shopkeeper/sessions/{session}/complete", cancellationToken), cancellationToken);
        return new Journey(activity.TraceId);
    }

    /// <summary>What the dashboard's API tells a page of it.</summary>
    public async Task<JsonElement> TraceAsync(DashboardPage page) =>
        (await (await page.Page.APIRequest.GetAsync(new Uri(new Uri(page.Page.Url), $"/api/traces/{TraceId}").AbsoluteUri)).JsonAsync())!.Value;

    private static Task<HttpResponseMessage> PostAsync(HttpClient client, string path, CancellationToken cancellationToken) =>
        client.PostAsync(Relative(path), content: null, cancellationToken);

    private static Task<HttpResponseMessage> UploadAsync(
        HttpClient customer, string session, string name, byte[] file, CancellationToken cancellationToken) =>
        customer.PostAsync(
            Relative($"/api/customer/sessions/{session}/upload"), new MultipartFormDataContent { { new ByteArrayContent(file), "files", name } }, cancellationToken);

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using (response)
            return await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
    }

    private static Uri Relative(string path) => new(path, UriKind.Relative);
}
