using Microsoft.AspNetCore.Builder;

namespace CloudTab.ServiceDefaults;

/// <summary>The headers of every answer. Nothing is ever framed, sniffed or kept by a cache: answers hold secrets and private files.</summary>
internal static class SecurityHeaders
{
    internal static HeaderPolicyCollection Policies { get; } = new HeaderPolicyCollection()
        .AddFrameOptionsDeny()
        .AddContentTypeOptionsNoSniff()
        .AddReferrerPolicyNoReferrer()
        .AddCrossOriginOpenerPolicy(policy => policy.SameOrigin())
        .AddStrictTransportSecurityMaxAgeIncludeSubDomains(maxAgeInSeconds: 31_536_000)
        .AddContentSecurityPolicy(policy =>
        {
            policy.AddDefaultSrc().Self();
            policy.AddObjectSrc().None();
            policy.AddBaseUri().None();
            policy.AddFrameAncestors().None();
            policy.AddFormAction().Self();
        })
        .AddCustomHeader("Cache-Control", "no-store");
}
