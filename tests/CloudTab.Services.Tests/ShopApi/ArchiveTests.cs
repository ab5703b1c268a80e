using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using CloudTab.ShopApi;

namespace CloudTab.Services.Tests;

public sealed class ArchiveTests(RelayFixture relay) : IClassFixture<RelayFixture>, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudtab-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task All_files_of_a_session_come_as_one_ZIP_file_whatever_their_names()
    {
        Unzip.SkipIfMissing();
        var shop = await relay.ShopAsync();
        string[] names = ["letter.pdf", "LETTER.PDF", "letter.pdf", "../../escape.pdf", "C:\\a.pdf", "con.pdf", "资料 😀.pdf", "-rf.pdf", "$(reboot).pdf", new('क', 250)];
        var files = names.Select((name, i) => new GivenFile(name, RandomNumberGenerator.GetBytes(1 + (i * 40_000)))).ToArray();
        var given = await relay.SubmitAsync(shop.Id, "Asha", files);
        using var browser = await relay.BrowserAsync(shop.Key);

        using var answer = await browser.GetAsync(Address(given.PickupCode), HttpCompletionOption.ResponseHeadersRead, Token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/zip", answer.Content.Headers.ContentType?.ToString());
        Assert.Equal($"attachment; filename={given.PickupCode}.zip", answer.Content.Headers.ContentDisposition?.ToString());
        Assert.True(answer.Headers.CacheControl?.NoStore);
        var bytes = await answer.Content.ReadAsByteArrayAsync(Token);
        Assert.Equal(answer.Content.Headers.ContentLength, bytes.Length);

        var entries = Read(bytes);
        Assert.Equal(files.Select(file => file.Sha256), entries.Select(entry => entry.Sha256));
        Assert.Equal(["letter.pdf", "LETTER (2).PDF", "letter (3).pdf", "_.._escape.pdf", "C__a.pdf", "_con.pdf", "资料 😀.pdf", "-rf.pdf", "$(reboot).pdf"], entries.Select(entry => entry.Name).SkipLast(1));

        var path = Path.Combine(_folder.FullName, "all.zip");
        await File.WriteAllBytesAsync(path, bytes, Token);
        await Unzip.RunAsync("-t", path);
        await Unzip.RunAsync("-d", Path.Combine(_folder.FullName, "out"), path);
        var unpacked = _folder.EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.Name != "all.zip").ToList();
        Assert.All(unpacked, file => Assert.Equal("out", file.Directory!.Name));
        Assert.Equal(
            files.Select(file => file.Sha256).Order(StringComparer.Ordinal),
            unpacked.Select(file => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file.FullName)))).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_file_with_a_virus_is_left_out_and_named()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id, "Asha", new GivenFile("bad.pdf", [1, 2]), new GivenFile("left-out.txt", [3]), new GivenFile("good.pdf", [4]));
        await relay.ExecuteAsync("UPDATE files SET scan = 'infected' WHERE id = @id", new { id = given.Files[0] });
        using var client = relay.ShopApi(shop.Key);

        var entries = Read(await client.GetByteArrayAsync(Address(given.SessionId), Token));

        Assert.Equal(["left-out (2).txt", "good.pdf", "left-out.txt"], entries.Select(entry => entry.Name));
        Assert.Contains("bad.pdf", Encoding.UTF8.GetString(entries[2].Content), StringComparison.Ordinal);

        await relay.ExecuteAsync("UPDATE files SET scan = 'infected' WHERE session = @Id", given);
        using var none = await client.GetAsync(Address(given.SessionId), Token);
        await none.IsProblemAsync(HttpStatusCode.Forbidden, "file_infected");
    }

    [Fact]
    public async Task What_is_not_there_for_the_shop_is_refused()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id);
        var open = await relay.OpenSessionAsync(shop.Id);
        using var client = relay.ShopApi(shop.Key);
        using var other = relay.ShopApi((await relay.ShopAsync()).Key);

        using var foreign = await other.GetAsync(Address(given.SessionId), Token);
        using var foreignCode = await other.GetAsync(Address(given.PickupCode), Token);
        using var unknown = await client.GetAsync(Address("x"), Token);
        using var early = await client.GetAsync(Address(open.SessionId), Token);
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete");
        using var late = await client.GetAsync(Address(given.SessionId), Token);

        await foreign.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
        await foreignCode.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
        await unknown.IsProblemAsync(HttpStatusCode.NotFound, "session_not_found");
        await early.IsProblemAsync(HttpStatusCode.Conflict, "not_submitted");
        await late.IsProblemAsync(HttpStatusCode.Gone, "file_deleted");
    }

    [Fact]
    public async Task The_holder_of_the_claim_has_seen_what_is_in_the_archive_and_renews_the_claim()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id, "Asha", new GivenFile("first.pdf", [1]), new GivenFile("late.pdf", [2]));
        using var client = relay.ShopApi(shop.Key);
        using var other = relay.ShopApi(await relay.KeyAsync(shop.Id));
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/claim");
        await relay.ExecuteAsync("UPDATE files SET added_in_claim = 1 WHERE id = @id", new { id = given.Files[1] });
        var claimed = await LeaseAsync();
        relay.Clock.Advance(TimeSpan.FromMinutes(1));

        await other.GetByteArrayAsync(Address(given.SessionId), Token);
        Assert.Equal(claimed, await LeaseAsync());

        await client.GetByteArrayAsync(Address(given.SessionId), Token);
        Assert.True(await LeaseAsync() - claimed >= TimeSpan.FromMinutes(1));
        await client.PostAsync($"/api/shopkeeper/sessions/{given.SessionId}/complete");
        Assert.Equal("completed", await relay.ScalarAsync<string>("SELECT status FROM sessions WHERE id = @Id", given));

        Task<DateTime> LeaseAsync() => relay.ScalarAsync<DateTime>("SELECT claimed_until FROM sessions WHERE id = @Id", given);
    }

    [Fact]
    public async Task An_archive_that_S3_cuts_off_breaks_the_connection()
    {
        var shop = await relay.ShopAsync();
        var files = Enumerable.Range(0, 3).Select(i => new GivenFile($"{i}.pdf", RandomNumberGenerator.GetBytes(2 << 20))).ToArray();
        var given = await relay.SubmitAsync(shop.Id, "Asha", files);
        await using var network = relay.NetworkToS3();
        await using var replica = relay.StartHost<ApiKeyAuthentication>(network);
        using var client = replica.Client();
        client.DefaultRequestHeaders.Add("X-API-Key", shop.Key);
        Assert.Equal(files.Select(file => file.Sha256), Read(await client.GetByteArrayAsync(Address(given.SessionId), Token)).Select(entry => entry.Sha256));

        network.CutAfter(3 << 20); // in the second file
        await BreaksAsync(client, given);

        network.Cut();
        using var unavailable = await client.GetAsync(Address(given.SessionId), Token);
        await unavailable.IsProblemAsync(HttpStatusCode.ServiceUnavailable, "unavailable");
        Assert.NotNull(unavailable.Headers.RetryAfter);
    }

    [Fact]
    public async Task An_archive_of_files_that_are_deleted_meanwhile_breaks_the_connection()
    {
        var shop = await relay.ShopAsync();
        var given = await relay.SubmitAsync(shop.Id, "Asha", new GivenFile("0.pdf", RandomNumberGenerator.GetBytes(1 << 20)), new GivenFile("1.pdf", [1]));
        using var client = relay.ShopApi(shop.Key);

        await DeleteObjectAsync(given.Files[1]);
        await BreaksAsync(client, given);

        await DeleteObjectAsync(given.Files[0]);
        using var gone = await client.GetAsync(Address(given.SessionId), Token);
        await gone.IsProblemAsync(HttpStatusCode.Gone, "file_deleted");
        Assert.Null(gone.Content.Headers.ContentDisposition);
    }

    private static string Address(string session) => $"/api/shopkeeper/sessions/{session}/download";

    private static async Task BreaksAsync(HttpClient client, GivenSession given)
    {
        using var cut = await client.GetAsync(Address(given.SessionId), HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal(HttpStatusCode.OK, cut.StatusCode);
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => cut.Content.ReadAsByteArrayAsync(Token));
        Assert.True(failure is HttpRequestException or IOException, failure.ToString());
    }

    private static List<Entry> Read(byte[] zip)
    {
        using var archive = new ZipArchive(new MemoryStream(zip), ZipArchiveMode.Read);
        return [.. archive.Entries.Select(entry =>
        {
            using var content = entry.Open();
            using var copy = new MemoryStream();
            content.CopyTo(copy);
            return new Entry(entry.FullName, copy.ToArray());
        })];
    }

    private async Task DeleteObjectAsync(Guid file)
    {
        var key = (await relay.ObjectsAsync()).Single(key => key.EndsWith(file.ToString(), StringComparison.Ordinal));
        await relay.S3.DeleteObjectAsync(relay.Bucket, key, Token);
    }

    private sealed record Entry(string Name, byte[] Content)
    {
        public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(Content));
    }
}
