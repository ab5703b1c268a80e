using Aspire.Hosting.ApplicationModel;

namespace CloudTab.DevHost.Dashboard.Resources;

/// <summary>Who refers to whom: every resource that something in another's environment, or in a connection string, takes its value from.</summary>
internal static class References
{
    public static async Task<IReadOnlyDictionary<IResource, string[]>> OfAsync(DistributedApplicationModel model, CancellationToken cancellationToken)
    {
        var references = new Dictionary<IResource, string[]>();
        foreach (var resource in model.Resources)
        {
            var found = new SortedSet<string>(StringComparer.Ordinal);
            var context = new EnvironmentCallbackContext(resource, cancellationToken);
            foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
                await annotation.Callback(context);
            foreach (var value in context.EnvironmentVariables.Values)
                Collect(value, found);
            foreach (var reference in resource.Annotations.OfType<ReferenceAnnotation>())
                found.Add(reference.Resource.Name);
            if (resource is IResourceWithConnectionString text)
                Collect(text.ConnectionStringExpression, found);
            found.Remove(resource.Name);
            references.Add(resource, [.. found]);
        }

        return references;
    }

    private static void Collect(object value, SortedSet<string> found)
    {
        switch (value)
        {
            case IResource resource:
                found.Add(resource.Name);
                break;
            case EndpointReference endpoint:
                found.Add(endpoint.Resource.Name);
                break;
            case EndpointReferenceExpression property:
                found.Add(property.Endpoint.Resource.Name);
                break;
            case ReferenceExpression expression:
                foreach (var hole in expression.ValueProviders)
                    Collect(hole, found);
                break;
        }
    }
}
