using CloudTab.Testing;
using k8s;
using k8s.Models;

namespace CloudTab.Deploy.Tests;

/// <summary>deploy/kubernetes in Kubernetes' own types, strictly: a field that they do not have is an error.</summary>
internal sealed class Manifests
{
    private const string Folder = "deploy/kubernetes";

    /// <summary>The folder of the way of WebSockets past the gateway, for an overlay that wants it.</summary>
    public const string Sockets = "sockets";

    /// <summary>What is there for people to copy or for another program to read.</summary>
    public static readonly string[] NotApplied = ["kustomization.yaml", "prometheus-adapter.yaml", "secret.example.yaml"];

    private readonly List<object> _objects;

    private Manifests(IEnumerable<object> objects) => _objects = [.. objects];

    public static Manifests Read() => Parse([.. Files.Except(["kustomization.yaml", "prometheus-adapter.yaml"], StringComparer.Ordinal).Select(file => Repository.Read($"{Folder}/{file}"))]);

    public static Manifests ReadOne(string file) => Parse(Repository.Read($"{Folder}/{file}"));

    public static Manifests Parse(params string[] files) => new(files.SelectMany(file => KubernetesYaml.LoadAllFromString(file, typeMap: null, strict: true)));

    public static IEnumerable<string> Files => Directory.GetFiles(Repository.PathOf(Folder), "*.yaml").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);

    public static Kustomization Kustomization { get; } = KustomizationOf(".");

    /// <summary>What one of the folders says of itself.</summary>
    public static Kustomization KustomizationOf(string folder) =>
        new YamlDotNet.Serialization.DeserializerBuilder().WithNamingConvention(YamlDotNet.Serialization.NamingConventions.CamelCaseNamingConvention.Instance).Build()
            .Deserialize<Kustomization>(Repository.Read($"{Folder}/{folder}/kustomization.yaml"));

    public IEnumerable<V1Deployment> Deployments => _objects.OfType<V1Deployment>();

    public V1Job Job => _objects.OfType<V1Job>().Single();

    public IEnumerable<T> All<T>()
        where T : IMetadata<V1ObjectMeta> => _objects.OfType<T>();

    public T Named<T>(string name)
        where T : IMetadata<V1ObjectMeta> => All<T>().Single(one => one.Metadata.Name == name);

    /// <summary>The pod of a service, as its Deployment or Job makes it.</summary>
    public V1PodSpec PodOf(string service) =>
        Job.Metadata.Name == service ? Job.Spec.Template.Spec : Named<V1Deployment>(service).Spec.Template.Spec;

    /// <summary>What a container is told in variables, its own and those of ConfigMaps.</summary>
    public IEnumerable<string> VariablesOf(V1Container container) =>
        (container.EnvFrom ?? []).SelectMany(from => Named<V1ConfigMap>(from.ConfigMapRef.Name).Data.Keys).Concat((container.Env ?? []).Select(variable => variable.Name));

    /// <summary>What a container is told in files: the keys of the Secrets that it mounts.</summary>
    public IEnumerable<string> SecretsOf(V1PodSpec pod, V1Container container) =>
        from mount in container.VolumeMounts ?? []
        let volume = pod.Volumes.Single(volume => volume.Name == mount.Name)
        from name in volume.Secret is { } secret ? [secret.SecretName] : volume.Projected.Sources.Select(source => source.Secret.Name)
        from key in Named<V1Secret>(name).StringData.Keys
        select key;
}

/// <summary>kustomization.yaml in the fields that we use.</summary>
internal sealed class Kustomization
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public string Namespace { get; set; } = "";

    public List<string> Resources { get; set; } = [];

    public List<KustomizedImage> Images { get; set; } = [];
}

internal sealed class KustomizedImage
{
    public string Name { get; set; } = "";

    public string NewTag { get; set; } = "";
}
