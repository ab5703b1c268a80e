using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;

namespace CloudTab.ServiceDefaults;

/// <summary>An API's OpenAPI document, made from what its endpoints say of themselves.</summary>
/// <param name="Values">Every parameter and header that an endpoint names: what it means, and an example.</param>
/// <param name="Examples">One of each type that goes over the wire as JSON.</param>
public sealed record ApiDocument(OpenApiInfo Info, IReadOnlyDictionary<string, (string Meaning, string Example)> Values, IEnumerable<object> Examples)
{
    /// <summary>Completes the document that the framework makes of the handlers' signatures.</summary>
    public void Describe(OpenApiOptions options)
    {
        var examples = Examples.ToDictionary(example => example.GetType());
        options.AddSchemaTransformer((schema, context, _) =>
        {
            Correct(schema, context);
            if (context.JsonPropertyInfo is null && examples.TryGetValue(context.JsonTypeInfo.Type, out var example))
                schema.Examples = [ToJson(example, context.ApplicationServices)];
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(async (operation, context, cancellationToken) =>
        {
            var metadata = context.Description.ActionDescriptor.EndpointMetadata;
            AddParameters(operation, context.Description.RelativePath!, metadata.OfType<TakenHeaders>());
            foreach (var body in metadata.OfType<TakenBody>())
                await AddBodyAsync(operation, body, context, cancellationToken);
            foreach (var bytes in metadata.OfType<SentBytes>())
                AddBytes(ResponseOf(operation, StatusCodes.Status200OK), bytes.ContentType);
            foreach (var problems in metadata.OfType<Problem>().Distinct().GroupBy(problem => problem.Status))
                AddProblems(ResponseOf(operation, problems.Key), problems, context);
            foreach (var headers in metadata.OfType<ResponseHeaders>())
                AddHeaders(ResponseOf(operation, headers.Status), headers.Names);
            var sorted = new OpenApiResponses();
            foreach (var (status, response) in operation.Responses!.OrderBy(response => response.Key, StringComparer.Ordinal))
                sorted.Add(status, response);
            operation.Responses = sorted;
        });
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = Info;
            // The API is at the origin that the document comes from.
            document.Servers = null;
            var sorted = new OpenApiPaths();
            foreach (var (path, item) in document.Paths.OrderBy(path => path.Key, StringComparer.Ordinal))
                sorted.Add(path, item);
            document.Paths = sorted;
            document.Components!.Examples = new SortedDictionary<string, IOpenApiExample>(document.Components.Examples!, StringComparer.Ordinal);
            return Task.CompletedTask;
        });
    }

    private static JsonNode ToJson(object value, IServiceProvider services) =>
        JsonSerializer.SerializeToNode(value, services.GetRequiredService<IOptions<Microsoft.AspNetCore.Http.Json.JsonOptions>>().Value.SerializerOptions)!;

    private static OpenApiSchema Text(string? format = null) => new() { Type = JsonSchemaType.String, Format = format };

    private static void Correct(OpenApiSchema schema, OpenApiSchemaTransformerContext context)
    {
        // The serializer also reads numbers from text; no client needs to know.
        if (schema.Type is { } type && type.HasFlag(JsonSchemaType.String | JsonSchemaType.Integer))
            (schema.Type, schema.Pattern) = (type & ~JsonSchemaType.String, null);
        foreach (var property in context.JsonTypeInfo.Properties)
        {
            if (property.AttributeProvider?.IsDefined(typeof(JsonIgnoreAttribute), inherit: false) == true)
                schema.Required?.Remove(property.Name);
        }

        if (context.JsonTypeInfo.Type != typeof(ProblemDetails) || schema.Properties is null)
            return;
        schema.Description = "Why it was not done (RFC 9457).";
        schema.Properties.Remove("instance");
        schema.Properties["code"] = new OpenApiSchema { Type = JsonSchemaType.String, Description = "What programs go by: it never changes." };
        schema.Properties["success"] = new OpenApiSchema { Type = JsonSchemaType.Boolean, Description = "Always false." };
        schema.Properties["message"] = new OpenApiSchema { Type = JsonSchemaType.String, Description = "The same text as `detail`." };
        schema.Properties["traceId"] = new OpenApiSchema { Type = JsonSchemaType.String, Description = "Quote it when you ask about this answer." };
    }

