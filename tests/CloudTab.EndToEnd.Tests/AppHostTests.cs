using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using CloudTab.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace CloudTab.EndToEnd.Tests;

/// <summary>The application model itself: what it says, and that what it starts is a relay.</summary>
[Collection(RunningAppHost.Collection)]
public sealed class AppHostTests(RunningAppHost relay) : IDisposable
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("cloudtab-");

    private static readonly Comparer<IResource> ByName = Comparer<IResource>.Create((one, other) => string.CompareOrdinal(one.Name, other.Name));

    [Fact]
    public async Task The_model_names_every_resource_and_what_it_waits_for()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.CloudTab_AppHost>(
            AppHostArguments.For(_data, replicas: 3), Token);
        var projects = builder.Resources.OfType<ProjectResource>().ToDictionary(project => project.Name, StringComparer.Ordinal);

        Assert.Equal(
            ["gateway", "janitor", "migrator", "notifier", "s3", "shop-api", "upload-api"], projects.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("node", Assert.Single(builder.Resources.OfType<ExecutableResource>(), executable => executable.Name == "postgres").Command);
        Assert.Equal(["postgres", "s3"], WaitsFor("migrator", WaitType.WaitUntilHealthy));
        foreach (var service in new[] { "upload-api", "shop-api", "notifier", "janitor" })
            Assert.Equal(["migrator"], WaitsFor(service, WaitType.WaitForCompletion));
        Assert.Empty(projects["gateway"].Annotations.OfType<WaitAnnotation>());
        Assert.Equal(["notifier", "shop-api", "upload-api"], projects.Values.Where(HasThreeReplicas).Select(project => project.Name).Order(StringComparer.Ordinal));
        Assert.Equal(5000, projects["gateway"].Annotations.OfType<EndpointAnnotation>().Single().Port);

        IEnumerable<string> WaitsFor(string name, WaitType type) => projects[name].Annotations.OfType<WaitAnnotation>()
            .Where(wait => wait.WaitType == type).Select(wait => wait.Resource.Name).Order(StringComparer.Ordinal);

        static bool HasThreeReplicas(ProjectResource project) => project.Annotations.OfType<ReplicaAnnotation>().Any(annotation => annotation.Replicas == 3);
    }

    [Fact]
    public async Task With_containers_Postgres_and_S3_are_images_of_one_version_each_and_everything_else_is_the_same()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.CloudTab_AppHost>(
            [.. AppHostArguments.For(_data, replicas: 1), "Containers=true", "LOCALSTACK_AUTH_TOKEN=token"], Token);
        var containers = builder.Resources.OfType<ContainerResource>().ToDictionary(container => container.Name, StringComparer.Ordinal);

        Assert.Equal(["postgres", "s3"], containers.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("library/postgres:18", ImageOf("postgres"));
        Assert.Equal("localstack/localstack:4.14.0", ImageOf("s3"));
        var volume = containers["postgres"].Annotations.OfType<ContainerMountAnnotation>().Single();
        Assert.Equal((ContainerMountType.Volume, "cloudtab-postgres", "/var/lib/postgresql"), (volume.Type, volume.Source, volume.Target));
        Assert.All(containers.Values, container => Assert.Single(container.Annotations.OfType<HealthCheckAnnotation>()));
        Assert.Contains(builder.Resources, resource => resource is ParameterResource { Name: "localstack-auth-token", Secret: true });

        var projects = builder.Resources.OfType<ProjectResource>().ToDictionary(project => project.Name, StringComparer.Ordinal);
        Assert.Equal(["gateway", "janitor", "migrator", "notifier", "shop-api", "upload-api"], projects.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(containers.Values.Order(ByName), projects["migrator"].Annotations.OfType<WaitAnnotation>().Select(wait => wait.Resource).Order(ByName));

        string ImageOf(string name) => containers[name].Annotations.OfType<ContainerImageAnnotation>().Select(image => $"{image.Image}:{image.Tag}").Last();
    }

    [Theory]
    [InlineData("Replicas=abc", "Failed to convert configuration value 'abc' at 'Replicas' to type 'System.Int32'.")]
    [InlineData("Replicas=0", "Replicas must be between 1 and 100.")]
    [InlineData("PORT=abc", "Failed to convert configuration value 'abc' at 'PORT' to type 'System.Int32'.")]
    [InlineData("PORT=65536", "PORT must be between 1 and 65535.")]
    [InlineData("Containers=perhaps", "Failed to convert configuration value 'perhaps' at 'Containers' to type 'System.Boolean'.")]
    public async Task A_setting_that_is_no_good_is_one_clear_line(string setting, string line)
    {
        await using var appHost = await ChildProcess.StartAsync(
            "CloudTab.AppHost", new Dictionary<string, string>(StringComparer.Ordinal) { ["APPDATA"] = _data.FullName }, ready: null, Token, setting); // where .NET keeps user secrets
        Assert.Equal(1, await appHost.WaitForExitAsync(Token));
        Assert.Equal(line, appHost.Output);
    }

    [Fact]
    public async Task A_file_goes_from_the_customer_to_the_shop()
    {
        await ChecksEnvironmentAsync();
        await RunCommandsAsync();
        await SendAndPrintAsync();
        Assert.False(relay.WroteDeveloperSecrets);
    }

    public void Dispose() => _data.Delete(recursive: true);

    /// <summary>Every service has the database, the bucket and its name for telemetry; only the Migrator has the shop's key.</summary>
    private async Task ChecksEnvironmentAsync()
    {
        foreach (var service in new[] { "migrator", "upload-api", "shop-api", "notifier", "janitor" })
        {
            var state = await relay.App.ResourceNotifications.WaitForResourceAsync(service, update => !update.Snapshot.EnvironmentVariables.IsEmpty, Token);
            var environment = state.Snapshot.EnvironmentVariables.ToDictionary(variable => variable.Name, variable => variable.Value, StringComparer.Ordinal);
            Assert.Equal(service, environment["OTEL_SERVICE_NAME"]);
            Assert.Equal(await relay.App.GetConnectionStringAsync("cloudtab", Token), environment["ConnectionStrings__cloudtab"]);
            Assert.Equal(relay.App.GetEndpoint("s3").ToString().TrimEnd('/'), environment["AWS_ENDPOINT_URL_S3"]);
            Assert.Equal("cloudtab", environment["AWS_S3_BUCKET"]);
            Assert.Equal("Development", environment["DOTNET_ENVIRONMENT"]);
            Assert.Equal(service == "migrator" ? AppHostArguments.Key : null, environment.GetValueOrDefault("SHOPKEEPER_API_KEY"));
        }
    }

    /// <summary>The dashboard's commands: a new shop's new key opens that shop's queue; the sample job is in the default shop's; a reset empties all.</summary>
    private async Task RunCommandsAsync()
    {
        await CommandAsync("migrator", "add-shop", ("shop", "corner-print"), ("name", "Corner Print"));
        var key = (await CommandAsync("migrator", "add-key", ("shop", "corner-print"), ("name", "A PC"))).Data!.Value.Trim();
        Assert.Equal(0, await PendingAsync(key));
        var before = await PendingAsync(AppHostArguments.Key);
        Assert.Contains("pickup code", (await CommandAsync("gateway", "sample-job")).Message, StringComparison.Ordinal);
        Assert.Equal(before + 1, await PendingAsync(AppHostArguments.Key));
        await CommandAsync("migrator", "reset");
        Assert.Equal(0, await PendingAsync(AppHostArguments.Key));
        Assert.Null(await PendingAsync(key));

        async Task<ExecuteCommandResult> CommandAsync(string resource, string command, params (string Name, string Value)[] arguments)
        {
            var inputs = arguments.Select(one => new InteractionInput { Name = one.Name, InputType = InputType.Text, Value = one.Value });
            var result = await relay.App.Services.GetRequiredService<ResourceCommandService>().ExecuteCommandAsync(resource, command, new([.. inputs]), Token);
            Assert.True(result.Success, result.Message);
            return result;
        }

        async Task<int?> PendingAsync(string key)
        {
            using var shop = new HttpClient { BaseAddress = relay.Origin, DefaultRequestHeaders = { { "X-API-Key", key } } };
            using var answer = await shop.GetAsync(Path("/api/shopkeeper/sessions/pending"), Token);
            return answer.StatusCode == HttpStatusCode.Unauthorized ? null : (await ReadAsync(answer)).GetProperty("count").GetInt32();
        }
    }

    private async Task SendAndPrintAsync()
    {
        using var customer = new HttpClient { BaseAddress = relay.Origin };
        using var shop = new HttpClient { BaseAddress = relay.Origin, DefaultRequestHeaders = { { "X-API-Key", AppHostArguments.Key } } };
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(Token);
        bound.CancelAfter(TimeSpan.FromMinutes(1));
        await using var pc = await ShopConnection.OpenAsync(relay.Origin, AppHostArguments.Key, bound.Token);

        var created = await ReadAsync(await customer.PostAsync(Path("/api/customer/sessions/create"), content: null, Token));
        var session = created.GetProperty("sessionId").GetString()!;
        var file = RandomNumberGenerator.GetBytes(9 << 20);
        "%PDF-1.7\n"u8.CopyTo(file);
        using var form = new MultipartFormDataContent { { new ByteArrayContent(file), "files", "letter.pdf" } };
        await ReadAsync(await customer.PostAsync(Path($"/api/customer/sessions/{session}/upload"), form, Token));

        var announced = await pc.NextAsync("new_session");
        Assert.Equal(session, announced.GetProperty("sessionId").GetString());
        var claimed = await ReadAsync(await shop.PostAsync(Path($"/api/shopkeeper/sessions/{announced.GetProperty("pickupCode")}/claim"), content: null, Token));
        var download = Path($"/api/shopkeeper/files/{claimed.GetProperty("session").GetProperty("files")[0].GetProperty("id")}/download");
        Assert.Equal(SHA256.HashData(file), SHA256.HashData(await shop.GetByteArrayAsync(download, Token)));
        await ReadAsync(await shop.PostAsync(Path($"/api/shopkeeper/sessions/{session}/complete"), content: null, Token));

        using var gone = await shop.GetAsync(download, Token);
        Assert.Equal(HttpStatusCode.Gone, gone.StatusCode);
        var status = await ReadAsync(await customer.GetAsync(Path($"/api/customer/sessions/{session}/status"), Token));
        Assert.Equal("completed", status.GetProperty("session").GetProperty("status").GetString());
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        using (response)
            return await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Token);
    }

    private static Uri Path(string path) => new(path, UriKind.Relative);
}
