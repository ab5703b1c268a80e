using System.Security.Cryptography;
using Aspire.Hosting.Publishing;

namespace CloudTab.AppHost;

/// <summary>A secret that is generated at the first run, and kept in the AppHost's user secrets for the next.</summary>
internal sealed class Secret(string prefix, int length) : ParameterDefault
{
    private const string Characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    public override string GetDefaultValue() => prefix + RandomNumberGenerator.GetString(Characters, length);

    public override void WriteToManifest(ManifestPublishingContext context) => throw new NotSupportedException();
}
