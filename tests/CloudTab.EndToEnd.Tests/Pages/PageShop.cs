using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Npgsql;

namespace CloudTab.EndToEnd.Tests.Pages;

/// <summary>A shop of a test's own, its keys, and customers who send files to it without a browser.</summary>
public sealed class PageShop : IAsyncDisposable
{
    private readonly HttpClient _customers;
    private readonly NpgsqlDataSource _database;

    private PageShop(Uri origin, NpgsqlDataSource database)
    {
        (Origin, _database) = (origin, database);
        _customers = new HttpClient { BaseAddress = origin };
    }

    /// <summary>The id in addresses.</summary>
    public string Id { get; } = $"shop-{RandomNumberGenerator.GetHexString(12, lowercase: true)}";

    public Uri Origin { get; }

    /// <summary>A shop as the Migrator's `shop add` makes it.</summary>
    public static async Task<PageShop> CreateAsync(IRunningRelay relay)
    {
        var shop = new PageShop(relay.Origin, NpgsqlDataSource.Create(relay.Database));
        await using var command = shop._database.CreateCommand("INSERT INTO shops (id, name, created_at) VALUES (@id, 'Corner Print', now())");
        command.Parameters.AddWithValue("id", shop.Id);
        await command.ExecuteNonQueryAsync(Token);
        return shop;
    }

    /// <summary>A key as the Migrator's `key add` makes it.</summary>
    public async Task<string> AddKeyAsync(string name)
    {
        var key = $"ctk_{RandomNumberGenerator.GetHexString(8, lowercase: true)}_{RandomNumberGenerator.GetHexString(43)}";
        await using var command = _database.CreateCommand(
            "INSERT INTO api_keys (id, shop_id, name, prefix, sha256, created_at) VALUES (gen_random_uuid(), @shop, @name, @prefix, @sha256, now())");
        command.Parameters.AddWithValue("shop", Id);
        command.Parameters.AddWithValue("name", name);
        command.Parameters.AddWithValue("prefix", key[..12]);
        command.Parameters.AddWithValue("sha256", SHA256.HashData(Encoding.UTF8.GetBytes(key)));
        await command.ExecuteNonQueryAsync(Token);
        return key;
    }

    /// <summary>Sets the shop's own limits, as its settings do.</summary>
    /// <param name="limits">The body of `PUT /api/shopkeeper/limits`.</param>
    public async Task LimitAsync(object limits)
    {
        using var program = Program(await AddKeyAsync("Counter"));
        using var set = await program.PutAsJsonAsync("/api/shopkeeper/limits", limits, Token);
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
    }

    /// <summary>A shop's program with a key: what is done beside the page.</summary>
    public HttpClient Program(string key) => new() { BaseAddress = Origin, DefaultRequestHeaders = { { "X-API-Key", key } } };

    /// <summary>A customer's files, sent.</summary>
    public Task<SentJob> SendAsync(string? customer, params (string Name, byte[] Content)[] files) => SendAsync(customer, new { }, files);

    /// <summary>A customer's files, sent, to be printed in a way.</summary>
    public async Task<SentJob> SendAsync(string? customer, object printOptions, params (string Name, byte[] Content)[] files)
    {
        var opened = await OpenAsync(customer, printOptions);
        await AddAsync(opened, files);
        return opened;
    }

    /// <summary>A customer has begun, and chosen no file yet.</summary>
    /// <param name="printOptions">How the files will be printed; null: as is usual here.</param>
    public async Task<SentJob> OpenAsync(string? customer, object? printOptions = null)
    {
        var created = await ReadAsync(
            await _customers.PostAsJsonAsync($"/s/{Id}/api/customer/sessions/create", new { customerName = customer, printOptions = printOptions ?? new { } }, Token));
        return new SentJob(created.GetProperty("sessionId").GetString()!, created.GetProperty("pickupCode").GetString()!);
    }

    /// <summary>Files of a job: the first, or more.</summary>
    public async Task AddAsync(SentJob sent, params (string Name, byte[] Content)[] files)
    {
        using var form = new MultipartFormDataContent();
        foreach (var (name, content) in files)
        {
            // .NET refuses names that a browser does not.
            var part = new ByteArrayContent(content);
            part.Headers.TryAddWithoutValidation("Content-Disposition", $"form-data; name=\"files\"; filename*=UTF-8''{Uri.EscapeDataString(name)}");
            form.Add(part);
        }

        await ReadAsync(await _customers.PostAsync(new Uri($"/s/{Id}/api/customer/sessions/{sent.SessionId}/upload", UriKind.Relative), form, Token));
    }

