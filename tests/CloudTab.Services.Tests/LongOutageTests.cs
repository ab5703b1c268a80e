namespace CloudTab.Services.Tests;

/// <summary>
/// Every service while Postgres or S3 is away for a minute: four times the keep-alive of production, after which every idle connection has
/// been lost and opened in vain. It is all waiting, in a class of its own, so that others run meanwhile.
/// </summary>
public sealed class LongOutageTests(LongOutageTests.Fixture relay) : IClassFixture<LongOutageTests.Fixture>
{
    private const double Minute = 60;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    [Fact]
    public Task Every_service_works_again_after_a_minute_without_Postgres_or_S3() => Task.WhenAll(
        OutagesTests.SurviveAsync(relay, "Postgres", keepAlive: null, Pause, Minute),
        OutagesTests.SurviveAsync(relay, "S3", keepAlive: null, Pause, Minute));

    public sealed class Fixture(Dependencies dependencies) : RelayFixture(dependencies)
    {
        protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RATE_LIMIT_SESSIONS_PER_MINUTE"] = "1000000",
            ["RATE_LIMIT_SHOP_SESSIONS_PER_MINUTE"] = "1000000",
            ["RATE_LIMIT_UPLOADS_PER_MINUTE"] = "1000000",
            ["JANITOR_INTERVAL"] = "500",
        };
    }
}
