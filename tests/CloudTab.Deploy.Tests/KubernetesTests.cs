using System.Globalization;
using System.Net;
using CloudTab.Testing;
using k8s.Models;

namespace CloudTab.Deploy.Tests;

/// <summary>deploy/kubernetes says what the model says.</summary>
public sealed class KubernetesTests(Model model)
{
    private static readonly AdapterRule Rule = AdapterRule.Read();

    private readonly Manifests _manifests = Manifests.Read();

    private IEnumerable<(Service Service, V1PodSpec Pod, V1Container Container)> Pods =>
        model.Services.Values.Select(service => (service, _manifests.PodOf(service.Name), _manifests.PodOf(service.Name).Containers.Single()));

    private IEnumerable<(V1PodSpec Pod, V1Container Container)> AllContainers =>
        from pod in Pods from container in pod.Pod.Containers.Concat(pod.Pod.InitContainers ?? []) select (pod.Pod, container);

    [Fact]
    public void Every_service_is_a_Deployment_and_what_ends_is_a_Job()
    {
        Assert.Equal(model.Job.Name, _manifests.Job.Metadata.Name);
        Assert.Equal(
            model.LongRunning.Select(service => service.Name).Order(StringComparer.Ordinal),
            _manifests.Deployments.Select(deployment => deployment.Metadata.Name).Order(StringComparer.Ordinal));
        Assert.All(Pods, pod => Assert.Equal(pod.Service.Name, pod.Container.Name));
    }

    [Fact]
    public void Every_file_is_applied_or_says_why_not()
    {
        Assert.Equal(Manifests.Files.Except(Manifests.NotApplied, StringComparer.Ordinal), Manifests.Kustomization.Resources.Order(StringComparer.Ordinal));
        Assert.Equal(Manifests.Kustomization.Namespace, _manifests.All<V1Namespace>().Single().Metadata.Name);
    }

    [Fact]
    public void Every_image_is_the_services_own_in_this_version()
    {
        Assert.All(Pods, pod => Assert.Equal($"cloudtab/{pod.Service.Name}", pod.Container.Image));
        Assert.Equal(
            [.. model.Services.Keys.Select(name => $"cloudtab/{name}").Order(StringComparer.Ordinal)], Manifests.Kustomization.Images.Select(image => image.Name).Order(StringComparer.Ordinal));
        Assert.All(Manifests.Kustomization.Images, image => Assert.Equal($"{Repository.Version}-chiseled", image.NewTag));
    }

    [Fact]
    public void Each_is_told_the_same() =>
        Assert.All(Pods, pod => Assert.Equal(
            [.. pod.Service.Variables.Keys.Order(StringComparer.Ordinal)],
            _manifests.VariablesOf(pod.Container).Concat(_manifests.SecretsOf(pod.Pod, pod.Container)).Except(Differences.OfDeployment, StringComparer.Ordinal).Order(StringComparer.Ordinal)));

    [Fact]
    public void Secrets_are_files_and_nothing_else_is()
    {
        Assert.All(Pods, pod => Assert.Equal(
            [.. pod.Service.Secrets.Order(StringComparer.Ordinal)],
            _manifests.SecretsOf(pod.Pod, pod.Container).Except([Differences.KeptWithSecrets], StringComparer.Ordinal).Order(StringComparer.Ordinal)));
        var folder = _manifests.Named<V1ConfigMap>("cloudtab").Data["SECRETS_PATH"];
        Assert.All(AllContainers.SelectMany(one => one.Container.VolumeMounts ?? []), mount => Assert.Equal(folder, mount.MountPath));
        Assert.Contains("deploy/kubernetes/secret.yaml", Repository.Read(".gitignore").Split('\n'));
    }

    [Fact]
    public void What_waits_for_the_Jobs_end_waits_in_an_init_container_that_knows_as_much() =>
        Assert.All(Pods, pod =>
        {
            Assert.Equal(pod.Service.WaitsForEndOf, (pod.Pod.InitContainers ?? []).Select(container => container.Name));
            Assert.All(pod.Pod.InitContainers ?? [], wait =>
            {
                Assert.Equal("cloudtab/migrator", wait.Image);
                Assert.Equal(["/app/start", "wait"], wait.Command);
                Assert.Equal(_manifests.SecretsOf(pod.Pod, pod.Container), _manifests.SecretsOf(pod.Pod, wait));
            });
        });

