using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using CloudTab.UploadApi;

namespace CloudTab.Services.Tests;

/// <summary>The UploadApi with direct uploads, a limit of 20 MiB a file, and without a limit on new sessions.</summary>
public class UploadFixture(Dependencies dependencies) : RelayFixture(dependencies)
{
    public const int MaxFileSize = 20 << 20;

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["RATE_LIMIT_SESSIONS_PER_MINUTE"] = "1000000",
        ["RATE_LIMIT_SHOP_SESSIONS_PER_MINUTE"] = "1000000",
        ["RATE_LIMIT_UPLOADS_PER_MINUTE"] = "1000000",
        ["MAX_FILE_SIZE"] = $"{MaxFileSize}",
        ["DIRECT_UPLOADS"] = "true",
    };

    /// <summary>Address of the UploadApi.</summary>
    public Uri Address => Host<UploadOptions>().Address;

    /// <summary>
    /// Asserts that an upload left no row, object or parts besides the session's stored files. Files that other sessions are
    /// receiving do not count.
    /// </summary>
    public async Task AssertNothingLeftAsync(string sessionId, int filesHeld = 0)
    {
        Assert.Equal(filesHeld, await ScalarAsync<int>(
            "SELECT count(*) FROM files JOIN sessions ON sessions.id = files.session WHERE session_id = @sessionId", new { sessionId }));
        var stored = await ColumnAsync<string>("SELECT object_key FROM files WHERE status = 'stored'");
        var coming = await ColumnAsync<string>(
            "SELECT split_part(object_key, '.', 1) FROM files JOIN sessions ON sessions.id = files.session WHERE session_id <> @sessionId AND files.status = 'uploading'", new { sessionId });
        Assert.DoesNotContain((await ObjectsAsync()).Except(stored, StringComparer.Ordinal), key => !coming.Contains(key.Split('.')[0]));
        Assert.Empty((await OpenUploadsAsync()).Except(coming, StringComparer.Ordinal));
    }

    /// <summary>The id at the end of an upload's address.</summary>
    public static string IdOf(string upload) => upload[(upload.LastIndexOf('/') + 1)..];

    /// <summary>Waits until a request holds an upload's lock.</summary>
    public Task IsLockedAsync(string upload) => UntilAsync(
        async () => await ScalarAsync<bool>("SELECT holder IS NOT NULL FROM uploads WHERE upload_id = @id", new { id = IdOf(upload) }));

    /// <summary>Waits until a request has added to an upload and released its lock.</summary>
    public Task IsReleasedAsync(string upload, long before) => UntilAsync(async () => await ScalarAsync<bool>(
        "SELECT holder IS NULL AND received > @before FROM uploads WHERE upload_id = @id", new { before, id = IdOf(upload) }));

    /// <summary>Waits until so many statements are blocked by rows that the test has locked.</summary>
    public Task IsWaitedForAsync(int by) => UntilAsync(async () => await ScalarAsync<int>(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == by);

    /// <summary>A session's events, oldest first, each as "type status files".</summary>
    public Task<List<string>> EventsAsync(string sessionId) => ColumnAsync<string>(
        "SELECT type || ' ' || events.status || ' ' || events.file_count FROM events JOIN sessions ON sessions.id = session WHERE session_id = @sessionId ORDER BY events.id",
        new { sessionId });

    /// <summary>A new shop whose row has these settings.</summary>
    /// <returns>What comes before its paths.</returns>
    public async Task<string> ShopWithAsync(string settings)
    {
        var shop = await ShopAsync();
        await ExecuteAsync($"UPDATE shops SET {settings} WHERE id = @Id", new { shop.Id });
        return $"/s/{shop.Id}";
    }

    /// <summary>Claims a session for a shop, once its customer has submitted it.</summary>
    public async Task ClaimAsync(TestShop shop, string sessionId, bool isSubmitted)
    {
        using var customer = UploadApi();
        using var submitted = isSubmitted ? null : await customer.PostAsync($"/s/{shop.Id}/api/customer/sessions/{sessionId}/submit");
        using var claimed = await ShopApi(shop.Key).PostAsync($"/api/shopkeeper/sessions/{sessionId}/claim");
        Assert.Equal(HttpStatusCode.OK, claimed.StatusCode);
    }

    /// <summary>What S3 holds for a file.</summary>
    public async Task<byte[]> ContentAsync(Guid file)
    {
        var key = await ScalarAsync<string>("SELECT object_key FROM files WHERE id = @file", new { file });
        using var found = await S3.GetObjectAsync(Bucket, key);
        using var content = new MemoryStream();
        await found.ResponseStream.CopyToAsync(content);
        return content.ToArray();
    }
}