    /// <summary>The customer changes their mind.</summary>
    public async Task WithdrawAsync(SentJob job)
    {
        using var answer = await _customers.DeleteAsync(new Uri($"/s/{Id}/api/customer/sessions/{job.SessionId}", UriKind.Relative), Token);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    /// <summary>The customer takes a file back.</summary>
    /// <param name="place">Which one of the job's, from 0.</param>
    public async Task RemoveAsync(SentJob job, int place = 0)
    {
        using var answer = await _customers.DeleteAsync(await FileAddressAsync(job, place), Token);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    /// <summary>The customer changes how a file is to be printed.</summary>
    public async Task ChangeAsync(SentJob job, int place, object printOptions) =>
        await ReadAsync(await _customers.PatchAsJsonAsync(await FileAddressAsync(job, place), new { printOptions }, Token));

    /// <summary>The virus scanner has found something in a file.</summary>
    public async Task InfectAsync(SentJob job, string file)
    {
        await using var command = _database.CreateCommand(
            "UPDATE files SET scan = 'infected' FROM sessions WHERE sessions.id = files.session AND session_id = @session AND files.name = @file");
        command.Parameters.AddWithValue("session", job.SessionId);
        command.Parameters.AddWithValue("file", file);
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Token));
    }

    /// <summary>A job was opened by its customer so long before its files came.</summary>
    public async Task TakeTimeAsync(SentJob job, TimeSpan time)
    {
        await using var command = _database.CreateCommand("UPDATE sessions SET created_at = created_at - @time WHERE session_id = @session");
        command.Parameters.AddWithValue("session", job.SessionId);
        command.Parameters.AddWithValue("time", time);
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Token));
    }

    /// <summary>So long ago the shop's customers began the uploads that have no byte yet.</summary>
    /// <returns>How many these are.</returns>
    public async Task<int> AgeEmptyUploadsAsync(TimeSpan time)
    {
        await using var command = _database.CreateCommand(
            "UPDATE uploads SET created_at = uploads.created_at - @time FROM sessions WHERE sessions.id = uploads.session AND shop_id = @shop AND received = 0");
        command.Parameters.AddWithValue("shop", Id);
        command.Parameters.AddWithValue("time", time);
        return await command.ExecuteNonQueryAsync(Token);
    }

    /// <summary>The claim's time is up.</summary>
    public async Task LapseClaimAsync(SentJob job)
    {
        await using var command = _database.CreateCommand("UPDATE sessions SET claimed_until = now() WHERE session_id = @session AND status = 'processing'");
        command.Parameters.AddWithValue("session", job.SessionId);
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Token));
    }

    /// <summary>The job's time is up.</summary>
    public async Task ExpireAsync(SentJob job)
    {
        await using var command = _database.CreateCommand("UPDATE sessions SET expires_at = now() WHERE session_id = @session");
        command.Parameters.AddWithValue("session", job.SessionId);
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Token));
    }

    /// <summary>Somebody has changed what a receipt says of the shop.</summary>
    public async Task ForgeReceiptAsync(string id)
    {
        await using var command = _database.CreateCommand("UPDATE receipts SET jws = regexp_replace(jws, '[.][^.]+[.]', '.' || @payload || '.') WHERE id = @id");
        command.Parameters.AddWithValue("id", id);
        command.Parameters.AddWithValue("payload", Convert.ToBase64String(Encoding.UTF8.GetBytes("{\"shop\":\"another\"}")).TrimEnd('='));
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Token));
    }

    public async ValueTask DisposeAsync()
    {
        _customers.Dispose();
        await _database.DisposeAsync();
    }

    private async Task<Uri> FileAddressAsync(SentJob job, int place)
    {
        var session = $"/s/{Id}/api/customer/sessions/{job.SessionId}";
        var status = await ReadAsync(await _customers.GetAsync(new Uri($"{session}/status", UriKind.Relative), Token));
        return new Uri($"{session}/files/{status.GetProperty("session").GetProperty("files")[place].GetProperty("id").GetString()}", UriKind.Relative);
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        using (response)
            return await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Token);
    }
}

/// <summary>A job that waits at the shop.</summary>
public sealed record SentJob(string SessionId, string PickupCode);
