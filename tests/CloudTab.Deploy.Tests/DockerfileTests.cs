using System.Globalization;
using System.Xml.Linq;
using CloudTab.Testing;

namespace CloudTab.Deploy.Tests;

/// <summary>The image's recipe has the model's projects, with all they are made of and nothing else.</summary>
public sealed class DockerfileTests(Model model)
{
    [Fact]
    public void It_builds_the_relay_in_one_process_by_default_and_that_has_every_service_behind_the_entrance()
    {
        Assert.Equal([Differences.Standalone], Dockerfile.Projects);
        Assert.Equal(
            model.Services.Values.Where(service => service != model.Entrance).Select(service => service.Project).Order(StringComparer.Ordinal),
            ReferencesOf(Differences.Standalone).Intersect(Programs(), StringComparer.Ordinal).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void It_restores_the_projects_and_what_they_refer_to_from_their_lock_files()
    {
        var copied = Dockerfile.Instructions.Where(one => one.Name == "COPY" && one.Arguments.EndsWith('/') && one.Arguments.StartsWith("CloudTab.", StringComparison.Ordinal));

        Assert.Equal(
            [.. Closure().Select(project => $"{project}/{project}.csproj {project}/packages.lock.json {project}/")],
            copied.Select(one => one.Arguments).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_package_with_a_known_vulnerability_stops_the_build_also_if_another_package_refers_to_it()
    {
        var settings = XDocument.Load(Repository.PathOf("Directory.Build.props")).Descendants().ToLookup(setting => setting.Name.LocalName, setting => setting.Value, StringComparer.Ordinal);

        Assert.Equal(["all"], settings["NuGetAuditMode"]);
        Assert.Equal(["low"], settings["NuGetAuditLevel"]);
        Assert.Equal(["true"], settings["TreatWarningsAsErrors"]);
        Assert.DoesNotContain("NuGetAudit", settings.Select(setting => setting.Key));
        Assert.DoesNotMatch("NU190[1-4]", string.Concat(settings.SelectMany(values => values)));
    }

    [Fact]
    public void Images_of_others_are_named_by_tag_and_digest()
    {
        var tags = Dockerfile.Instructions.TakeWhile(one => one.Name == "ARG").Select(one => one.Arguments.Split('=', 2)).ToDictionary(parts => $"${parts[0]}", parts => parts[1], StringComparer.Ordinal);
        var images = Dockerfile.Instructions.Where(one => one.Name == "FROM").Select(one => one.Arguments.Split(' ')[0].Split(':')).Where(image => image.Length == 2).ToList();

        Assert.Equal(3, images.Count);
        Assert.All(images, image => Assert.Matches(Differences.TagAndDigest(), $"{image[0]}:{tags[image[1]]}"));
    }

    [Fact]
    public void Only_what_it_needs_reaches_the_builder()
    {
        var let = Repository.Read(".dockerignore").Split('\n').Where(line => line.StartsWith('!')).Select(line => line[1..]).ToList();

        Assert.Equal(Closure(), let.Where(path => path.StartsWith("CloudTab.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal(
            [".editorconfig", "BannedSymbols.txt", "Directory.Build.props", "Directory.Packages.props", "docs/openapi", "global.json"],
            let.Where(path => !path.StartsWith("CloudTab.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_runs_is_a_user_by_number_on_the_port_that_everything_else_names()
    {
        Assert.True(int.TryParse(Dockerfile.Instructions.Single(one => one.Name == "USER").Arguments, CultureInfo.InvariantCulture, out var user) && user > 0);
        Assert.Equal($"PORT={Dockerfile.Port} ASPNETCORE_HTTP_PORTS={Dockerfile.Port}", Dockerfile.Instructions.Last(one => one.Name == "ENV").Arguments);
        Assert.Equal("[\"/app/start\"]", Dockerfile.Instructions.Single(one => one.Name == "CMD").Arguments);
        Assert.Contains(Dockerfile.Instructions, one => one == ("ARG", $"VERSION={Repository.Version}"));
    }

    private IEnumerable<string> Programs() => model.Services.Values.Select(service => service.Project).Append(Differences.Standalone);

    private static IEnumerable<string> ReferencesOf(string project) =>
        XDocument.Parse(Repository.Read($"{project}/{project}.csproj")).Descendants("ProjectReference").Select(reference => reference.Attribute("Include")!.Value.Split('\\')[1]);

    /// <summary>The programs' projects and all that they refer to, in order.</summary>
    private List<string> Closure()
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        var open = new Queue<string>(Programs());
        while (open.TryDequeue(out var project))
        {
            if (!found.Add(project))
                continue;
            foreach (var reference in ReferencesOf(project))
                open.Enqueue(reference);
        }

        return [.. found];
    }
}
