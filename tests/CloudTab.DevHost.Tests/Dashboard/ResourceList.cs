using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace CloudTab.DevHost.Tests.Dashboard;

/// <summary>The resources as the dashboard tells of them, and its commands, on a running application.</summary>
public sealed class ResourceList
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_whole_model_is_shown_with_states_addresses_health_and_relations()
    {
        await using var dashboard = await RunningDashboard.StartAppHostAsync();
        await dashboard.App.ResourceNotifications.WaitForResourceHealthyAsync("front", Token);
        Assert.Equal("CloudTab.TestAppHost", Text(await dashboard.GetAsync("/api/resources"), "application"));

        var front = await dashboard.ResourceAsync("front");
        Assert.Equal(("Project", "Running"), (Text(front, "type"), Text(front, "state")));
        Assert.Equal(dashboard.App.GetEndpoint("front").ToString().TrimEnd('/'), Text(Assert.Single(front.GetProperty("urls").EnumerateArray()), "url"));
        var health = Assert.Single(front.GetProperty("health").EnumerateArray());
        Assert.Equal("Healthy", Text(health, "status"));
        Assert.True(health.GetProperty("at").GetDouble() >= front.GetProperty("startedAt").GetDouble());
        Assert.Equal("""[{"name":"back-end","type":"healthy"}]""", front.GetProperty("waitsFor").GetRawText());
        Assert.Equal("""["back-end"]""", front.GetProperty("references").GetRawText());
        Assert.Equal("""["stop","restart"]""", front.GetProperty("commands").GetRawText());

        var second = await dashboard.ResourceAsync("back-end.2");
        Assert.Equal((1, 2), (second.GetProperty("replica").GetInt32(), second.GetProperty("replicas").GetInt32()));
        Assert.Equal("""[{"name":"job","type":"completion"}]""", second.GetProperty("waitsFor").GetRawText());
        Assert.Equal("""["database"]""", second.GetProperty("references").GetRawText());
        var job = await dashboard.ResourceAsync("job");
        Assert.Equal(("Finished", 0), (Text(job, "state"), job.GetProperty("exitCode").GetInt32()));
        Assert.Equal("ConnectionString", Text(await dashboard.ResourceAsync("database"), "type"));
        Assert.Equal("""["password","postgres"]""", (await dashboard.ResourceAsync("database")).GetProperty("references").GetRawText());
        Assert.Equal("Parameter", Text(await dashboard.ResourceAsync("password"), "type"));

        await MasksAsync(dashboard, (await dashboard.ResourceAsync("postgres")).GetProperty("id").GetString()!, "POSTGRES_PASSWORD");
        await MasksAsync(dashboard, second.GetProperty("id").GetString()!, "ConnectionStrings__database");
        await MasksAsync(dashboard, second.GetProperty("id").GetString()!, "OTEL_EXPORTER_OTLP_HEADERS");
        await MasksAsync(dashboard, "password", "Value");
        await MasksAsync(dashboard, "database", "ConnectionString");
        Assert.Equal(await dashboard.App.GetConnectionStringAsync("database", Token), Text(await dashboard.GetAsync("/api/resources/database/environment/ConnectionString"), "value"));
        Assert.Equal("back-end", Text(Variable(await dashboard.GetAsync($"/api/resources/{Text(second, "id")}/environment"), "OTEL_SERVICE_NAME"), "value"));

        // A second look, so that there is a difference to tell CPU by.
        Assert.True(front.GetProperty("memory").GetInt64() > 1 << 20);
        await foreach (var (type, data) in dashboard.EventsAsync("/api/stream", Token))
        {
            if (type == "resources" && data.GetProperty("resources").EnumerateArray().Any(resource => resource.TryGetProperty("cpu", out var cpu) && cpu.GetDouble() >= 0))
                break;
        }
    }

    [Fact]
    public async Task What_a_resource_waits_for_is_told_until_it_is_there()
    {
        var sign = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        await using var dashboard = await RunningDashboard.StartAsync(builder =>
        {
            var quick = builder.AddProject<Projects.CloudTab_TestApp>("quick").WithHttpEndpoint();
            var slow = builder.AddProject<Projects.CloudTab_TestApp>("slow").WithHttpEndpoint().WithHttpHealthCheck("/health").WithEnvironment("HEALTHY_ONCE_EXISTS", sign);
            builder.AddProject<Projects.CloudTab_TestApp>("next").WithHttpEndpoint().WaitFor(quick).WaitFor(slow);
        });
        await dashboard.App.ResourceNotifications.WaitForResourceHealthyAsync("quick", Token);
        await dashboard.App.ResourceNotifications.WaitForResourceAsync("slow", update => update.Snapshot.HealthReports is [{ Description: "/health answers 503: not yet" }], Token);

        var next = await dashboard.ResourceAsync("next");
        Assert.Equal(("Waiting", """["slow"]"""), (Text(next, "state"), next.GetProperty("waitingFor").GetRawText()));
        var slow = await dashboard.ResourceAsync("slow");
        Assert.Equal("Starting", Text(slow, "state"));
        Assert.Equal("/health answers 503: not yet", Text(slow.GetProperty("health")[0], "description"));

        await File.WriteAllTextAsync(sign, "", Token);
        await foreach (var (type, data) in dashboard.EventsAsync("/api/stream", Token))
        {
            if (type == "resources" && data.GetProperty("resources").EnumerateArray().All(resource => Text(resource, "state") == "Running"))
                break;
        }

        Assert.Equal("[]", (await dashboard.ResourceAsync("next")).GetProperty("waitingFor").GetRawText());
        File.Delete(sign);
    }

    [Fact]
    public async Task Commands_stop_start_and_restart_and_what_makes_no_sense_is_a_conflict()
    {
        await using var dashboard = await RunningDashboard.StartAsync(builder =>
            builder.AddProject<Projects.CloudTab_TestApp>("service").WithHttpEndpoint().WithHttpHealthCheck("/health"));
        await dashboard.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);
        var before = await dashboard.ResourceAsync("service");
        var id = Text(before, "id");

        Assert.Equal(HttpStatusCode.Conflict, await CommandAsync(dashboard, id, "start"));
        Assert.Equal(HttpStatusCode.NotFound, await CommandAsync(dashboard, id, "explode"));
        Assert.Equal(HttpStatusCode.NotFound, await CommandAsync(dashboard, "nobody", "stop"));
        Assert.Equal(HttpStatusCode.NoContent, await CommandAsync(dashboard, id, "restart"));
        await dashboard.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);
        Assert.NotEqual(before.GetProperty("pid").GetInt32(), (await dashboard.ResourceAsync("service")).GetProperty("pid").GetInt32());

        Assert.Equal(HttpStatusCode.NoContent, await CommandAsync(dashboard, id, "stop"));
        var stopped = await dashboard.ResourceAsync("service");
        Assert.Equal(("Exited", """["start"]"""), (Text(stopped, "state"), stopped.GetProperty("commands").GetRawText()));
        Assert.Equal(HttpStatusCode.Conflict, await CommandAsync(dashboard, id, "stop"));
        Assert.Equal(HttpStatusCode.NoContent, await CommandAsync(dashboard, id, "start"));
        await dashboard.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);
    }

    [Fact]
    public async Task The_last_lines_of_what_died_and_the_reason_why_another_could_not_start_are_shown()
    {
        await using var dashboard = await RunningDashboard.StartAsync(builder =>
        {
            var job = builder.AddProject<Projects.CloudTab_TestApp>("job").WithEnvironment("EXIT_CODE", "7");
            builder.AddProject<Projects.CloudTab_TestApp>("next").WithHttpEndpoint().WaitForCompletion(job);
        });
        await dashboard.App.ResourceNotifications.WaitForResourceAsync("next", KnownResourceStates.FailedToStart, Token);
        var job = await dashboard.ResourceAsync("job");
        Assert.Equal("Exited", Text(job, "state"));
        Assert.Equal((7, """["ending with 7"]"""), (job.GetProperty("exitCode").GetInt32(), job.GetProperty("lastLines").GetRawText()));
        Assert.Contains("it needs job, which ended with exit code 7", (await dashboard.ResourceAsync("next")).GetProperty("lastLines")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_console_is_streamed_with_its_colours_and_downloaded_without()
    {
        await using var dashboard = await RunningDashboard.StartAsync(builder =>
            builder.AddProject<Projects.CloudTab_TestApp>("service").WithHttpEndpoint().WithHttpHealthCheck("/health").WithEnvironment("SAY", "\e[31mred\e[0m \e]8;;http://x\alink\e]8;;\a"));
        await dashboard.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);
        var id = Text(await dashboard.ResourceAsync("service"), "id");

        await using var events = dashboard.EventsAsync($"/api/resources/{id}/console", Token).GetAsyncEnumerator(Token);
        var lines = await ReadAsync(2);
        Assert.Equal([1, 2], lines.Select(line => line.GetProperty("n").GetInt32()));
        Assert.StartsWith("\e[31mred", Text(lines[0], "text"), StringComparison.Ordinal);
        Assert.False(lines[0].GetProperty("error").GetBoolean());

        // A new process goes on in the same console.
        Assert.Equal(HttpStatusCode.NoContent, await CommandAsync(dashboard, id, "restart"));
        while (!lines.Skip(2).Any(line => Text(line, "text").StartsWith("\e[31mred", StringComparison.Ordinal)))
            lines.AddRange(await ReadAsync(1));
        Assert.Equal(Enumerable.Range(1, lines.Count), lines.Select(line => line.GetProperty("n").GetInt32()));

        using var download = await dashboard.Browser.GetAsync(new Uri($"/api/resources/{id}/console.txt", UriKind.Relative), Token);
        Assert.Equal("service.txt", download.Content.Headers.ContentDisposition?.FileName);
        Assert.StartsWith("red link\nprocess ", await download.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);

        async Task<List<JsonElement>> ReadAsync(int count)
        {
            var read = new List<JsonElement>();
            while (read.Count < count && await events.MoveNextAsync())
                read.AddRange(events.Current.Data.EnumerateArray());
            return read;
        }
    }

    [Fact]
    public async Task Resources_are_told_where_to_send_their_telemetry()
    {
        await using var dashboard = await RunningDashboard.StartAsync(Service);
        await dashboard.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);
        var variables = await EnvironmentAsync(dashboard.App);
        Assert.Equal(dashboard.Server.Address, new Uri(variables["OTEL_EXPORTER_OTLP_ENDPOINT"]));
        Assert.Equal("http/protobuf", variables["OTEL_EXPORTER_OTLP_PROTOCOL"]);
        Assert.Equal($"x-otlp-api-key={RunningDashboard.OtlpKey}", variables["OTEL_EXPORTER_OTLP_HEADERS"]);

        await using var elsewhere = await RunningDashboard.StartAsync(Service, "ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL=http://localhost:4318");
        await elsewhere.App.ResourceNotifications.WaitForResourceHealthyAsync("service", Token);
        Assert.Equal("http://localhost:4318", (await EnvironmentAsync(elsewhere.App))["OTEL_EXPORTER_OTLP_ENDPOINT"]);

        static void Service(IDistributedApplicationBuilder builder) => builder.AddProject<Projects.CloudTab_TestApp>("service").WithHttpEndpoint().WithHttpHealthCheck("/health");
    }

    private static async Task<Dictionary<string, string>> EnvironmentAsync(DistributedApplication app)
    {
        using var http = app.CreateHttpClient("service");
        return (await http.GetFromJsonAsync<Dictionary<string, string>>("/environment", Token))!;
    }

    private static async Task MasksAsync(RunningDashboard dashboard, string id, string name)
    {
        var variable = Variable(await dashboard.GetAsync($"/api/resources/{id}/environment"), name);
        Assert.True(variable.GetProperty("secret").GetBoolean());
        Assert.Equal(JsonValueKind.Null, variable.GetProperty("value").ValueKind);
        Assert.NotEmpty(Text(await dashboard.GetAsync($"/api/resources/{id}/environment/{name}"), "value"));
    }

    private static JsonElement Variable(JsonElement environment, string name) =>
        environment.GetProperty("variables").EnumerateArray().Single(variable => Text(variable, "name") == name);

    private static async Task<HttpStatusCode> CommandAsync(RunningDashboard dashboard, string id, string command)
    {
        using var answer = await dashboard.Browser.PostAsync(new Uri($"/api/resources/{id}/commands/{command}", UriKind.Relative), content: null, Token);
        return answer.StatusCode;
    }

    private static string Text(JsonElement json, string member) => json.GetProperty(member).GetString()!;
}
