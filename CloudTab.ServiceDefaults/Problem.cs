using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudTab.ServiceDefaults;

/// <summary>A failure that a service expects, as problem details (RFC 9457).</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Code">What programs go by: it stays the same.</param>
/// <param name="Title">The kind of failure.</param>
/// <param name="Detail">What to tell the person.</param>
public sealed record Problem(int Status, string Code, string Title, string Detail)
{
    /// <summary>The problem's type, where a protocol has a name for it.</summary>
    public string? Type { get; init; }

    /// <summary>Members that the type has.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Members { get; init; } = [];

    /// <summary>The answer to send. It is complete in itself: what the framework would add depends on the request's Accept header.</summary>
    public static implicit operator ProblemHttpResult(Problem problem) => TypedResults.Problem(
        problem.Detail,
        statusCode: problem.Status,
        title: problem.Title,
        type: problem.Type,
        extensions: new Dictionary<string, object?>(problem.Members, StringComparer.Ordinal)
        {
            ["code"] = problem.Code,
            ["success"] = false,
            ["message"] = problem.Detail,
        });
}
