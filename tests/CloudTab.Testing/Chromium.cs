namespace CloudTab.Testing;

/// <summary>
/// The machine's own Chromium; Playwright's download is not to be had everywhere. The one without windows draws the same pages for less than
/// half the CPU time.
/// </summary>
public static class Chromium
{
    private static readonly string[] Names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

    public static string? Path { get; } = Find();

    /// <summary>As root Chromium has no sandbox. On a phone it tells pages the kind of the network. The others keep it from what a test does not need.</summary>
    public static IEnumerable<string> Arguments =>
    [
        "--no-sandbox", "--enable-blink-features=NetInfoDownlinkMax", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    /// <summary>Without a browser nothing can be said of the page: in CI that is a failure.</summary>
    public static void Require() => Prerequisite.Require(Path is not null, "No Chromium was found (Debian: apt-get install chromium-headless-shell).");

    /// <summary>First where Debian has the programs: in the PATH it has scripts, and the headless shell's does not pass on a signal.</summary>
    private static string? Find()
    {
        string[] folders = ["/usr/lib/chromium", .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator)];
        return Names.SelectMany(name => folders.Select(folder => System.IO.Path.Combine(folder, name))).FirstOrDefault(File.Exists);
    }
}