    private void AddParameters(OpenApiOperation operation, string path, IEnumerable<TakenHeaders> headers)
    {
        var parameters = operation.Parameters ??= [];
        // The framework does not look into types that bind themselves.
        foreach (var name in path.Split('/', '#').Where(segment => segment.StartsWith('{')).Select(segment => segment.Trim('{', '}')))
        {
            if (!parameters.Any(parameter => parameter.Name == name))
                parameters.Add(new OpenApiParameter { Name = name, In = ParameterLocation.Path, Required = true, Schema = Text() });
        }

        foreach (var (required, names) in headers)
        {
            foreach (var name in names)
                parameters.Add(new OpenApiParameter { Name = name, In = ParameterLocation.Header, Required = required, Schema = Text() });
        }

        foreach (var parameter in parameters.OfType<OpenApiParameter>())
        {
            (parameter.Description, var example) = Values[parameter.Name!];
            parameter.Example = parameter.Schema?.Type == JsonSchemaType.Integer ? JsonNode.Parse(example) : JsonValue.Create(example);
        }

        if (parameters.Count == 0)
            operation.Parameters = null;
    }

    private static async Task AddBodyAsync(
        OpenApiOperation operation, TakenBody body, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var schema = body.Type is null ? Text("binary") : await context.GetOrCreateSchemaAsync(body.Type, parameterDescription: null, cancellationToken);
        operation.RequestBody = new OpenApiRequestBody
        {
            Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal) { [body.ContentType] = new() { Schema = schema } },
        };
    }

    private static void AddBytes(OpenApiResponse response, string contentType)
    {
        response.Content ??= new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal);
        response.Content[contentType] = new() { Schema = Text("binary") };
    }

    private static OpenApiResponse ResponseOf(OpenApiOperation operation, int status)
    {
        var key = status.ToString(CultureInfo.InvariantCulture);
        operation.Responses ??= [];
        if (operation.Responses.TryGetValue(key, out var known))
            return (OpenApiResponse)known;
        var response = new OpenApiResponse { Description = ReasonPhrases.GetReasonPhrase(status) };
        operation.Responses[key] = response;
        return response;
    }

    private void AddHeaders(OpenApiResponse response, IEnumerable<string> names)
    {
        response.Headers ??= new Dictionary<string, IOpenApiHeader>(StringComparer.Ordinal);
        foreach (var name in names)
            response.Headers[name] = new OpenApiHeader { Description = Values[name].Meaning, Example = Values[name].Example, Schema = Text() };
    }

    private void AddProblems(OpenApiResponse response, IGrouping<int, Problem> problems, OpenApiOperationTransformerContext context)
    {
        var sorted = problems.OrderBy(problem => problem.Code, StringComparer.Ordinal).ThenBy(problem => problem.Detail, StringComparer.Ordinal).ToList();
        response.Description = string.Join('\n', sorted.Select(problem => $"- `{problem.Code}`: {problem.Detail}").Distinct(StringComparer.Ordinal));
        var examples = response.Content![ProblemExtensions.ContentType].Examples = new Dictionary<string, IOpenApiExample>(StringComparer.Ordinal);
        foreach (var problem in sorted)
        {
            var name = NameOf(problem, context);
            examples[name] = new OpenApiExampleReference(name, context.Document);
        }

        if (problems.Key is 429 or 503 or 507)
            AddHeaders(response, ["Retry-After"]);
    }

    /// <summary>Keeps a problem among the document's examples, once.</summary>
    private static string NameOf(Problem problem, OpenApiOperationTransformerContext context)
    {
        var example = ToJson(problem.ToResult().ProblemDetails, context.ApplicationServices).AsObject();
        example["traceId"] = "4bf92f3577b34da6a3ce929d0e0e4736";
        var components = context.Document!.Components ??= new();
        var examples = components.Examples ??= new Dictionary<string, IOpenApiExample>(StringComparer.Ordinal);
        for (var number = 1; ; number++)
        {
            var name = number == 1 ? problem.Code : string.Create(CultureInfo.InvariantCulture, $"{problem.Code}-{number}");
            if (examples.TryAdd(name, new OpenApiExample { Summary = problem.Title, Value = example }) || JsonNode.DeepEquals(examples[name].Value, example))
                return name;
        }
    }
}

public static class ApiDocumentExtensions
{
    /// <summary>
    /// Serves the document of this name, in Development only. It has the endpoints of the group of that name, and has a route of its own:
    /// a process may hold several APIs.
    /// </summary>
    public static void MapApiDocument(this WebApplication app, string name)
    {
        if (app.Environment.IsDevelopment())
            app.MapOpenApi($"/openapi/{{documentName:regex(^{name}$)}}.json");
    }
}
