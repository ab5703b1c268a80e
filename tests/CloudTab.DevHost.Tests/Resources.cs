using System.Diagnostics;
using System.Net.Http.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CloudTab.DevHost.Tests;

public sealed class Resources
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_whole_model_starts_in_order_and_is_told_of_each_other()
    {
        await using var running = await RunningApplication.StartAppHostAsync();
        await running.App.ResourceNotifications.WaitForResourceHealthyAsync("front", Token);

        using var service = running.App.CreateHttpClient("back-end");
        var ofService = await service.GetFromJsonAsync<Dictionary<string, string>>("/environment", Token);
        Assert.Equal("back-end", ofService!["OTEL_SERVICE_NAME"]);
        Assert.StartsWith("service.instance.id=", ofService["OTEL_RESOURCE_ATTRIBUTES"], StringComparison.Ordinal);
        Assert.Equal(await running.App.GetConnectionStringAsync("database", Token), ofService["ConnectionStrings__database"]);
        await using var connection = new Npgsql.NpgsqlConnection(ofService["ConnectionStrings__database"]);
        await connection.OpenAsync(Token);

        using var front = running.App.CreateHttpClient("front");
        var ofFront = await front.GetFromJsonAsync<Dictionary<string, string>>("/environment", Token);
        Assert.Equal(running.App.GetEndpoint("back-end").ToString().TrimEnd('/'), ofFront!["services__back-end__http__0"]);
        Assert.Equal(ofFront["services__back-end__http__0"], ofFront["BACK_END_HTTP"]);
        Assert.Equal(running.App.GetEndpoint("front").ToString().TrimEnd('/'), ofFront["ASPNETCORE_URLS"]);
        Assert.False(ofFront.ContainsKey("OTEL_EXPORTER_OTLP_HEADERS"));
    }

    [Fact]
    public async Task A_failed_job_keeps_from_starting_what_waits_for_it()
    {
        await using var running = await RunningApplication.StartAppHostAsync("JobExitCode=3");
        await running.App.ResourceNotifications.WaitForResourceAsync("front", KnownResourceStates.FailedToStart, Token);
        await running.App.ResourceNotifications.WaitForResourceAsync(
            "job", update => update.Snapshot is { ExitCode: 3 } && update.Snapshot.State?.Text == KnownResourceStates.Finished, Token);

        var e = await Assert.ThrowsAsync<DistributedApplicationException>(
            () => running.App.ResourceNotifications.WaitForResourceHealthyAsync("job", Token));
        Assert.Contains("exit code 3", e.Message, StringComparison.Ordinal);
        Assert.Contains("ending with 3", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resource_that_is_not_healthy_yet_holds_back_its_dependents()
    {
        var sign = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        await using var running = await RunningApplication.StartAsync(builder =>
        {
            var slow = builder.AddProject<Projects.CloudTab_TestApp>("slow").WithHttpEndpoint().WithHttpHealthCheck("/health")
                .WithEnvironment("HEALTHY_ONCE_EXISTS", sign);
            builder.AddProject<Projects.CloudTab_TestApp>("next").WithHttpEndpoint().WaitFor(slow);
        });
        await running.App.ResourceNotifications.WaitForResourceAsync(
            "slow", update => update.Snapshot.HealthReports is [{ Description: "/health answers 503: not yet" }], Token);
        await running.App.ResourceNotifications.WaitForResourceAsync("next", KnownResourceStates.Waiting, Token);

        await File.WriteAllTextAsync(sign, "", Token);
        await running.App.ResourceNotifications.WaitForResourceHealthyAsync("next", Token);
        File.Delete(sign);
    }

    [Fact]
    public async Task Replicas_share_an_address_that_outlives_each_of_them()
    {
        await using var running = await RunningApplication.StartAsync(builder =>
            builder.AddProject<Projects.CloudTab_TestApp>("service").WithHttpEndpoint().WithReplicas(2).WithHttpHealthCheck("/health"));
        await running.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);
        var replicas = await PidsAsync(running.App);
        Assert.Equal(2, replicas.Count);

        using (var replica = Process.GetProcessById(replicas.First()))
            replica.Kill();
        var dead = await running.App.ResourceNotifications.WaitForResourceAsync("service", update => update.Snapshot.ExitCode == 137, Token);
        Assert.Equal(replicas.Last(), Assert.Single(await PidsAsync(running.App)));

        var result = await running.App.ResourceCommands.ExecuteCommandAsync(dead.ResourceId, KnownResourceCommands.StartCommand, Token);
        Assert.True(result.Success, result.Message);
        await running.App.ResourceNotifications.WaitForResourceAsync(
            "service", update => update.ResourceId == dead.ResourceId && update.Snapshot.HealthStatus == HealthStatus.Healthy, Token);
        Assert.Equal(2, (await PidsAsync(running.App)).Count);
    }

    [Fact]
    public async Task Resources_that_wait_for_each_other_are_refused()
    {
        var e = await Assert.ThrowsAsync<DistributedApplicationException>(() => RunningApplication.StartAsync(builder =>
        {
            var first = builder.AddProject<Projects.CloudTab_TestApp>("first");
            var second = builder.AddProject<Projects.CloudTab_TestApp>("second").WaitFor(first);
            var third = builder.AddProject<Projects.CloudTab_TestApp>("third").WaitForCompletion(second);
            first.WaitFor(third);
        }));
        Assert.Equal("Nothing of this could ever start: first waits for third waits for second waits for first.", e.Message);
    }

    [Fact]
    public async Task A_model_with_a_container_is_refused()
    {
        var e = await Assert.ThrowsAsync<DistributedApplicationException>(() => RunningApplication.StartAsync(builder =>
            builder.AddPostgres("database").WithImageTag("18").WithDataVolume().AddDatabase("orders")));
        Assert.Equal(
            "database is a container, which takes Aspire to run: start without Containers=true, or fetch Aspire (dotnet restore eng/Aspire.proj).", e.Message);
    }

    [Fact]
    public async Task Commands_stop_start_and_restart()
    {
        await using var running = await RunningApplication.StartAsync(builder =>
            builder.AddProject<Projects.CloudTab_TestApp>("service").WithHttpEndpoint().WithHttpHealthCheck("/health"));
        await running.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);
        using var http = running.App.CreateHttpClient("service");
        var before = await http.GetStringAsync(new Uri("/pid", UriKind.Relative), Token);

        Assert.True((await running.App.ResourceCommands.ExecuteCommandAsync("service", KnownResourceCommands.RestartCommand, Token)).Success);
        await running.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);
        Assert.NotEqual(before, await http.GetStringAsync(new Uri("/pid", UriKind.Relative), Token), StringComparer.Ordinal);

        Assert.True((await running.App.ResourceCommands.ExecuteCommandAsync("service", KnownResourceCommands.StopCommand, Token)).Success);
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync(new Uri("/pid", UriKind.Relative), Token));
        Assert.False((await running.App.ResourceCommands.ExecuteCommandAsync("nothing", KnownResourceCommands.StopCommand, Token)).Success);
    }

    [Fact]
    public async Task A_service_that_ignores_SIGTERM_is_ended_within_ten_seconds()
    {
        await using var running = await RunningApplication.StartAsync(builder =>
            builder.AddProject<Projects.CloudTab_TestApp>("service").WithHttpEndpoint().WithHttpHealthCheck("/health").WithEnvironment("STUBBORN", "true"));
        await running.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);

        var watch = Stopwatch.StartNew();
        await running.App.StopAsync(Token);
        Assert.InRange(watch.Elapsed.TotalSeconds, 5, 10);
    }

    private static async Task<HashSet<int>> PidsAsync(DistributedApplication app)
    {
        var seen = new HashSet<int>();
        for (var i = 0; i < 6; i++)
        {
            // A client of its own each time: one that keeps its connection stays with its replica.
            using var http = app.CreateHttpClient("service");
            seen.Add(await http.GetFromJsonAsync<int>(new Uri("/pid", UriKind.Relative), Token));
        }

        return seen;
    }
}
