using System.Globalization;

namespace CloudTab.PrintAgent;

/// <summary>
/// LibreOffice and libheif, if this PC has them: they make a PDF of an office document, and a JPEG of a photo of an iPhone. Both are large and
/// read strangers' files, so each file gets a child of its own in namespaces of Linux: without network, other processes and rights; with
/// a folder in memory that nobody else sees, over the agent's own; and with every other disk to read only, without the user's home and what
/// programs listen on. A PC that cannot give such namespaces converts nothing, and the log says so once.
/// </summary>
/// <param name="folder">The agent's folder.</param>
/// <param name="path">Where programs are, as in PATH.</param>
internal sealed class Converter(string folder, string? path, TimeProvider clock, ILogger<Converter> logger) : IDisposable
{
    private const long MostMemory = 4L << 30; // of each process
    private const int MostProcesses = 256; // with their threads
    private const int ProcessorSeconds = 60;

    // `unshare` has made a user that is root in its own namespaces and nowhere else. $1 is the folder, $2 the file's name in it, then come folders
    // to hide, and the program. What it says goes to stderr; what it has made, to stdout. A mount that cannot be made read-only matters unless
    // another one lies over it: then its path leads to one with another id. The program may have made anything: only one file of bounded length is
    // taken, and no link, which could lead to a device without end.
    private static readonly string Script = string.Create(CultureInfo.InvariantCulture, $$"""
        ulimit -c 0
        ulimit -v {{MostMemory / 1024}}
        ulimit -t {{ProcessorSeconds}}
        ulimit -n 1024
        set -e
        work=$1 name=$2
        shift 2
        while read -r id _ _ _ place options _; do
            place=$(printf %b "$place")
            why=$(mount -o "remount,bind,ro${options#r?}" "$place" 2>&1) || if grep -q "^mnt_id:[[:space:]]*$id\$" /proc/self/fdinfo/0 < "$place"; then
                echo "$why" >&2
                exit 1
            fi
        done < /proc/self/mountinfo
        while [ "$1" != -- ]; do
            mount -t tmpfs -o size=64m,mode=700 none "$1"
            shift
        done
        shift
        mkdir -p "$work"
        mount -t tmpfs -o size=1g,mode=700 none "$work"
        cd "$work"
        mkdir out
        cat > "$name"
        export HOME="$work" TMPDIR="$work"
        prlimit --nproc={{MostProcesses}} setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@" >&2
        set -- out/*
        [ $# = 1 ]
        [ -f "$1" ]
        [ ! -L "$1" ]
        [ "$(stat -c %s "$1")" -le {{PrintReady.LargestRewritten}} ]
        exec head -c {{PrintReady.LargestRewritten}} "$1"
        """);

