using Microsoft.AspNetCore.Routing.Matching;

namespace CloudTab.UploadApi;

/// <summary>
/// Marks an endpoint that shares its address with protocols which are told apart by headers of their own. They take any Content-Type, so
/// that one alone does not decide.
/// </summary>
internal sealed class OfNoOtherProtocol
{
    private static readonly string[] Headers = [TusHeaders.Resumable, "Upload-Complete"];

    /// <summary>Leaves such endpoints out for requests of those protocols.</summary>
    internal sealed class Policy : MatcherPolicy, IEndpointSelectorPolicy
    {
        public override int Order => 0;

        public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) => endpoints.Any(IsMarked);

        public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
        {
            if (!Headers.Any(httpContext.Request.Headers.ContainsKey))
                return Task.CompletedTask;
            for (var i = 0; i < candidates.Count; i++)
            {
                if (IsMarked(candidates[i].Endpoint))
                    candidates.SetValidity(i, false);
            }

            return Task.CompletedTask;
        }

        private static bool IsMarked(Endpoint endpoint) => endpoint.Metadata.GetMetadata<OfNoOtherProtocol>() is not null;
    }
}
