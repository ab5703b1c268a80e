using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CloudTab.Relay;
using CloudTab.ShopApi;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.Services.Tests;

/// <summary>Sessions for a shop, made by the same code that the customers' side runs.</summary>
internal static class ShopGiven
{
    private static readonly SessionLimits NoLimits = new(int.MaxValue, long.MaxValue);

    /// <summary>A session that a customer has opened, and no more.</summary>
    public static async Task<OpenedSession> OpenSessionAsync(this RelayFixture relay, string shop, string? customer = "Asha") =>
        await relay.Service<Relay.Sessions>().OpenAsync(shop, customer, printOptions: null, Token)
        ?? throw new InvalidOperationException("No such shop");

    /// <summary>A pending session whose files are in the bucket.</summary>
    public static async Task<GivenSession> SubmitAsync(this RelayFixture relay, string shop, string? customer = "Asha", params GivenFile[] files)
    {
        var opened = await relay.OpenSessionAsync(shop, customer);
        var stored = new List<UploadedFile>();
        foreach (var file in files.Length > 0 ? files : [new GivenFile()])
        {
            var begun = await relay.Service<UploadingFiles>().BeginAsync(opened.Id, file.Name, printOptions: null, Token);
            await using var upload = relay.Service<ObjectStore>().BeginUpload(begun!.ObjectKey, IPAddress.Loopback, file.Content.Length);
            for (var written = 0; written < file.Content.Length;)
            {
                var memory = await upload.GetMemoryAsync(Token);
                var count = Math.Min(memory.Length, file.Content.Length - written);
                file.Content.AsMemory(written, count).CopyTo(memory);
                await upload.AdvanceAsync(count, Token);
                written += count;
            }

            await upload.CompleteAsync(Token);
            stored.Add(new UploadedFile(begun.Id, file.Name, file.Type, file.Content.Length, SHA256.HashData(file.Content)));
        }

        Assert.Equal(Outcome.Done, await relay.Service<StoredFiles>().StoreAsync(opened.Id, stored, NoLimits, Token));
        return new GivenSession(opened.Id, opened.SessionId, opened.PickupCode, [.. stored.Select(file => file.Id)]);
    }

    /// <summary>A pending session by its rows only: for tests that look at no bytes.</summary>
    public static async Task<GivenSession> AnnounceAsync(this RelayFixture relay, string shop, string? customer = "Asha")
    {
        var opened = await relay.OpenSessionAsync(shop, customer);
        return await relay.SubmitOpenedAsync(opened);
    }

    /// <summary>Submits a session that is open, by its rows only.</summary>
    public static async Task<GivenSession> SubmitOpenedAsync(this RelayFixture relay, OpenedSession opened)
    {
        var begun = await relay.Service<UploadingFiles>().BeginAsync(opened.Id, "print.pdf", printOptions: null, Token);
        var file = new UploadedFile(begun!.Id, begun.Name, "application/pdf", 1, SHA256.HashData([1]));
        Assert.Equal(Outcome.Done, await relay.Service<StoredFiles>().StoreAsync(opened.Id, [file], NoLimits, Token));
        return new GivenSession(opened.Id, opened.SessionId, opened.PickupCode, [file.Id]);
    }

    /// <summary>Adds fifty files to each of a shop's sessions, each to be printed in another way that takes many words: 66 KB of a session in a list.</summary>
    public static Task AddManyFilesAsync(this RelayFixture relay, string shop) => relay.ExecuteAsync(
        """
        INSERT INTO files (id, session, name, object_key, status, created_at, type, size, sha256, position, stored_at, print_options)
        SELECT gen_random_uuid(), sessions.id, 'a.pdf', gen_random_uuid()::text, 'stored', now(), 'application/pdf', 1, sha256('a'), 1 + n, now(),
               jsonb_set(@options::jsonb, '{copies}', to_jsonb(n))
        FROM sessions, generate_series(1, 50) AS n
        WHERE shop_id = @shop
        """,
        new
        {
            shop,
            options = (PrintOptions.Default with { PageRanges = string.Join(',', Enumerable.Range(0, 100).Select(i => $"{10_000 + (3 * i)}-{10_001 + (3 * i)}")) }).ToJson(),
        });

    /// <summary>One of the real services' own parts.</summary>
    public static T Service<T>(this RelayFixture relay)
        where T : class => relay.Host<ApiKeyAuthentication>().Services.GetRequiredService<T>();

    public static Task<HttpResponseMessage> PostAsync(this HttpClient client, string path) =>
        client.PostAsync(new Uri(path, UriKind.Relative), null, Token);

    /// <summary>The value of a text field.</summary>
    public static string? Text(this JsonElement json, string name) => json.GetProperty(name).GetString();

    /// <summary>The names of an object's fields, in order.</summary>
    public static string[] Fields(this JsonElement json) => [.. json.EnumerateObject().Select(field => field.Name)];
}

/// <summary>A session as its customer left it.</summary>
internal sealed record GivenSession(Guid Id, string SessionId, string PickupCode, Guid[] Files);

/// <summary>A file that a customer has sent.</summary>
internal sealed record GivenFile(string Name, byte[] Content, string Type = "application/pdf")
{
    public GivenFile()
        : this("print.pdf", Encoding.ASCII.GetBytes("%PDF-1.7 a small one"))
    {
    }

    public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(Content));
}
