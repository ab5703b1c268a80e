using System.Security.Cryptography;
using System.Text;
using Microsoft.Net.Http.Headers;

namespace CloudTab.ShopApi;

/// <summary>
/// The `ETag` of a setting that is replaced as a whole. A client that has seen it at one counter and sends it back as `If-Match` undoes nothing that
/// was set at another one since (RFC 9110, section 13.1.1).
/// </summary>
internal static class SettingTag
{
    private const int Bytes = 16;

    /// <summary>Adds the tag of a setting to its answer.</summary>
    public static void AddTag(this HttpResponse response, string setting) => response.Headers.ETag = Of(setting).ToString();

    /// <summary>Whether the request is for one version only.</summary>
    public static bool IsConditional(this HttpRequest request) => request.Headers.IfMatch.Count > 0;

    /// <summary>Whether the request is for any version, or for this one.</summary>
    public static bool Expects(this HttpRequest request, string setting) => !request.IsConditional()
        || request.GetTypedHeaders().IfMatch.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(Of(setting), useStrongComparison: true));

    private static EntityTagHeaderValue Of(string setting) =>
        new($"\"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(setting)).AsSpan(0, Bytes))}\"");
}
