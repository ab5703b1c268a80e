namespace CloudTab.Bench;

/// <summary>GET …/sessions/pending with 100,000 sessions of two files in the table, half of them pending.</summary>
internal static class PendingList
{
    private const double MostMilliseconds = 10;

    public static async Task RunAsync(Stack stack)
    {
        await stack.ExecuteAsync("""
            TRUNCATE sessions CASCADE;
            INSERT INTO sessions (id, shop_id, session_id, pickup_code, status, file_count, total_size, created_at, expires_at, submitted_at, ended_at)
            SELECT gen_random_uuid(), 'default',
                   '0' || translate(substr(md5('s' || n::text) || md5('t' || n::text), 1, 25), 'ilou', '0123'),
                   (SELECT string_agg(substr('23456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + (n / (30 ^ place)::bigint % 30)::int, 1), '') FROM generate_series(0, 5) AS place),
                   CASE WHEN n % 2 = 0 THEN 'pending' ELSE 'completed' END, 2, 1000,
                   now() - n * interval '10 milliseconds', now() + interval '1 hour', now(), CASE WHEN n % 2 = 0 THEN NULL ELSE now() END
            FROM generate_series(1, 100000) AS n;
            INSERT INTO files (id, session, name, object_key, status, created_at, type, size, sha256, position, stored_at, printed_pages, page_price, currency)
            SELECT gen_random_uuid(), id, 'letter.pdf', gen_random_uuid()::text, 'stored', created_at, 'application/pdf', 500, decode(md5('') || md5(''), 'hex'), place,
                   created_at, 3, 200, 'INR'
            FROM sessions, generate_series(1, 2) AS place;
            ANALYZE sessions, files;
            """);
        using var client = new HttpClient { BaseAddress = stack.ShopApi.Address, DefaultRequestHeaders = { { "X-API-Key", stack.Key } } };
        var measured = await Load.ForAsync(TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(8), concurrency: 2, async () =>
        {
            using var page = await client.GetAsync("/api/shopkeeper/sessions/pending");
            page.EnsureSuccessStatusCode();
        });

        Console.WriteLine();
        Console.WriteLine("| pending list, one page of 50, 100,000 sessions, concurrency 2 | measured | limit | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        Console.WriteLine($"| per second | {measured.PerSecond:F0} | | |");
        Console.WriteLine($"| p99, ms | {measured.Percentile(0.99):F1} | < {MostMilliseconds:F0} | {measured.Percentile(0.99) / MostMilliseconds:F2} |");
    }
}
