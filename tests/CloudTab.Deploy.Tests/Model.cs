using System.Net;
using System.Text.RegularExpressions;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using CloudTab.Testing;
using Microsoft.Extensions.DependencyInjection;

[assembly: AssemblyFixture(typeof(CloudTab.Deploy.Tests.Model))]

namespace CloudTab.Deploy.Tests;

/// <summary>
/// The application model as the AppHost runs it: what deploy/ is held against. It is started once, since what a service is told is
/// known only then.
/// </summary>
public sealed partial class Model : IAsyncLifetime
{
    /// <summary>The account that Docker leaves out of a name.</summary>
    private const string OfDocker = "library/";

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("cloudtab-");
    private DistributedApplication? _app;

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);

    /// <summary>Our services, by name. What they store things in is not ours: see <see cref="Stores"/>.</summary>
    public IReadOnlyDictionary<string, Service> Services { get; private set; } = new Dictionary<string, Service>(StringComparer.Ordinal);

    /// <summary>What the services store things in, where the model runs it in containers.</summary>
    public IReadOnlyList<Store> Stores { get; private set; } = [];

    /// <summary>The one that ends when it is done: the others wait for that.</summary>
    public Service Job => Services.Values.Single(service => Services.Values.Any(other => other.WaitsForEndOf.Contains(service.Name)));

    /// <summary>The one that people reach.</summary>
    public Service Entrance => Services.Values.Single(service => service.IsExternal);

    /// <summary>All but <see cref="Job"/>.</summary>
    public IEnumerable<Service> LongRunning => Services.Values.Where(service => service != Job);

    /// <summary>All but the entrance: what knows Postgres and S3.</summary>
    public IEnumerable<Service> Storing => Services.Values.Where(service => service.Variables.ContainsKey("AWS_S3_BUCKET"));

    public async ValueTask InitializeAsync()
    {
        await using (var withContainers = await DistributedApplicationTestingBuilder.CreateAsync<Projects.CloudTab_AppHost>([.. AppHostArguments.For(_data, replicas: 1), "Containers=true"], CancellationToken.None))
            Stores = [.. withContainers.Resources.OfType<ContainerResource>().Select(Read)];

        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.CloudTab_AppHost>(
            AppHostArguments.For(_data, replicas: 2), CancellationToken.None);
        _app = await builder.BuildAsync(CancellationToken.None);
        using var limit = new CancellationTokenSource(StartLimit, TimeProvider.System); // a Migrator that fails would be waited for without end
        await _app.StartAsync(limit.Token);
        var resources = _app.Services.GetRequiredService<DistributedApplicationModel>().Resources;
        var secrets = await Task.WhenAll(resources.OfType<ParameterResource>().Where(parameter => parameter.Secret).Select(ValueAsync));
        var services = await Task.WhenAll(resources.OfType<ProjectResource>().Where(IsOurs).Select(project => ReadAsync(project, secrets)));
        Services = services.ToDictionary(service => service.Name, StringComparer.Ordinal);

        static async Task<string> ValueAsync(ParameterResource parameter) => await parameter.GetValueAsync(CancellationToken.None) ?? "";
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
        _data.Delete(recursive: true);
    }

    /// <summary>What a path of a running service answers.</summary>
    public async Task<HttpStatusCode> AskAsync(string service, string path, CancellationToken cancellationToken)
    {
        await _app!.ResourceNotifications.WaitForResourceHealthyAsync(service, cancellationToken);
        using var client = _app.CreateHttpClient(service);
        using var answer = await client.GetAsync(new Uri(path, UriKind.Relative), cancellationToken);
        return answer.StatusCode;
    }

    // local/ is what stands in for Postgres and S3 where no container can be run.
    private static bool IsOurs(ProjectResource project) =>
        !string.Equals(ProjectFile(project).Directory!.Parent!.Name, "local", StringComparison.Ordinal);

    private static FileInfo ProjectFile(ProjectResource project) => new(project.Annotations.OfType<IProjectMetadata>().Last().ProjectPath);

    private async Task<Service> ReadAsync(ProjectResource project, string[] secrets)
    {
        var state = await _app!.ResourceNotifications.WaitForResourceAsync(
            project.Name, update => !update.Snapshot.EnvironmentVariables.IsEmpty, CancellationToken.None);
        // Aspire's snapshot has the AppHost's own environment too, which every process inherits.
        var variables = state.Snapshot.EnvironmentVariables
            .Where(variable => variable.IsFromSpec && !Differences.IsOfDevelopment(variable.Name))
            .ToDictionary(variable => variable.Name, variable => variable.Value ?? "", StringComparer.Ordinal);
        return new(
            project.Name,
            Path.GetFileNameWithoutExtension(ProjectFile(project).Name),
            HealthPathOf(project),
            project.Annotations.OfType<EndpointAnnotation>().Any(endpoint => endpoint.IsExternal),
            project.Annotations.OfType<ReplicaAnnotation>().Any(annotation => annotation.Replicas > 1),
            [.. Waits(WaitType.WaitForCompletion)],
            [.. Waits(WaitType.WaitUntilHealthy)],
            variables,
            [.. variables.Where(variable => secrets.Any(secret => variable.Value.Contains(secret, StringComparison.Ordinal))).Select(variable => variable.Key)]);

        IEnumerable<string> Waits(WaitType type) =>
            project.Annotations.OfType<WaitAnnotation>().Where(wait => wait.WaitType == type).Select(wait => wait.Resource.Name);
    }

    private static Store Read(ContainerResource container)
    {
        var image = container.Annotations.OfType<ContainerImageAnnotation>().Last();
        var name = image.Image.StartsWith(OfDocker, StringComparison.Ordinal) ? image.Image[OfDocker.Length..] : image.Image;
        return new(
            container.Name,
            $"{name}:{image.Tag}",
            container.Annotations.OfType<EndpointAnnotation>().Single().TargetPort ?? 0,
            HealthPathOf(container),
            [.. container.Annotations.OfType<ContainerMountAnnotation>().Select(mount => mount.Target)]);
    }

    /// <summary>What is asked for a resource's health; null where that is no path.</summary>
    private static string? HealthPathOf(IResource resource) =>
        resource.Annotations.OfType<HealthCheckAnnotation>().Select(check => HealthPath().Match(check.Key)).SingleOrDefault(match => match.Success)?.Groups["path"].Value;

    // Aspire names the check of a path so: "upload-api_http_/health/ready_200_check".
    [GeneratedRegex("_(?<path>/.*)_[0-9]+_check$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex HealthPath();
}

/// <summary>A service of the model.</summary>
/// <param name="Name">Its name as a resource.</param>
/// <param name="Project">The project that it is built from.</param>
/// <param name="HealthPath">What the model asks for its health, or null.</param>
/// <param name="IsExternal">Whether people reach it.</param>
/// <param name="IsScaled">Whether the model runs several replicas of it.</param>
/// <param name="WaitsForEndOf">What must have ended before it starts.</param>
/// <param name="WaitsFor">What must be healthy before it starts.</param>
/// <param name="Variables">What it is told, without what only development needs.</param>
/// <param name="Secrets">Which of the variables hold a secret.</param>
public sealed record Service(
    string Name,
    string Project,
    string? HealthPath,
    bool IsExternal,
    bool IsScaled,
    IReadOnlyList<string> WaitsForEndOf,
    IReadOnlyList<string> WaitsFor,
    IReadOnlyDictionary<string, string> Variables,
    IReadOnlyList<string> Secrets);

/// <summary>A container of the model.</summary>
/// <param name="Name">Its name as a resource.</param>
/// <param name="Image">The image and its tag.</param>
/// <param name="Port">Where it listens in its container.</param>
/// <param name="HealthPath">What the model asks for its health, or null where it asks otherwise.</param>
/// <param name="Volumes">Where volumes are mounted in it.</param>
public sealed record Store(string Name, string Image, int Port, string? HealthPath, IReadOnlyList<string> Volumes);