    private static readonly string[] Namespaces =
        ["--user", "--map-root-user", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"];

    private static readonly Dictionary<string, string> Variables = new(StringComparer.Ordinal)
    {
        ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ["LANG"] = "C.UTF-8",
    };

    // LibreOffice reads a file as what its ending says.
    private static readonly Dictionary<string, string> Documents = new(StringComparer.Ordinal)
    {
        ["application/msword"] = ".doc",
        ["application/vnd.ms-excel"] = ".xls",
        ["application/vnd.ms-powerpoint"] = ".ppt",
        ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"] = ".docx",
        ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"] = ".xlsx",
        ["application/vnd.openxmlformats-officedocument.presentationml.presentation"] = ".pptx",
        ["application/vnd.oasis.opendocument.text"] = ".odt",
        ["application/rtf"] = ".rtf",
    };

    private static readonly TimeSpan ProbeLimit = TimeSpan.FromMinutes(1);

    // How long a PC that was too busy to answer is not asked again: nobody hears of a file that waits for the answer.
    private static readonly TimeSpan Busy = TimeSpan.FromMinutes(5);

    // One at a time: each may take gigabytes.
    private readonly SemaphoreSlim _turn = new(1);
    private readonly string? _office = OperatingSystem.IsLinux() ? ChildProgram.Find(path, "soffice", "libreoffice") : null;
    private readonly string? _photos = OperatingSystem.IsLinux() ? ChildProgram.Find(path, "heif-dec", "heif-convert") : null;
    private bool? _isConfining;
    private long _busyAt; // 0: it was not

    private bool? IsConfining => _isConfining ?? (Volatile.Read(ref _busyAt) is not 0 and var at && clock.GetElapsedTime(at) < Busy ? false : default(bool?));

    /// <summary>Time for one file.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Whether a type becomes a PDF; other types that are converted become a JPEG.</summary>
    public static bool IsDocument(string type) => Documents.ContainsKey(type);

    /// <summary>Whether files of this type are converted on this PC.</summary>
    public async Task<bool> CanConvertAsync(string type, CancellationToken cancellationToken) =>
        CommandFor(type) is { } command && await CanConfineAsync(command.Program[0], cancellationToken);

    /// <summary>Converts a file.</summary>
    /// <returns>A PDF or a JPEG; the caller disposes of it.</returns>
    /// <exception cref="NotPrintableException">This PC cannot.</exception>
    public async Task<SealedFile> ConvertAsync(SealedFile content, string type, CancellationToken cancellationToken)
    {
        if (CommandFor(type) is not { } command || !await CanConfineAsync(command.Program[0], cancellationToken))
            throw new NotPrintableException("no-converter");
        await _turn.WaitAsync(cancellationToken);
        try
        {
            return await SealedFile.CreateAsync(Path.Combine(folder, "files"), async output =>
            {
                async Task WriteAsync(Stream input, CancellationToken token)
                {
                    await using var plain = content.Open();
                    await plain.CopyToAsync(input, token);
                }

                if ((await RunAsync(command.Name, command.Program, WriteAsync, output, Limit, cancellationToken)).ExitCode != 0)
                    throw new NotPrintableException("no-converter");
            });
        }
        catch (TimeoutException)
        {
            throw new NotPrintableException("no-converter");
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private (string Name, IReadOnlyList<string> Program)? CommandFor(string type)
    {
        if (Documents.TryGetValue(type, out var ending) && _office is not null)
        {
            return ($"document{ending}",
                [_office, $"-env:UserInstallation={new Uri(Path.Combine(folder, "profile")).AbsoluteUri}", "--headless", "--norestore", "--nologo", "--convert-to", "pdf", "--outdir", "out", $"document{ending}"]);
        }

        return type is "image/heic" or "image/heif" && _photos is not null ? ("photo.heic", [_photos, "-q", "95", "photo.heic", "out/photo.jpg"]) : null;
    }

    // Whether the kernel gives namespaces, and the tools are there, is known by trying. Once it is, nobody waits for a conversion to hear it.
    private async Task<bool> CanConfineAsync(string program, CancellationToken cancellationToken)
    {
        if (IsConfining is { } known)
            return known;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (IsConfining is { } meanwhile)
                return meanwhile;
            _isConfining = await TryConfiningAsync(program, cancellationToken);
            if (_isConfining is null)
                Volatile.Write(ref _busyAt, clock.GetTimestamp());
            return _isConfining == true;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <returns>Null if the PC was too busy to say.</returns>
    private async Task<bool?> TryConfiningAsync(string program, CancellationToken cancellationToken)
    {
        string reason;
        try
        {
            using var output = new MemoryStream();
            var (exitCode, complaints) = await RunAsync(
                "probe", ["/bin/cp", "probe", "out/probe"], (input, token) => input.WriteAsync(Probe, token).AsTask(), output, ProbeLimit, cancellationToken, program);
            if (exitCode == 0 && output.ToArray().AsSpan().SequenceEqual(Probe))
                return true;
            reason = complaints.Trim();
        }
        catch (TimeoutException)
        {
            logger.ConvertingNotTried(ProbeLimit, Busy);
            return null;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            reason = missing.Message;
        }

        logger.ConvertingOff(reason);
        return false;
    }

    private static byte[] Probe => [.. "CloudTab"u8];

    private Task<(int ExitCode, string Complaints)> RunAsync(
        string name, IReadOnlyList<string> program, Func<Stream, CancellationToken, Task> write, Stream output, TimeSpan limit, CancellationToken cancellationToken, string? seen = null)
    {
        string[] hidden = [.. HiddenFrom(seen ?? program[0])];
        return ChildProgram.RunAsync(
            ["/usr/bin/unshare", .. Namespaces, "--", "/bin/sh", "-c", Script, "sh", folder, name, .. hidden, "--", .. program],
            Variables, write, output, limit, clock, cancellationToken);
    }

    // What belongs to the user, and what programs listen on. Where the program itself lies has to be seen.
    private static IEnumerable<string> HiddenFrom(string program) =>
        ((string[])[Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), "/tmp", "/run", "/dev/shm"])
        .Where(directory => directory.Length > 1 && Directory.Exists(directory) && !program.StartsWith(directory + "/", StringComparison.Ordinal));
}
