using System.ComponentModel;
using System.Diagnostics;

namespace CloudTab.AppHost;

/// <summary>Docker or Podman on this machine.</summary>
internal static class ContainerRuntime
{
    /// <summary>A client that cannot reach its daemon may take its time to say so.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Whether one is installed and could start a container.</summary>
    /// <param name="only">The only one to ask; null: whatever there is.</param>
    public static bool Answers(string? only) => only is { Length: > 0 } ? IsRunning(only) : IsRunning("docker") || IsRunning("podman");

    private static bool IsRunning(string runtime)
    {
        // Not `version`, which a client can answer alone.
        var start = new ProcessStartInfo(runtime, ["ps", "--quiet"]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var client = Process.Start(start)!;
            client.BeginOutputReadLine();
            client.BeginErrorReadLine();
            if (client.WaitForExit(Patience))
                return client.ExitCode == 0;
            client.Kill(entireProcessTree: true);
            return false;
        }
        catch (Win32Exception)
        {
            return false; // not installed
        }
    }
}
