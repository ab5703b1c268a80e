using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace CloudTab.DevHost;

/// <summary>Who waits for whom: it must be without circles, and its reverse is the order in which all of it ends.</summary>
internal static class WaitGraph
{
    /// <summary>From Ctrl-C to the last process's end.</summary>
    public static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(9);

    /// <summary>What waits for others is killed by then, so that those others still have time to end well.</summary>
    private static readonly TimeSpan DependentStopLimit = TimeSpan.FromSeconds(6);

    /// <exception cref="DistributedApplicationException">Resources wait for each other; the message names them.</exception>
    public static void RefuseCircles(IEnumerable<IResource> resources)
    {
        var startable = new HashSet<IResource>();
        foreach (var resource in resources)
            Visit(resource, []);

        void Visit(IResource resource, List<IResource> waiting)
        {
            var first = waiting.IndexOf(resource);
            if (first >= 0)
            {
                var circle = string.Join(" waits for ", waiting.Skip(first).Append(resource).Select(member => member.Name));
                throw new DistributedApplicationException($"Nothing of this could ever start: {circle}.");
            }

            if (startable.Contains(resource))
                return;
            waiting.Add(resource);
            foreach (var dependency in DependenciesOf(resource))
                Visit(dependency, waiting);
            waiting.RemoveAt(waiting.Count - 1);
            startable.Add(resource);
        }
    }

    /// <summary>Ends every resource once those that wait for it have ended; what does not end in time is killed.</summary>
    public static async Task StopAsync(IReadOnlyDictionary<ProjectResource, List<ProjectInstance>> instances, TimeProvider time)
    {
        using var limit = new CancellationTokenSource(StopLimit, time);
        using var dependentLimit = new CancellationTokenSource(DependentStopLimit, time);
        var stopped = new Dictionary<ProjectResource, Task>();
        await Task.WhenAll(instances.Keys.ToList().Select(Stop));

        Task Stop(ProjectResource resource)
        {
            if (stopped.TryGetValue(resource, out var known))
                return known;
            var dependents = instances.Keys.Where(other => DependenciesOf(other).Contains(resource)).Select(Stop).ToList();
            var impatient = DependenciesOf(resource).Any() ? dependentLimit.Token : limit.Token;
            return stopped[resource] = StopAfterAsync(dependents, instances[resource], impatient);
        }
    }

    private static async Task StopAfterAsync(List<Task> dependents, List<ProjectInstance> instances, CancellationToken impatient)
    {
        await Task.WhenAll(dependents);
        await Task.WhenAll(instances.Select(instance => instance.StopAsync(impatient)));
    }

    private static IEnumerable<IResource> DependenciesOf(IResource resource) =>
        resource.Annotations.OfType<WaitAnnotation>().Select(wait => wait.Resource);
}
