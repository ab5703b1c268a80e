using System.Text;
using System.Text.Json;

namespace CloudTab.EndToEnd.Tests;

/// <summary>What a run has brought about that no telemetry may hold, and the search for it in every form that it may take there.</summary>
public sealed class Secrets
{
    private readonly List<(string What, byte[] Pattern, bool IgnoresCase)> _patterns = [];

    public int Count { get; private set; }

    /// <param name="what">What it is, for the message of a failed test.</param>
    public void Add(string what, string value)
    {
        Count++;
        foreach (var text in (string[])[value, Uri.EscapeDataString(value), value.Replace(' ', '+'), JsonEncodedText.Encode(value).Value])
            Add(what, Lower(Encoding.UTF8.GetBytes(text)), ignoresCase: true);
        // Inside of a longer text, base64 of the same bytes has three forms, by where they begin; their ends depend on the neighbours.
        var bytes = Encoding.UTF8.GetBytes(value);
        for (var before = 0; before < 3; before++)
        {
            var encoded = Convert.ToBase64String([.. new byte[before], .. bytes]).TrimEnd('=');
            var inner = encoded[(before == 0 ? 0 : before + 1)..^1];
            Add(what, Encoding.ASCII.GetBytes(inner), ignoresCase: false);
            Add(what, Encoding.ASCII.GetBytes(inner.Replace('+', '-').Replace('/', '_')), ignoresCase: false);
        }
    }

    /// <summary>What of the secrets a body holds.</summary>
    public IEnumerable<string> FoundIn(byte[] body)
    {
        var lower = Lower(body);
        return _patterns
            .Where(secret => (secret.IgnoresCase ? lower : body).AsSpan().IndexOf(secret.Pattern) >= 0)
            .Select(secret => secret.What)
            .Distinct(StringComparer.Ordinal);
    }

    private static byte[] Lower(byte[] text) => Array.ConvertAll(text, one => one is >= (byte)'A' and <= (byte)'Z' ? (byte)(one | 0x20) : one);

    private void Add(string what, byte[] pattern, bool ignoresCase)
    {
        if (!_patterns.Exists(known => known.IgnoresCase == ignoresCase && known.Pattern.AsSpan().SequenceEqual(pattern)))
            _patterns.Add((what, pattern, ignoresCase));
    }
}
