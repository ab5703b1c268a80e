using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace CloudTab.ServiceDefaults;

/// <summary>
/// Settings as files: /run/secrets/AWS_SECRET_ACCESS_KEY says what the variable of that name would, and wins over it. Docker mounts
/// secrets there; unlike a variable, a file is not shown by `docker inspect` and not inherited by children.
/// </summary>
internal static class Secrets
{
    private const string DefaultFolder = "/run/secrets";

    internal static void AddSecrets(this IHostApplicationBuilder builder) =>
        builder.Configuration.AddKeyPerFile(Path.GetFullPath(builder.Configuration["SECRETS_PATH"] ?? DefaultFolder), optional: true);
}
