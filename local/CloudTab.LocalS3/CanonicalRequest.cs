using System.Security.Cryptography;
using System.Text;

namespace CloudTab.LocalS3;

/// <summary>
/// The text that Signature Version 4 signs. S3 differs from the other services: the path is encoded once and never normalised, so
/// that <c>a//b</c> and <c>../x</c> stay the keys they are.
/// </summary>
internal static class CanonicalRequest
{
    public static string Build(S3Request request, string[] signedHeaders, string payload)
    {
        var text = new StringBuilder(512);
        text.Append(request.Method).Append('\n');
        text.AppendJoin('/', request.Path.Split('/').Select(Uri.EscapeDataString)).Append('\n');

        var query = request.Query
            .Where(parameter => parameter.Key != "X-Amz-Signature")
            .Select(parameter => (Name: Uri.EscapeDataString(parameter.Key), Value: Uri.EscapeDataString(parameter.Value)))
            .OrderBy(parameter => parameter.Name, StringComparer.Ordinal)
            .ThenBy(parameter => parameter.Value, StringComparer.Ordinal);
        text.AppendJoin('&', query.Select(parameter => $"{parameter.Name}={parameter.Value}")).Append('\n');

        foreach (var name in signedHeaders)
        {
            var values = request.Http.Request.Headers[name].Select(value => CollapseSpaces(value ?? ""));
            text.Append(name).Append(':').AppendJoin(',', values).Append('\n');
        }

        return text.Append('\n').AppendJoin(';', signedHeaders).Append('\n').Append(payload).ToString();
    }

    public static string Sha256Hex(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string CollapseSpaces(string value)
    {
        value = value.Trim();
        return value.Contains("  ", StringComparison.Ordinal) ? string.Join(' ', value.Split(' ', StringSplitOptions.RemoveEmptyEntries)) : value;
    }
}
