namespace CloudTab.Bench;

/// <summary>Beginning an upload in a shop that has none, and in one with 100,000 uploads that were begun: each counts towards the shop's limit.</summary>
internal static class BegunUploads
{
    private const int Begun = 100_000;
    private const double MostMilliseconds = 5;

    // A session takes 50 files.
    private const int UploadsInSession = 40;

    public static async Task RunAsync(Stack stack)
    {
        using var client = new HttpClient { BaseAddress = stack.UploadApi.Address };
        await stack.ExecuteAsync("TRUNCATE sessions, outstanding CASCADE");
        var without = await BeginAsync(client);
        await stack.ExecuteAsync(FormattableString.Invariant($"""
            WITH sessions AS (
                INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, created_at, expires_at)
                SELECT gen_random_uuid(), 'default',
                       '0' || translate(substr(md5('s' || n::text) || md5('t' || n::text), 1, 25), 'ilou', '0123'),
                       (SELECT string_agg(substr('23456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (n / (30 ^ place)::bigint % 30)::int, 1), '') FROM generate_series(0, 5) AS place),
                       'open', now(), now() + interval '1 hour'
                FROM generate_series(1, {Begun / UploadsInSession}) AS n
                RETURNING id, created_at
            )
            INSERT INTO files (id, session, name, object_key, status, created_at, lease_until)
            SELECT gen_random_uuid(), id, 'letter.pdf', gen_random_uuid()::text, 'uploading', created_at, 'infinity'
            FROM sessions, generate_series(1, {UploadsInSession});
            INSERT INTO uploads (id, upload_id, session, file, created_at, length, received, part_size)
            SELECT id, '0' || translate(substr(md5(id::text), 1, 25), 'ilou', '0123'), session, id, created_at, 1000, 1, 8388608
            FROM files WHERE NOT EXISTS (SELECT FROM uploads WHERE file = files.id);
            ANALYZE sessions, files, uploads;
            """));
        var beside = await BeginAsync(client);
        await stack.ExecuteAsync("TRUNCATE sessions, outstanding CASCADE");

        Console.WriteLine();
        Console.WriteLine("| beginning an upload beside 100,000 that were begun, concurrency 1 | measured | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Console.WriteLine($"| p50 without them, ms | {without.Percentile(0.5):F2} | | |");
        Console.WriteLine($"| p50 beside them, ms | {beside.Percentile(0.5):F2} | < {MostMilliseconds:F0} | {beside.Percentile(0.5) / MostMilliseconds:F2} |");
        Console.WriteLine($"| p99 beside them, ms | {beside.Percentile(0.99):F2} | | |");
    }

    private static async Task<Measured> BeginAsync(HttpClient client)
    {
        var (session, left) = ("", 0);
        return await Load.ForAsync(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(8), concurrency: 1, async () =>
        {
            if (left-- == 0)
                (session, left) = (await UploadClient.CreateSessionAsync(client), UploadsInSession - 1);
            using var creation = new HttpRequestMessage(HttpMethod.Post, $"{session}/files") { Headers = { { "Tus-Resumable", "1.0.0" }, { "Upload-Length", "1000" } } };
            using var created = await client.SendAsync(creation);
            created.EnsureSuccessStatusCode();
        });
    }
}