    [Fact]
    public async Task Probes_ask_what_the_running_services_answer()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        foreach (var service in model.LongRunning)
        {
            var container = _manifests.PodOf(service.Name).Containers.Single();
            var timeToStart = TimeSpan.FromSeconds(container.StartupProbe.PeriodSeconds!.Value * container.StartupProbe.FailureThreshold!.Value);
            Assert.Equal(Differences.LivePath, container.StartupProbe.HttpGet.Path);
            Assert.Equal(Differences.LivePath, container.LivenessProbe.HttpGet.Path);
            Assert.Equal(service == model.Entrance ? Differences.ReadyPath : service.HealthPath, container.ReadinessProbe.HttpGet.Path);
            foreach (var probe in (V1Probe[])[container.StartupProbe, container.LivenessProbe, container.ReadinessProbe])
            {
                Assert.Contains(container.Ports, port => port.Name == probe.HttpGet.Port.Value);
                await Eventually.HoldsAsync( // one answer in time is enough for a probe
                    async () => await model.AskAsync(service.Name, probe.HttpGet.Path, cancellationToken) == HttpStatusCode.OK,
                    $"{service.Name} answers {probe.HttpGet.Path} with 200",
                    timeToStart,
                    cancellationToken);
            }
        }

        Assert.Null(_manifests.Job.Spec.Template.Spec.Containers.Single().LivenessProbe);
    }

    [Fact]
    public void Each_is_found_by_its_name_at_the_images_port()
    {
        foreach (var name in model.LongRunning.Select(service => service.Name))
        {
            var service = _manifests.Named<V1Service>(name).Spec;
            Assert.Equal(_manifests.Named<V1Deployment>(name).Spec.Template.Metadata.Labels["app.kubernetes.io/name"], service.Selector.Single().Value);
            Assert.Equal(Dockerfile.Port, service.Ports.Single().Port.ToString(CultureInfo.InvariantCulture));
            Assert.Equal("http", service.Ports.Single().TargetPort.Value);
            Assert.Equal(service.Ports.Single().Port, _manifests.PodOf(name).Containers.Single().Ports.Single().ContainerPort);
        }

        Assert.All(
            _manifests.PodOf(model.Entrance.Name).Containers.Single().Env.Where(variable => variable.Name.StartsWith("services__", StringComparison.Ordinal)),
            variable => Assert.Equal(variable.Value, $"http://{variable.Name.Split("__")[1]}:{Dockerfile.Port}"));
    }

    [Fact]
    public void Only_the_entrance_is_reached_from_outside()
    {
        var backend = _manifests.All<V1Ingress>().Single().Spec.Rules.Single().Http.Paths.Single().Backend.Service;
        Assert.Equal(model.Entrance.Name, backend.Name);
        Assert.Contains(_manifests.Named<V1Service>(backend.Name).Spec.Ports, port => port.Name == backend.Port.Name);
        Assert.All(_manifests.All<V1Service>(), service => Assert.Null(service.Spec.Type));
    }

    [Fact]
    public void Sockets_may_go_past_the_gateway_where_an_overlay_says_so()
    {
        // A folder: kustomize takes no single files from outside of an overlay.
        var folder = Manifests.KustomizationOf(Manifests.Sockets);
        Assert.Equal(Manifests.Kustomization.Namespace, folder.Namespace);
        var more = Manifests.ReadOne($"{Manifests.Sockets}/{folder.Resources.Single()}");
        var (own, all) = (more.All<V1Ingress>().Single().Spec, _manifests.All<V1Ingress>().Single().Spec);
        Assert.Equal((all.IngressClassName, all.Rules.Single().Host, all.Tls.Single().SecretName), (own.IngressClassName, own.Rules.Single().Host, own.Tls.Single().SecretName));

        var path = own.Rules.Single().Http.Paths.Single();
        Assert.Equal(("/ws", "Exact"), (path.Path, path.PathType));
        var notifier = _manifests.Named<V1Service>(path.Backend.Service.Name);
        Assert.Equal("notifier", notifier.Metadata.Name);
        Assert.Contains(notifier.Spec.Ports, port => port.Name == path.Backend.Service.Port.Name);

        var (admitted, gateways) = (more.All<V1NetworkPolicy>().Single().Spec, _manifests.Named<V1NetworkPolicy>("ingress-to-gateway").Spec);
        Assert.Equal(notifier.Spec.Selector, admitted.PodSelector.MatchLabels);
        Assert.Equal(
            gateways.Ingress.Single().FromProperty.Single().NamespaceSelector.MatchLabels, admitted.Ingress.Single().FromProperty.Single().NamespaceSelector.MatchLabels);
    }

    [Fact]
    public void Each_is_confined_by_what_restricted_pods_must_be_and_by_a_read_only_root()
    {
        Assert.Equal("restricted", _manifests.All<V1Namespace>().Single().Metadata.Labels["pod-security.kubernetes.io/enforce"]);
        Assert.All(AllContainers, one =>
        {
            Assert.True(one.Pod.SecurityContext.RunAsNonRoot);
            Assert.Equal("RuntimeDefault", one.Pod.SecurityContext.SeccompProfile.Type);
            Assert.False(one.Pod.AutomountServiceAccountToken);
            Assert.Equal(["ALL"], one.Container.SecurityContext.Capabilities.Drop);
            Assert.False(one.Container.SecurityContext.AllowPrivilegeEscalation);
            Assert.True(one.Container.SecurityContext.ReadOnlyRootFilesystem);
            Assert.Equal(["cpu", "memory"], one.Container.Resources.Requests.Keys.Order(StringComparer.Ordinal));
            Assert.True(one.Container.Resources.Requests["memory"].ToDecimal() <= one.Container.Resources.Limits["memory"].ToDecimal());
        });
    }

    /// <summary>docs/operations.md has the sum.</summary>
    [Fact]
    public void The_UploadApi_may_use_what_its_uploads_its_readers_of_PDFs_and_its_documents_need()
    {
        var limit = _manifests.PodOf("upload-api").Containers.Single().Resources.Limits["memory"].ToDecimal() / (1 << 20);
        Assert.InRange(limit, OperationsPage.MemoryOfUploadApi, 4_096);
    }

    [Fact]
    public void Each_survives_a_node_and_has_time_to_end() =>
        Assert.All(model.LongRunning, service =>
        {
            var deployment = _manifests.Named<V1Deployment>(service.Name).Spec;
            var scaler = _manifests.All<V2HorizontalPodAutoscaler>().SingleOrDefault(one => one.Spec.ScaleTargetRef.Name == service.Name);
            Assert.True(scaler is null ? deployment.Replicas >= 2 : deployment.Replicas is null && scaler.Spec.MinReplicas >= 2);
            Assert.True(scaler is not null || !service.IsScaled);
            Assert.Equal(service.Name, _manifests.Named<V1PodDisruptionBudget>(service.Name).Spec.Selector.MatchLabels.Single().Value);
            Assert.NotEmpty(deployment.Template.Spec.TopologySpreadConstraints);
            var grace = deployment.Template.Spec.TerminationGracePeriodSeconds;
            var preStop = deployment.Template.Spec.Containers.Single().Lifecycle.PreStop.Sleep.Seconds;
            Assert.True(grace > preStop + 30, "preStop and the default of SHUTDOWN_TIMEOUT must fit into the grace period");
        });

    [Fact]
    public void The_Notifier_is_scaled_by_its_sockets_under_the_name_that_it_reports_them_by()
    {
        var metric = _manifests.Named<V2HorizontalPodAutoscaler>("notifier").Spec.Metrics.Single().Pods.Metric.Name;

        Assert.Equal(metric, Rule.Name["matches"]);
        Assert.StartsWith($"{metric}{{", Rule.SeriesQuery, StringComparison.Ordinal);
        // A sum that may fall, of things that are counted: Prometheus appends nothing to its name.
        Assert.Contains($"CreateUpDownCounter<long>(\"{metric.Replace('_', '.')}\", \"{{socket}}\"", Repository.Read("CloudTab.Notifier/Telemetry.cs"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_labels_that_lead_from_that_metric_to_its_pod_are_what_the_pod_says_of_itself_and_Prometheus_is_told_to_keep()
    {
        var told = _manifests.PodOf("notifier").Containers.Single().Env.Single(variable => variable.Name == "OTEL_RESOURCE_ATTRIBUTES").Value;
        var kept = Repository.Read("deploy/observability/README.md").Split("promote_resource_attributes: [")[1].Split(']')[0].Split(", ");

        Assert.Equal(["k8s.namespace.name", "k8s.pod.name"], kept);
        Assert.All(kept, attribute => Assert.Contains($"{attribute}=", told, StringComparison.Ordinal));
        Assert.Equal(kept.Select(attribute => attribute.Replace('.', '_')), Rule.Resources.Overrides.Keys.Order(StringComparer.Ordinal));
        Assert.Contains($"k8s.namespace.name={Manifests.Kustomization.Namespace}", told.Split(','));
    }

    [Fact]
    public void Nobody_talks_to_anybody_but_as_the_model_refers()
    {
        var denied = _manifests.Named<V1NetworkPolicy>("default-deny").Spec;
        Assert.Equal(["Egress", "Ingress"], denied.PolicyTypes.Order(StringComparer.Ordinal));
        Assert.Null(denied.PodSelector.MatchLabels);
        Assert.Null(denied.Ingress);
        Assert.Null(denied.Egress);

        var behind = model.Entrance.Variables.Keys.Where(name => name.StartsWith("services__", StringComparison.Ordinal)).Select(name => name.Split("__")[1]).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(behind, Selected(_manifests.Named<V1NetworkPolicy>("gateway-out").Spec.Egress.Single().To.Single().PodSelector));
        Assert.Equal(behind, Selected(_manifests.Named<V1NetworkPolicy>("gateway-to-services").Spec.PodSelector));
        Assert.Equal(
            model.Storing.Select(service => service.Name).Order(StringComparer.Ordinal),
            Selected(_manifests.Named<V1NetworkPolicy>("services-to-stores").Spec.PodSelector));

        // Whatever networks the stores are confined to.
        var webhooks = _manifests.Named<V1NetworkPolicy>("notifier-to-webhooks").Spec;
        Assert.Equal("notifier", webhooks.PodSelector.MatchLabels.Single().Value);
        Assert.Equal("443", webhooks.Egress.Single().Ports.Single().Port.Value);
        var besides = webhooks.Egress.Single().To.Single().IpBlock.Except;
        Assert.All((string[])["10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"], network => Assert.Contains(network, besides));

        static IEnumerable<string> Selected(V1LabelSelector selector) => selector.MatchExpressions.Single().Values.Order(StringComparer.Ordinal);
    }

    [Fact]
    public void Every_setting_is_documented() =>
        Assert.All(
            AllContainers.SelectMany(one => _manifests.VariablesOf(one.Container).Concat(_manifests.SecretsOf(one.Pod, one.Container))).Except(["POD_NAME"], StringComparer.Ordinal),
            setting => Assert.True(OperationsPage.Describes(setting), setting));

    [Fact]
    public void The_example_of_Secrets_opens_nothing()
    {
        var secrets = _manifests.All<V1Secret>().SelectMany(secret => secret.StringData).ToDictionary(StringComparer.Ordinal);
        Assert.All(secrets.Values, value => Assert.Contains("change-me", value, StringComparison.Ordinal));
        // ApiKeys.cs refuses it by name.
        Assert.Contains($"\"{secrets["SHOPKEEPER_API_KEY"]}\"", Repository.Read("CloudTab.Relay/Shops/ApiKeys.cs"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("spec: { replica: 2 }")]
    [InlineData("spec: { template: { spec: { containers: [{ name: a, readinessprobe: {} }] } } }")]
    public void A_misspelt_field_is_noticed(string misspelt) =>
        Assert.ThrowsAny<Exception>(() => Manifests.Parse($"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: a }}\n{misspelt}\n"));
}
