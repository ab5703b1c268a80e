using System.Globalization;
using System.Net;
using CloudTab.Testing;

namespace CloudTab.Deploy.Tests;

/// <summary>deploy/compose says what the model says.</summary>
public sealed class ComposeTests(Model model)
{
    private readonly Compose _compose = Compose.Read();

    private IEnumerable<(Service Model, ComposeService Compose)> Pairs =>
        model.Services.Values.Select(service => (service, _compose.Services[service.Name]));

    [Fact]
    public void It_has_every_service_and_besides_them_only_what_they_store_things_in() =>
        Assert.Equal(model.Services.Keys.Concat(model.Stores.Select(store => store.Name)).Order(StringComparer.Ordinal), _compose.Services.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void What_they_store_things_in_is_what_the_model_runs_in_containers()
    {
        Assert.All(model.Stores, store =>
        {
            var service = _compose.Services[store.Name];
            Assert.Equal(store.Image, service.Image.Split('@')[0]);
            Assert.Equal(store.Volumes, service.Volumes.Select(volume => volume.Split(':')[1]));
            Assert.EndsWith(store.HealthPath is { } path ? $":{store.Port}{path}" : "", service.Healthcheck!.Test[^1], StringComparison.Ordinal);
        });

        var s3 = model.Stores.Single(store => store.HealthPath is not null);
        Assert.All(Pairs.Where(pair => model.Storing.Contains(pair.Model)), pair => Assert.Equal($"http://{s3.Name}:{s3.Port}", pair.Compose.Environment["AWS_ENDPOINT_URL_S3"]));
    }

    [Fact]
    public void Each_is_built_from_its_project_and_tagged_with_the_version() =>
        Assert.All(Pairs, pair =>
        {
            Assert.Equal($"cloudtab/{pair.Model.Name}:{Repository.Version}", pair.Compose.Image);
            Assert.Equal("../..", pair.Compose.Build?.Context);
            Assert.Equal([KeyValuePair.Create("PROJECT", pair.Model.Project)], pair.Compose.Build?.Args);
        });

    [Fact]
    public void Images_of_others_are_named_by_tag_and_digest()
    {
        var images = Directory.EnumerateFiles(Repository.PathOf("deploy/compose"), "*.yaml").SelectMany(file => Compose.Parse(File.ReadAllText(file)).Services.Values)
            .Select(service => service.Image).Where(image => image.Length > 0 && !image.StartsWith("cloudtab/", StringComparison.Ordinal)).ToList();

        Assert.Equal(model.Stores.Count + 1, images.Count); // and clamd
        Assert.All(images, image => Assert.Matches(Differences.TagAndDigest(), image));
    }

    [Fact]
    public void Each_is_told_the_same() =>
        Assert.All(Pairs, pair => Assert.Equal(
            [.. pair.Model.Variables.Keys.Order(StringComparer.Ordinal)],
            pair.Compose.Environment.Keys.Concat(pair.Compose.Secrets).Except(Differences.OfDeployment, StringComparer.Ordinal).Order(StringComparer.Ordinal)));

    [Fact]
    public void Secrets_are_files_and_nothing_else_is() =>
        Assert.All(Pairs, pair => Assert.Equal(
            [.. pair.Model.Secrets.Order(StringComparer.Ordinal)],
            pair.Compose.Secrets.Except([Differences.KeptWithSecrets], StringComparer.Ordinal).Order(StringComparer.Ordinal)));

    [Fact]
    public void Every_secret_is_a_file_of_its_own_that_git_ignores_and_somebody_reads()
    {
        Assert.All(_compose.Secrets, secret => Assert.Equal($"secrets/{secret.Key}", secret.Value.File));
        Assert.Equal(
            [.. _compose.Secrets.Keys.Order(StringComparer.Ordinal)],
            _compose.Services.Values.SelectMany(service => service.Secrets).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        Assert.Contains("deploy/compose/secrets/", Repository.Read(".gitignore").Split('\n'));
    }

    [Fact]
    public void Each_waits_for_the_same() =>
        Assert.All(Pairs, pair =>
        {
            Assert.Equal([.. pair.Model.WaitsForEndOf.Order(StringComparer.Ordinal)], WaitsFor(pair.Compose, "service_completed_successfully"));
            Assert.Equal([.. pair.Model.WaitsFor.Order(StringComparer.Ordinal)], WaitsFor(pair.Compose, "service_healthy"));
        });

    [Fact]
    public void Each_is_asked_for_its_health_as_the_model_does() =>
        Assert.All(Pairs, pair => Assert.Equal(pair.Model.HealthPath, pair.Compose.Healthcheck?.Test[^1]));

    [Fact]
    public void Only_the_entrance_is_reached_from_outside_and_finds_the_others_at_the_images_port()
    {
        Assert.Equal([model.Entrance.Name], _compose.Services.Where(service => service.Value.Ports.Count > 0).Select(service => service.Key));
        var entrance = _compose.Services[model.Entrance.Name];
        Assert.EndsWith($":{Dockerfile.Port}", entrance.Ports.Single(), StringComparison.Ordinal);
        Assert.All(
            entrance.Environment.Where(variable => variable.Key.StartsWith("services__", StringComparison.Ordinal)),
            variable => Assert.Equal(variable.Value, $"http://{variable.Key.Split("__")[1]}:{Dockerfile.Port}"));
    }

    [Fact]
    public void What_the_model_scales_has_several_replicas() =>
        Assert.All(Pairs.Where(pair => pair.Model.IsScaled), pair => Assert.InRange(pair.Compose.Deploy.Replicas, 2, 100));

    [Fact]
    public void Each_is_confined_and_has_time_to_end() =>
        Assert.All(Pairs, pair =>
        {
            Assert.True(pair.Compose.ReadOnly);
            Assert.Equal(["ALL"], pair.Compose.CapDrop);
            Assert.Equal(["no-new-privileges:true"], pair.Compose.SecurityOpt);
            Assert.Equal(["cpus", "memory"], pair.Compose.Deploy.Resources.Limits.Keys);
            Assert.Equal(pair.Model == model.Job ? "no" : "unless-stopped", pair.Compose.Restart);
            Assert.InRange(int.Parse(pair.Compose.StopGracePeriod.TrimEnd('s'), CultureInfo.InvariantCulture), 31, 300);
        });

    [Fact]
    public void Only_the_gateways_word_counts_behind_it()
    {
        var subnet = _compose.Networks["back"]!.Ipam.Config.Single()["subnet"];
        Assert.All(Pairs.Where(pair => pair.Model != model.Job && pair.Model != model.Entrance), pair => Assert.Equal(subnet, pair.Compose.Environment["TRUSTED_PROXIES"]));
    }

    [Fact]
    public void The_gateway_believes_the_bridges_of_this_machine()
    {
        var entrance = _compose.Services[model.Entrance.Name];
        var bridges = entrance.Networks.Select(network => $"{_compose.Networks[network]!.Ipam.Config.Single()["gateway"]}/32");
        Assert.Equal($"${{TRUSTED_PROXIES:-{string.Join(',', bridges)}}}", entrance.Environment["TRUSTED_PROXIES"]);
    }

    [Fact]
    public void Sockets_may_go_past_the_gateway_from_this_machine_to_each_replica()
    {
        var over = Compose.Parse(Repository.Read("deploy/compose/compose.sockets.yaml")).Services;
        Assert.Equal(["notifier"], over.Keys);
        var notifier = _compose.Services["notifier"];
        Assert.Equal([$"127.0.0.1:5001-{5000 + notifier.Deploy.Replicas}:{Dockerfile.Port}"], over["notifier"].Ports);

        var bridge = _compose.Networks[notifier.Networks.Single()]!.Ipam.Config.Single()["gateway"];
        Assert.True(IPNetwork.Parse(notifier.Environment["TRUSTED_PROXIES"]!).Contains(IPAddress.Parse(bridge)));
    }

    [Fact]
    public void The_virus_scanner_is_beside_the_rest_and_is_named_to_the_UploadApi_alone()
    {
        var over = Compose.Parse(Repository.Read("deploy/compose/compose.clamd.yaml"));
        Assert.Equal(["clamd", "upload-api"], over.Services.Keys);
        Assert.Equal(["CLAMD_ADDRESS"], over.Services["upload-api"].Environment.Keys);
        Assert.Empty(over.Services["clamd"].Ports);
        Assert.Equal(["back"], over.Services["clamd"].Networks);
    }

    /// <summary>docs/operations.md has the sum; a kernel that runs out of memory ends the UploadApi, not the reader of a hostile PDF.</summary>
    [Fact]
    public void The_UploadApi_may_use_what_its_uploads_its_readers_of_PDFs_and_its_documents_need()
    {
        var limit = _compose.Services["upload-api"].Deploy.Resources.Limits["memory"];
        Assert.InRange(int.Parse(limit.TrimEnd('m', 'g'), CultureInfo.InvariantCulture) * (limit.EndsWith('g') ? 1_024 : 1), OperationsPage.MemoryOfUploadApi, 4_096);
    }

    [Fact]
    public void Every_setting_is_documented() =>
        Assert.All(Pairs.SelectMany(pair => pair.Compose.Environment.Keys.Concat(pair.Compose.Secrets)), setting => Assert.True(OperationsPage.Describes(setting), setting));

    [Fact]
    public void The_example_of_settings_has_what_compose_asks_for()
    {
        var asked = Repository.Read("deploy/compose/compose.yaml").Split("${").Skip(1).Select(text => text[..text.IndexOfAny([':', '}'])]);
        var absent = _compose.Services.Values.SelectMany(service => service.Environment)
            .Where(variable => variable.Value is null or "").Select(variable => variable.Key).Except(["LOCALSTACK_AUTH_TOKEN"], StringComparer.Ordinal);
        var offered = Repository.Read("deploy/compose/.env.example").Split('\n').Where(line => line.Contains('=', StringComparison.Ordinal))
            .Select(line => line.TrimStart('#').Split('=')[0]).ToHashSet(StringComparer.Ordinal);
        Assert.All(asked.Concat(absent), setting => Assert.Contains(setting, offered));
    }

    private static IEnumerable<string> WaitsFor(ComposeService service, string condition) =>
        service.DependsOn.Where(dependency => dependency.Value.Condition == condition).Select(dependency => dependency.Key).Order(StringComparer.Ordinal);
}