/// <summary>Limits small enough to reach: 1,000 bytes a file, 3 files, 2,500 bytes a session.</summary>
public sealed class SmallLimitsFixture(Dependencies dependencies) : UploadFixture(dependencies)
{
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["RATE_LIMIT_SESSIONS_PER_MINUTE"] = "1000000",
        ["RATE_LIMIT_SHOP_SESSIONS_PER_MINUTE"] = "1000000",
        ["RATE_LIMIT_UPLOADS_PER_MINUTE"] = "1000000",
        ["MAX_FILE_SIZE"] = "1000",
        ["MAX_FILES_PER_SESSION"] = "3",
        ["MAX_SESSION_SIZE"] = "2500",
        ["MAX_OUTSTANDING_SIZE"] = "1000000",
        ["DIRECT_UPLOADS"] = "true",
    };
}

/// <summary>A file to upload.</summary>
internal sealed record Sample(string Name, byte[] Content)
{
    /// <summary>The SHA-256 that its client announces, where the protocol leaves it the choice.</summary>
    public string? Announced { get; init; }

    public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(Content));

    /// <summary>A PDF of so many bytes, all others of them random.</summary>
    public static Sample Pdf(int size = 1_000, string name = "a.pdf")
    {
        var content = RandomNumberGenerator.GetBytes(size);
        "%PDF-1.7\n"u8[..Math.Min(size, 9)].CopyTo(content);
        return new(name, content);
    }

    /// <summary>Plain text of so many bytes.</summary>
    public static Sample Text(int size = 100, string name = "a.txt")
    {
        var content = new byte[size];
        Array.Fill(content, (byte)'x');
        return new(name, content);
    }
}

/// <summary>The customer's calls and their answers.</summary>
internal static class Customer
{
    public static async Task<string> CreateAsync(this HttpClient client, string prefix = "", object? body = null)
    {
        using var answer = await client.PostAsync($"{prefix}/api/customer/sessions/create", body is null ? null : JsonContent.Create(body), Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await answer.JsonAsync()).GetProperty("sessionId").GetString()!;
    }

    public static MultipartFormDataContent Form(params IEnumerable<Sample> files)
    {
        var form = new MultipartFormDataContent();
        foreach (var file in files)
            form.Add(new ByteArrayContent(file.Content), "files", file.Name);
        return form;
    }

    public static Task<HttpResponseMessage> UploadAsync(this HttpClient client, string sessionId, params Sample[] files) =>
        client.UploadToAsync("", sessionId, files);

    /// <summary>Uploads to a session of the shop that the prefix names.</summary>
    public static async Task<HttpResponseMessage> UploadToAsync(this HttpClient client, string prefix, string sessionId, params Sample[] files)
    {
        using var form = Form(files);
        return await client.SendFormAsync(sessionId, form, prefix);
    }

    public static Task<HttpResponseMessage> SendFormAsync(this HttpClient client, string sessionId, HttpContent form, string prefix = "") =>
        client.PostAsync($"{prefix}/api/customer/sessions/{sessionId}/upload", form, Token);

    /// <summary>Uploads files that are accepted.</summary>
    /// <returns>The answer's `files`.</returns>
    public static async Task<List<JsonElement>> UploadedAsync(this HttpClient client, string sessionId, params Sample[] files)
    {
        using var answer = await client.UploadAsync(sessionId, files);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return [.. (await answer.JsonAsync()).GetProperty("files").EnumerateArray()];
    }

    public static async Task<JsonElement> StatusAsync(this HttpClient client, string sessionId, string prefix = "")
    {
        using var answer = await client.GetAsync($"{prefix}/api/customer/sessions/{sessionId}/status", Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await answer.JsonAsync()).GetProperty("session");
    }
}
